"""Reads what the index holds, without writing, beside a running server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from parley.database.named import load_queries
from parley.database.session import File
from parley.database.snapshot import Snapshot, open_snapshot
from parley.domain.errors import ConfigurationError, UnavailableError
from parley.domain.events import Position
from parley.search.port import IndexAudit


def open_audit(url: str) -> SqliteIndexAudit | None:
    """Open ``sqlite:///path`` for reading; ``None`` if there is no such file.

    Raises:
        ConfigurationError: the file cannot be read, or is no index.
    """
    path = Path(unquote(urlsplit(url).path))
    if not path.exists():
        return None
    snapshot = open_snapshot(File(path), load_queries("parley.search", "sql", "sqlite"))
    try:
        return SqliteIndexAudit(snapshot)
    except UnavailableError as error:
        snapshot.close()
        raise ConfigurationError(f"cannot read the search index {path}: {error}") from error


class SqliteIndexAudit:
    """One snapshot of the index file."""

    def __init__(self, snapshot: Snapshot) -> None:
        """Read from ``snapshot``."""
        self._snapshot = snapshot
        self._positions = {row[0]: Position(row[1], row[2]) for row in snapshot.rows("positions")}

    def integrity(self) -> list[str]:
        """Give what SQLite finds wrong with the file."""
        return [str(row[0]) for row in self._snapshot.rows("audit_integrity") if row[0] != "ok"]

    def positions(self) -> dict[int, Position]:
        """Give the last indexed position by partition."""
        return dict(self._positions)

    def documents(self, after: int, limit: int) -> list[int]:
        """Give documents above ``chat id << 32 | number``, in that order."""
        return [row[0] for row in self._snapshot.rows("audit_documents", after, limit)]

    def close(self) -> None:
        """Let go of the snapshot."""
        self._snapshot.close()


if TYPE_CHECKING:
    _conforms: type[IndexAudit] = SqliteIndexAudit
