"""The database's server in memory, under the product's own transactions: connections, row locks, commits that fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import Any, Final, NamedTuple

from parley.database.mysql.errors import ContendedError, LostError
from parley.database.mysql.session import Session
from tests.simulation.loop import Node
from tests.simulation.network import Network, arrive
from tests.simulation.tables import Row, Tables

_LOCK_WAIT_S: Final = 5.0
_DROP_S: Final = 0.02
_JOB_AT: Final = {"insert_lease": 0, "take_lease": 3, "renew_lease": 1, "release_lease": 0}
_PURPOSES: Final = {
    "move_partition": "apply",
    "open_epoch": "life",
    "note_run": "life",
    "grant_application": "grant",
    "grant_chat": "grant",
    "stand_by": "stand by",
}
Watch = Callable[[Node, str, str], None]
"""Hears of a transaction by its purpose: ``ready`` before its commit is sent, ``done`` before that is answered."""
Commit = Callable[[Node, list[tuple[str, Row]]], None]
"""Hears of what is about to be written."""


class Server:
    """Rows, who holds which of them, and connections by number."""

    def __init__(self, tables: Tables, network: Network, rng: Random, watch: Watch, on_commit: Commit) -> None:
        """Begin without faults."""
        self.loop = network.loop
        self.on_commit = on_commit
        self.tables = tables
        self.network = network
        self.watch = watch
        self.random = rng.random
        self.is_up = True
        self.trouble = 0.0
        """The share of commits that meet a fault."""
        self.met: set[str] = set()
        self.broken: frozenset[str] = frozenset()
        self.sessions: dict[int, MemorySession] = {}
        self.marks: dict[str, MemorySession] = {}
        self.locks: dict[object, MemorySession] = {}
        self.waiters: list[tuple[Node, asyncio.Future[None]]] = []
        self._count = 0

    async def connect(self, node: Node) -> MemorySession:
        """Open a connection for a process.

        Raises:
            LostError: nobody answers.
        """
        await self.network.hop(node)
        if not self.is_up:
            raise LostError(2003, "connection refused")
        self._count += 1
        session = self.sessions[self._count] = MemorySession(self, node, self._count)
        return session

    def fail(self) -> None:
        """Be away: every connection is lost, and what was not committed is undone."""
        self.is_up = False
        for session in list(self.sessions.values()):
            session.end()

    def leave(self, node: Node) -> None:
        """Notice, after a moment, that a process is no more."""
        for session in [each for each in self.sessions.values() if each.node is node]:
            self.loop.on(self.loop.outside, _DROP_S * self.random(), session.end)

    def release(self) -> None:
        """Let those look again who wait for a row."""
        waiters, self.waiters = self.waiters, []
        for node, waiter in waiters:
            self.loop.on(node, 0, arrive, waiter)


class MemoryAddress(NamedTuple):
    """As much of an address as is used: which server, seen from which process."""

    server: Server
    node: Node
    database: str = "parley"


async def connect(address: MemoryAddress, _: object) -> MemorySession:
    """Stand in for the product's own `connect`."""
    return await address.server.connect(address.node)


class MemorySession(Session):
    """A connection, with what the server knows of it: a transaction's writes, and the rows that it holds."""

    def __init__(self, server: Server, node: Node, id_: int) -> None:
        """Belong to a process."""
        self.id = id_
        self.node = node
        self.in_transaction = False
        self.writes: list[tuple[str, Row]] = []
        self._server = server
        self._is_open = True

    @property
    def is_open(self) -> bool:
        """Whether this side believes in it."""
        return self._is_open

    @property
    def is_there(self) -> bool:
        """Whether the server has it still."""
        return self.id in self._server.sessions

    @property
    def purpose(self) -> str:
        """Name what its transaction is about."""
        purposes = [_PURPOSES[name] for name, _ in self.writes if name in _PURPOSES]
        if "apply" in purposes:
            return "number" if self.node.name.startswith("writer") else "apply"
        return purposes[0] if purposes else ""

    def end(self) -> None:
        """Have the server end it: what was not committed is undone."""
        server = self._server
        server.sessions.pop(self.id, None)
        self.writes.clear()
        for name in [name for name, session in server.marks.items() if session is self]:
            del server.marks[name]
        self._unlock()

    async def rows(self, name: str, *bindings: Any) -> list[Row]:  # noqa: ANN401
        """Run a query."""
        server = self._server
        self._check()
        if name.startswith("lock_"):
            await self._lock(name, bindings)
        if name == "hold_mark":
            return [(int(server.marks.setdefault(str(bindings[0]), self) is self),)]
        if name == "find_marked":
            marked = server.marks.get(str(bindings[0]))
            return [(marked and marked.id,)]
        if name == "own_lease" and "fencing token not checked" in server.broken:
            return [(1,)]
        found = server.tables.reads[name](*bindings)
        if not self.in_transaction:
            await server.network.hop(self.node)
            self._check()
        return found

    async def pick(self, name: str, wanted: Sequence[object], *bindings: object) -> list[Row]:
        """Run a query for each of some things."""
        return await self.rows(name, wanted, *bindings) if wanted else []

    async def run(self, name: str, *bindings: Any) -> int:  # noqa: ANN401
        """Run a write, at the commit."""
        self._check()
        server = self._server
        if name == "kill_connection":
            if bindings[0] in server.sessions and "fencing token not checked" not in server.broken:
                server.sessions[bindings[0]].end()
            return 1
        if name == "beat":
            server.tables.writes["beat"](*bindings)
            return 1
        if name.endswith("_lease"):
            await self._take([("lock_lease", bindings[_JOB_AT[name]])])
        matched = server.tables.matched(name, bindings)
        if matched:
            self.writes.append((name, bindings))
        return matched

    async def put(self, name: str, wanted: Sequence[Any], *_: object) -> int:
        """Run a write for each of some rows."""
        await self.fill(name, wanted)
        return len(wanted)

    async def fill(self, name: str, rows: Sequence[Row]) -> None:
        """Run a write for each row."""
        if not rows:
            return
        self._check()
        if name == "insert_messages":
            self._server.tables.refuse_twice(rows)
        elif name.startswith("grow_"):
            await self._take([(name, *row[: 1 if name == "grow_applications" else 2]) for row in rows])
        self.writes += [(name, row) for row in rows]

    async def each(self, name: str, rows: Sequence[Row]) -> None:
        """Run a write for each row."""
        await self.fill(name, rows)

    async def insert(self, name: str, *bindings: object) -> int:
        """Insert a row."""
        await self.run(name, *bindings)
        return len(self._server.tables.letters) + 1

    async def begin(self) -> None:
        """Begin a transaction."""
        self.in_transaction = True
        self._check()

    async def commit(self) -> None:
        """Do all writes together, unless the connection is lost on the way; or after it."""
        server = self._server
        purpose = self.purpose
        server.watch(self.node, "ready", purpose)
        await server.network.hop(self.node)
        fault = server.random() * 3 if server.random() < server.trouble else 3
        if fault < 1:
            server.met.add("commit failed")
            self.end()
        elif fault < 2:
            server.met.add("deadlock")
            self.writes.clear()
            self._unlock()
            raise ContendedError(1213, "deadlock")
        self._check()
        writes, self.writes = self.writes, []
        server.on_commit(self.node, writes)
        for name, bindings in writes:
            server.tables.writes[name](*bindings)
        self._unlock()
        server.watch(self.node, "done", purpose)
        if fault < 3:
            server.met.add("commit unanswered")
            self.end()
        await server.network.hop(self.node)
        self._check()
        self.in_transaction = False

    async def roll_back(self) -> None:
        """Undo the transaction."""
        self.writes.clear()
        self._unlock()
        self.in_transaction = False
        await self._server.network.hop(self.node)

    @asynccontextmanager
    async def attempt(self) -> AsyncIterator[None]:
        """Undo what was done inside if it raises."""
        mark = len(self.writes)
        try:
            yield
        except Exception:
            del self.writes[mark:]
            raise

    def drop(self) -> None:
        """Close it on this side, and soon on the other."""
        self._is_open = False
        self._server.loop.on(self._server.loop.outside, _DROP_S * self._server.random(), self.end)

    async def close(self) -> None:
        """Close it."""
        self.drop()

    def _check(self) -> None:
        if not self.is_there:
            self._is_open = False
            raise LostError(2013, "connection lost")

    async def _lock(self, name: str, bindings: Row) -> None:
        if name == "lock_application_grants":
            await self._take([("grow_applications", id_) for id_ in bindings[0]])
        elif name == "lock_chat_grants":
            await self._take([("grow_chats", bindings[0], number) for number in bindings[1]])
        else:
            await self._take([(name, *bindings)])

    async def _take(self, rows: Sequence[Row]) -> None:
        """Hold rows until the end of the transaction."""
        server = self._server
        for row in rows:
            while server.locks.get(row, self) is not self:
                waiter = server.loop.create_future()
                server.waiters.append((self.node, waiter))
                until = server.loop.time() + _LOCK_WAIT_S
                server.loop.on(self.node, _LOCK_WAIT_S, arrive, waiter)
                await waiter
                self._check()
                if server.loop.time() >= until:
                    raise ContendedError(1205, "lock wait timeout")
            server.locks[row] = self

    def _unlock(self) -> None:
        locks = self._server.locks
        mine = [row for row, session in locks.items() if session is self]
        for row in mine:
            del locks[row]
        if mine:
            self._server.release()
