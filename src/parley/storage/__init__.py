"""The storage: durable rows behind ports, opened by URL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from parley.opening import load_opener

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from parley.database.migrations import Migration
    from parley.storage.archive import Archive
    from parley.storage.port import Audit, Opened, Opening
    from parley.telemetry.clock import Clock
    from parley.telemetry.findings import Finding

ADAPTERS: Final = {
    "sqlite": "parley.storage.sqlite:open_",
    "mysql": "parley.storage.mysql:open_",
    "mariadb": "parley.storage.mysql:open_",
}
PLANS: Final = {
    "sqlite": "parley.storage.sqlite:plan",
    "mysql": "parley.storage.mysql:plan",
    "mariadb": "parley.storage.mysql:plan",
}
AUDITS: Final = {
    "sqlite": "parley.storage.sqlite.audit:open_audit",
    "mysql": "parley.storage.mysql.audit:open_audit",
    "mariadb": "parley.storage.mysql.audit:open_audit",
}
ARCHIVES: Final = {
    "sqlite": "parley.storage.sqlite.archive:open_archive",
    "mysql": "parley.storage.mysql.archive:open_archive",
    "mariadb": "parley.storage.mysql.archive:open_archive",
}
DIAGNOSES: Final = {
    "mysql": "parley.storage.mysql.diagnosis:diagnose",
    "mariadb": "parley.storage.mysql.diagnosis:diagnose",
}
"""Only servers can be asked; of a file there is nothing to say that `open_audit` does not."""


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


def open_archive(url: str) -> Archive:
    """Name the database at ``url`` for a backup or a restore; not to be used where an event loop runs.

    Raises:
        ConfigurationError: no adapter serves the URL.
    """
    return cast("Archive", load_opener(url, ARCHIVES, "PARLEY_DATABASE_URL")(url))


def plan_storage(url: str) -> Sequence[Migration]:
    """Give the migrations that `open_storage` would apply, in order, without writing anything.

    Raises:
        ConfigurationError: no adapter serves the URL, the file cannot be read, or its schema is newer than this code.
    """
    return cast("Sequence[Migration]", load_opener(url, PLANS, "PARLEY_DATABASE_URL")(url))


def diagnose_storage(url: str, clock: Clock, *, accepts_relaxed: bool) -> Awaitable[list[Finding]] | None:
    """Look at the server behind ``url``, changing nothing; ``None``: an embedded database has none.

    Raises:
        ConfigurationError: the URL cannot be understood, or the driver is not installed.
    """
    if url.partition(":")[0] in ADAPTERS.keys() - DIAGNOSES.keys():
        return None
    diagnose = load_opener(url, DIAGNOSES, "PARLEY_DATABASE_URL")
    return cast("Awaitable[list[Finding]]", diagnose(url, clock, accepts_relaxed=accepts_relaxed))
