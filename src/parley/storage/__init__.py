"""The storage: durable rows behind ports, opened by URL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from parley.opening import load_opener

if TYPE_CHECKING:
    from parley.storage.port import Opened, Opening

ADAPTERS: Final = {"sqlite": "parley.storage.sqlite:open_"}


def open_storage(url: str, opening: Opening) -> Opened:
    """Open the database at ``url``, migrated to the newest schema.

    Raises:
        ConfigurationError: no adapter serves the URL, the file cannot be used, another process
            owns it, or its schema is newer than this code.
    """
    return cast("Opened", load_opener(url, ADAPTERS, "PARLEY_DATABASE_URL")(url, opening))
