"""The state of a deployment on servers of its own, each of which may be away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from parley.bootstrap.ports import build_log, opening
from parley.cli.overview.logs import LogState, look_at_logs, look_without_rows
from parley.cli.overview.parts import Part
from parley.cli.overview.state import Job, Partition, State, place
from parley.cli.servers import refuse_old_schema
from parley.config import JOBS, Settings
from parley.domain.errors import ConfigurationError, UnavailableError
from parley.domain.events import Position
from parley.domain.grants import Partition as Row
from parley.search import open_index_audit, open_search
from parley.storage import open_storage
from parley.storage.sharing import Holder, persist_lease
from parley.telemetry.clock import Clock
from parley.telemetry.files import file_behind
from parley.workers.index import FOLLOWER

_NOBODY: Final = Holder("", "", 0)


class _Rows(NamedTuple):
    """What the database says."""

    partitions: Sequence[Row] = ()
    holders: Mapping[str, Holder] = MappingProxyType({})
    """Those that hold a lease, by job."""
    letters: int | None = None
    indexed: Mapping[int, Position] = MappingProxyType({})
    """How far the index is, as its follower recorded it."""
    changed_at: Mapping[int, int] = MappingProxyType({})
    """When the oldest change was made that is not in the index, in UTC milliseconds."""


class Deployment:
    """Looks as often as it is asked; connections are kept, and made again when a server comes back."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        """Name the servers; they are connected to by the first look.

        Raises:
            ConfigurationError: a URL cannot be understood.
        """
        storage = open_storage(settings.database_url, opening(settings, clock)._replace(accepts_relaxed=True))
        log = build_log(settings, clock, settings.partitions, accepts_relaxed=True)
        if storage.shared is None or log.apart is None:
            raise ConfigurationError("a database of several processes needs a log of its own: set PARLEY_LOG_URL")
        self._settings, self._clock = settings, clock
        self._changes, self._shared = storage.changes, storage.shared
        self._log, self._apart = log.log, log.apart
        self._closers: list[Callable[[], Awaitable[None]]] = [storage.close, log.close]

        async def start_database() -> None:
            await asyncio.to_thread(refuse_old_schema, settings)
            await storage.start()

        self._database_part = Part("database", start_database, storage.storage.ping, clock)
        self._log_part = Part("log", log.start, log.log.ping, clock)
        self._search_part = Part("search", _no_start, self._search_ping(), clock)

    async def look(self) -> State:
        """Ask every server, all at once, and then what only makes sense together."""
        parts = (self._database_part, self._log_part, self._search_part)
        await asyncio.gather(*(part.look() for part in parts))
        rows = (await self._database_part.ask(self._read_rows()) if self._database_part.is_there else None) or _Rows()
        logs = (await self._log_part.ask(self._look_at_logs(rows)) if self._log_part.is_there else None) or {}
        is_led = all(self._holder(rows, row.id).owner for row in rows.partitions)
        return State(
            profile="server",
            ok=is_led and all(part.is_there for part in parts),
            servers=[part.server for part in parts],
            partitions=self._partitions(rows, logs),
            jobs=[] if not rows.partitions else [_job(name, rows.holders.get(name)) for name in JOBS[1:]],
            workers=sorted({holder.owner for holder in rows.holders.values()}) if rows.partitions else None,
            dead_letters=rows.letters,
            durability=self._log.durability if self._log_part.is_there else None,
        )

    async def close(self) -> None:
        """Close the connections."""
        for close in self._closers:
            await close()

    def _search_ping(self) -> Callable[[], Awaitable[None]]:
        """Give what looks at the index: an embedded one belongs to the process that serves it, and is only read."""
        url = self._settings.search_url
        if file_behind(url) is None:
            search = open_search(url)
            self._closers.append(search.close)
            return search.ping

        def read() -> None:
            index = open_index_audit(url)
            if index is None:
                raise UnavailableError("there is no index yet")
            index.close()

        return lambda: asyncio.to_thread(read)

    async def _read_rows(self) -> _Rows:
        scopes, leases, letters = self._shared.scopes, self._shared.leases, self._shared.dead_letters
        indexed = await self._changes.floor(FOLLOWER)
        changed_at: dict[int, int] = {}
        for change in await self._changes.read(indexed, 1):
            changed_at.setdefault(change.partition, change.position.at)
        holders = {holder.job: holder for holder in await leases.holders() if holder.is_live}
        return _Rows(await scopes.partitions(), holders, await letters.count(), indexed, changed_at)

    async def _look_at_logs(self, rows: _Rows) -> dict[int, LogState]:
        if rows.partitions:
            return await look_at_logs(self._apart, rows.partitions)
        return await look_without_rows(self._apart, self._settings.partitions)

    def _partitions(self, rows: _Rows, logs: Mapping[int, LogState]) -> list[Partition]:
        if rows.partitions:
            return [self._partition(row, rows, logs.get(row.id)) for row in rows.partitions]
        return [
            Partition(id=id_, epoch=log.life.epoch, run_id=log.life.run_id, end=place(log.end))
            for id_, log in logs.items()
        ]

    def _partition(self, row: Row, rows: _Rows, log: LogState | None) -> Partition:
        holder = self._holder(rows, row.id)
        return Partition(
            id=row.id,
            epoch=row.life.epoch,
            mode=row.mode,
            run_id=row.life.run_id,
            log=None if log is None else log.finding,
            owner=holder.owner or None,
            lease_left_s=holder.left_ms / 1_000 if holder.owner else None,
            position=place(row.position),
            end=None if log is None else place(log.end),
            lag_s=None if log is None else self._age_s(log.waiting_since),
            depth=None if log is None else log.depth,
            index_position=place(rows.indexed.get(row.id)),
            index_lag_s=self._age_s(rows.changed_at.get(row.id)),
        )

    def _age_s(self, at: int | None) -> float:
        """Give how long ago that was; 0 if it never was."""
        return 0.0 if at is None else max(0, self._clock.now_ms() - at) / 1_000

    def _holder(self, rows: _Rows, partition: int) -> Holder:
        return rows.holders.get(persist_lease(partition), _NOBODY)


def _job(name: str, holder: Holder | None) -> Job:
    return Job(name, None, None) if holder is None else Job(name, holder.owner, holder.left_ms / 1_000)


async def _no_start() -> None:
    """Make nothing: starting an index would make one that is missing."""
