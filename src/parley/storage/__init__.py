"""The storage: durable rows behind ports, opened by URL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from parley.opening import load_opener

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parley.database.migrations import Migration
    from parley.storage.port import Audit, Opened, Opening

ADAPTERS: Final = {"sqlite": "parley.storage.sqlite:open_"}
PLANS: Final = {"sqlite": "parley.storage.sqlite:plan"}
AUDITS: Final = {"sqlite": "parley.storage.sqlite.audit:open_audit"}


def open_storage(url: str, opening: Opening) -> Opened:
    """Open the database at ``url``, migrated to the newest schema.

    Raises:
        ConfigurationError: no adapter serves the URL, the file cannot be used, another process
            owns it, or its schema is newer than this code.
    """
    return cast("Opened", load_opener(url, ADAPTERS, "PARLEY_DATABASE_URL")(url, opening))


def open_audit(url: str) -> Audit:
    """Open the database at ``url`` for reading alone, on one snapshot, whoever owns it.

    Raises:
        ConfigurationError: no adapter serves the URL, the file cannot be read, or its schema is not this code's.
    """
    return cast("Audit", load_opener(url, AUDITS, "PARLEY_DATABASE_URL")(url))


def plan_storage(url: str) -> Sequence[Migration]:
    """Give the migrations that `open_storage` would apply, in order, without writing anything.

    Raises:
        ConfigurationError: no adapter serves the URL, the file cannot be read, or its schema is newer than this code.
    """
    return cast("Sequence[Migration]", load_opener(url, PLANS, "PARLEY_DATABASE_URL")(url))
