"""Substring search behind the database, opened by URL."""

from __future__ import annotations

from typing import Final, cast

from parley.opening import load_opener
from parley.search.port import SearchIndex

ADAPTERS: Final = {"sqlite": "parley.search.sqlite:open_"}


def open_search(url: str) -> SearchIndex:
    """Open the index at ``url``; an embedded one that is missing, damaged or of another version starts empty.

    Raises:
        ConfigurationError: no adapter serves the URL, or its file cannot be used.
    """
    return cast("SearchIndex", load_opener(url, ADAPTERS, "PARLEY_SEARCH_URL")(url))
