"""Substring search behind the database, opened by URL."""

from __future__ import annotations

from typing import Final, cast

from parley.opening import load_opener
from parley.search.port import IndexAudit, SearchIndex

ADAPTERS: Final = {"sqlite": "parley.search.sqlite:open_"}
AUDITS: Final = {"sqlite": "parley.search.sqlite.audit:open_audit"}


def open_search(url: str) -> SearchIndex:
    """Open the index at ``url``; an embedded one that is missing, damaged or of another version starts empty.

    Raises:
        ConfigurationError: no adapter serves the URL, or its file cannot be used.
    """
    return cast("SearchIndex", load_opener(url, ADAPTERS, "PARLEY_SEARCH_URL")(url))


def open_index_audit(url: str) -> IndexAudit | None:
    """Open the index at ``url`` for reading alone; ``None`` if there is none yet.

    Raises:
        ConfigurationError: no adapter serves the URL, or its file cannot be read.
    """
    return cast("IndexAudit | None", load_opener(url, AUDITS, "PARLEY_SEARCH_URL")(url))
