"""One connection with Parley's settings and named queries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from sys import getsizeof
from typing import Any, Final, NamedTuple

import msgspec
from asyncmy.connection import Connection
from asyncmy.constants.CLIENT import FOUND_ROWS
from asyncmy.cursors import SSCursor
from asyncmy.errors import Error

from parley.database.mysql.address import Address
from parley.database.mysql.errors import ContendedError, LostError, UnfitError, failed
from parley.database.mysql.literals import inserts

Row = tuple[Any, ...]


_TOGETHER: Final = 50
"""Statements that travel together: with the longest texts they still fit into one packet of the server's."""


class Result(NamedTuple):
    """What a statement gave: rows, how many it matched, and the number that the server made for a new one."""

    rows: list[Row]
    matched: int
    made: int


_STREAMED: Final = 2_000
"""Rows of a long result that are held at a time."""
_STREAMED_BYTES: Final = 4 << 20
"""Bytes of them, and a row more: a dead letter's is of 2 MiB."""
_STALLED_S: Final = 300.0
"""How long the rows that are held at a time, or a statement as it is written, may take."""

_ISOLATION: Final = "set session transaction isolation level read committed"
_SETTINGS: Final = """
set collation_connection = utf8mb4_bin, time_zone = '+00:00', innodb_lock_wait_timeout = 5, sql_notes = 0,
    sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'
"""
"""Strict, so that what does not fit is an error; UTC, because leases use the server's clock."""


class Session:
    """A connection that runs one named query after the other; each outside a transaction is one by itself.

    A statement that is cancelled or takes too long closes the connection: nobody knows what it would read next.
    All methods raise one of `parley.database.mysql.errors`.
    """

    def __init__(self, connection: Any, queries: Mapping[str, str], address: Address) -> None:  # noqa: ANN401
        """Wrap an open connection of the driver, whose own types say little."""
        self._connection = connection
        self._transport = connection._transport  # noqa: SLF001 - the driver's own close waits for a server that hangs
        self._queries = queries
        self._address = address
        self.id = int(connection.thread_id())
        self.in_transaction = False

    @property
    def is_open(self) -> bool:
        """Whether it may still be used; the server may have closed it all the same."""
        return bool(self._connection.connected)

    async def rows(self, name: str, *bindings: object) -> list[Row]:
        """Run one named query and give its rows."""
        return (await self.execute(self._queries[name], bindings)).rows

    async def pick(self, name: str, wanted: Sequence[object], *bindings: object) -> list[Row]:
        """Run one named query whose first binding is a JSON array, if that is not empty, and give its rows."""
        return await self.rows(name, encode(wanted), *bindings) if wanted else []

    async def run(self, name: str, *bindings: object) -> int:
        """Run one named query and give how many rows it matched, changed or not."""
        return (await self.execute(self._queries[name], bindings)).matched

    async def put(self, name: str, wanted: Sequence[object], *bindings: object) -> int:
        """Run one named query whose first binding is a JSON array, if that is not empty; give the rows it matched."""
        return await self.run(name, encode(wanted), *bindings) if wanted else 0

    async def insert(self, name: str, *bindings: object) -> int:
        """Insert one row and give the number that the server made for it."""
        return (await self.execute(self._queries[name], bindings)).made

    async def fill(self, name: str, rows: Sequence[Row]) -> None:
        """Insert many rows with few statements of up to about 1 MB; the named query inserts one."""
        with self._translating():
            for statement in inserts(self._queries[name], rows) if rows else ():
                async with asyncio.timeout(self._timeout_s):
                    await self._connection.query(statement)

    async def each(self, name: str, rows: Sequence[Row]) -> None:
        """Run one named query for each row, many of them on the way at the same time."""
        for start in range(0, len(rows), _TOGETHER):
            with self._translating():
                async with asyncio.timeout(self._timeout_s):
                    await self._run_together(self._queries[name], rows[start : start + _TOGETHER])

    async def execute(self, statement: str, bindings: Sequence[object] = ()) -> Result:
        """Run a statement."""
        with self._translating():
            async with asyncio.timeout(self._timeout_s):
                return await self._execute(statement, bindings)

    async def execute_slowly(self, statement: str, bindings: Sequence[object] = ()) -> Result:
        """Run a statement that may take as long as it takes."""
        with self._translating():
            return await self._execute(statement, bindings)

    async def run_slowly(self, name: str, *bindings: object) -> list[Row]:
        """Run one named query that may take as long as it takes, and give its rows."""
        return (await self.execute_slowly(self._queries[name], bindings)).rows

    async def run_text(self, statement: bytes) -> None:
        """Run a whole statement as it is written, that may take minutes."""
        with self._translating(_STALLED_S):
            async with asyncio.timeout(_STALLED_S):
                await self._connection.query(statement)

    async def stream(self, statement: str) -> AsyncIterator[tuple[list[str], list[Row]]]:
        """Give a statement's columns and rows as they come, many short ones or few long ones at a time."""
        with self._translating(_STALLED_S):
            cursor = self._connection.cursor(SSCursor)
            async with asyncio.timeout(_STALLED_S):
                await cursor.execute(statement)
            names = [column[0] for column in cursor.description]
            while rows := await _fetch(cursor):
                yield names, rows

    async def begin(self) -> None:
        """Begin a transaction."""
        self.in_transaction = True
        await self.execute("begin")

    async def commit(self) -> None:
        """Commit; an error other than `LostError` means that nothing was."""
        await self.execute("commit")
        self.in_transaction = False

    async def roll_back(self) -> None:
        """Undo the transaction; where that is not possible the connection is closed, which does the same."""
        try:
            await self.execute("rollback")
        except BaseException:
            self.drop()
            raise
        self.in_transaction = False

    @asynccontextmanager
    async def attempt(self) -> AsyncIterator[None]:
        """Undo what was done inside if it raises, and go on with the transaction; attempts do not nest."""
        await self.execute("savepoint attempt")
        try:
            yield
        except ContendedError:  # the whole transaction is to be rolled back, and after a deadlock it is
            raise
        except Exception:
            if self.is_open:
                await self.execute("rollback to savepoint attempt")
            raise

    def drop(self) -> None:
        """Close the socket at once, whatever is still to be sent; the server rolls back."""
        self._transport.abort()
        self._connection.close()

    async def close(self) -> None:
        """Say good-bye and close."""
        try:
            async with asyncio.timeout(1):
                await self._connection.ensure_closed()
        except (Error, OSError, TimeoutError):
            self.drop()

    async def _run_together(self, statement: str, rows: Sequence[Row]) -> None:
        cursor = self._connection.cursor()
        await cursor.execute("; ".join(cursor.mogrify(statement, row) for row in rows))
        while await cursor.nextset():
            pass

    async def _execute(self, statement: str, bindings: Sequence[object]) -> Result:
        cursor = self._connection.cursor()
        await cursor.execute(statement, bindings or None)
        return Result(list(await cursor.fetchall()), int(cursor.rowcount), int(cursor.lastrowid))

    @property
    def _timeout_s(self) -> float:
        return self._address.write_timeout_s if self.in_transaction else self._address.read_timeout_s

    @contextmanager
    def _translating(self, timeout_s: float | None = None) -> Iterator[None]:
        try:
            yield
        except Error as error:
            translated = failed(error)
            if isinstance(translated, LostError):
                self.drop()
            raise translated from error
        except UnicodeError as error:  # before anything was sent
            raise UnfitError(0, "text that is not Unicode") from error
        except (TimeoutError, OSError) as error:
            self.drop()
            raise LostError(0, f"no answer within {timeout_s or self._timeout_s} s") from error
        except BaseException:
            self.drop()
            raise


def encode(values: Sequence[object]) -> str:
    """Make a JSON array for a query that takes one; text travels unchanged, bytes must be hex.

    Raises:
        UnfitError: a text holds a lone surrogate.
    """
    try:
        return msgspec.json.encode(values).decode()
    except UnicodeError as error:
        raise UnfitError(0, "text that is not Unicode") from error


async def _fetch(cursor: Any) -> list[Row]:  # noqa: ANN401 - the driver's stub has no types
    """Give the next rows, as many as may be held; none at the end."""
    rows: list[Row] = []
    held = 0
    async with asyncio.timeout(_STALLED_S):
        while len(rows) < _STREAMED and held < _STREAMED_BYTES and (row := await cursor.fetchone()) is not None:
            rows.append(row)
            held += sum(map(getsizeof, row))
    return rows


async def _shake_hands(connection: Any) -> None:  # noqa: ANN401 - the driver's stub has no types
    try:
        await connection.connect()
    except RuntimeError as error:  # the driver's word for a connection that ends before it has begun
        raise LostError(0, f"the connection was lost at its beginning: {error}") from error


async def connect(address: Address, queries: Mapping[str, str]) -> Session:
    """Open one connection with Parley's settings.

    Raises:
        LostError: nobody answers there.
        DeniedError: the user is not let in.
        FailedError: the server refused otherwise, as when the database is missing.
    """
    connection: Any = Connection(  # type: ignore[no-untyped-call]  # the driver's stub has no types
        host=address.host,
        port=address.port,
        unix_socket=address.unix_socket,
        user=address.user,
        password=address.password.encode(),
        database=address.database,
        charset="utf8mb4",
        autocommit=True,
        client_flag=FOUND_ROWS,
        connect_timeout=address.connect_timeout_s,
        ssl=address.tls,
        program_name="parley",
    )
    try:
        async with asyncio.timeout(address.connect_timeout_s):
            await _shake_hands(connection)
            session = Session(connection, queries, address)
            await session.execute(_ISOLATION)
            await session.execute(_SETTINGS)
    except Error as error:
        connection.close()
        raise failed(error) from error
    except (TimeoutError, OSError) as error:
        connection.close()
        raise LostError(0, f"no connection within {address.connect_timeout_s} s: {error}") from error
    except BaseException:
        connection.close()
        raise
    return session
