"""One state of a file, held still for a reader while others write on."""

from __future__ import annotations

from collections.abc import Mapping

import apsw

from parley.database.session import File, Row, Session, connect
from parley.domain.errors import ConfigurationError, UnavailableError


class Snapshot:
    """Named queries on the state of the first read, until `close`."""

    def __init__(self, session: Session) -> None:
        """Read from ``session``, which is inside a transaction."""
        self.session = session

    def rows(self, name: str, *bindings: object) -> list[Row]:
        """Run one named query and give its rows.

        Raises:
            UnavailableError: the file is damaged where the query reads it.
        """
        try:
            return self.session.rows(name, *bindings)
        except apsw.Error as error:
            raise UnavailableError(f"cannot be read: {error}") from error

    def close(self) -> None:
        """Let go of it."""
        self.session.close()


def open_snapshot(file: File, queries: Mapping[str, str]) -> Snapshot:
    """Open a file for reading; everything that is read is the state of the first read.

    Raises:
        ConfigurationError: the file cannot be read, or is no database.
    """
    session = connect(file, queries, read_only=True)
    try:
        session.execute("begin").fetchall()
        session.execute("pragma schema_version").fetchall()
    except apsw.Error as error:
        session.close()
        raise ConfigurationError(f"cannot read the database {file.path}: {error}") from error
    return Snapshot(session)
