"""The SQLite search index: FTS5 trigrams in a file of its own, beside the database."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from parley.domain.errors import ConfigurationError
from parley.search.sqlite.index import SqliteSearch


def open_(url: str) -> SqliteSearch:
    """Open ``sqlite:///path``.

    Raises:
        ConfigurationError: the URL names no file, or the file is not ours to use.
    """
    parts = urlsplit(url)
    if parts.netloc or len(parts.path) < 2:  # noqa: PLR2004 - a slash and a name
        raise ConfigurationError(f"PARLEY_SEARCH_URL is {url!r}, not of the form sqlite:///path/to/search.db")
    return SqliteSearch(Path(unquote(parts.path)))
