"""Substring search behind the database, opened by URL."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Final, cast

from parley.opening import load_opener
from parley.search.port import IndexAudit, SearchIndex
from parley.telemetry.findings import Finding

ADAPTERS: Final = {
    "http": "parley.search.opensearch:open_",
    "https": "parley.search.opensearch:open_",
    "sqlite": "parley.search.sqlite:open_",
}
AUDITS: Final = {
    "http": "parley.search.opensearch.audit:open_audit",
    "https": "parley.search.opensearch.audit:open_audit",
    "sqlite": "parley.search.sqlite.audit:open_audit",
}
DIAGNOSES: Final = {
    "http": "parley.search.opensearch.diagnosis:diagnose",
    "https": "parley.search.opensearch.diagnosis:diagnose",
}


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


def diagnose_search(url: str) -> Awaitable[list[Finding]] | None:
    """Look at the engine behind ``url``, changing nothing; ``None``: an embedded index has none.

    Raises:
        ConfigurationError: the URL cannot be understood, or the driver is not installed.
    """
    if url.partition(":")[0] in ADAPTERS.keys() - DIAGNOSES.keys():
        return None
    return cast("Awaitable[list[Finding]]", load_opener(url, DIAGNOSES, "PARLEY_SEARCH_URL")(url))
