"""One state of a database, held still for a reader while others write on."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from parley.database.mysql.errors import FailedError, LostError
from parley.database.mysql.session import Session
from parley.domain.errors import UnavailableError
from parley.storage.mysql.rows import Row


class UnreadableError(UnavailableError):
    """The server is there, but cannot read what it holds, or refuses to."""

    code = "database_unreadable"


class Snapshot:
    """Named queries on the state that a session holds, run one by one on an event loop of its own."""

    def __init__(self, runner: asyncio.Runner, session: Session, queries: Mapping[str, str]) -> None:
        """Read by ``session``, which is inside a transaction and was opened on ``runner``."""
        self._runner = runner
        self._session = session
        self._queries = queries

    def rows(self, name: str, *bindings: object) -> list[Row]:
        """Run one named query, as long as it takes, and give its rows.

        Raises:
            UnavailableError: the connection is lost, and with it the state.
            UnreadableError: the server cannot give the rows.
        """
        try:
            return self._runner.run(self._session.execute_slowly(self._queries[name], bindings)).rows
        except LostError as error:
            raise UnavailableError("the database does not answer any more", code="database_unavailable") from error
        except FailedError as error:
            raise UnreadableError(f"cannot be read: {error.text}") from error

    def close(self) -> None:
        """Let go of it."""
        try:
            self._runner.run(self._session.close())
        finally:
            self._runner.close()
