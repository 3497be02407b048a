"""A log of its own and a database that several processes share, in memory: doubles of our ports, with their rules.

Every call passes `Places.at` before it does what it does, and again after: there a test lets a process crash, sleep
or be overtaken.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple, cast

from parley.domain.errors import ConflictError, UnavailableError
from parley.domain.events import Depth, Logged, Position, position_id
from parley.domain.grants import STANDBY, Life, Partition
from parley.log.port import Apart, Feeding, Reach, Reading, Vitals
from parley.storage.sharing import Applied, DeadLetters, Holder, Lease, Numbering, Scopes, Shared
from tests.unit.workers.doubles import StillClock

P = 0
"""The one partition."""


class CrashError(Exception):
    """The process is gone here: nothing after it happened."""


class Places:
    """Where calls pass, named ``before seal`` and ``after seal``."""

    def __init__(self) -> None:
        """Let everything pass."""
        self.passed: list[str] = []
        self._awaiting: dict[str, list[Callable[[], Awaitable[None]]]] = defaultdict(list)

    def once(self, place: str, do: Callable[[], Awaitable[None]]) -> None:
        """Do something when a call next passes a place."""
        self._awaiting[place].append(do)

    def fail(self, place: str, error: Exception) -> None:
        """Raise an error when a call next passes a place."""

        async def do() -> None:
            raise error

        self.once(place, do)

    async def at(self, place: str) -> None:
        """Pass."""
        self.passed.append(place)
        for do in self._awaiting.pop(place, []):
            await do()


class Engine:
    """What the one partition's log is, whoever speaks to it: epochs, entries, runs and loaded scripts."""

    def __init__(self, clock: StillClock) -> None:
        """Begin empty, in a first run."""
        self.run_id = "run-1"
        self.keeps_all = True
        self.open: int | None = None
        self.sealed = 0
        self.streams: dict[int, list[Logged]] = {}
        self.ends: dict[int, Position] = {}
        self.loaded: set[Life] = set()
        self.short: set[int] = set()
        self.acknowledged: list[Position] = []
        self.trimmed: list[Position] = []
        self.away = False
        self._clock = clock
        self._so_far = Depth()

    def append(self, life: Life, messages: int = 1, raw: bytes = b"raw") -> Position | None:
        """Append an entry, as a writer does who knows a life; ``None`` if it is refused."""
        if self.away or life not in self.loaded or self.open != life.epoch:
            return None
        last = self.ends[life.epoch]
        position = Position(life.epoch, max(last.id + 1, self._clock.now_ms() << 20))
        self._so_far = Depth(self._so_far.messages + messages, self._so_far.bytes + len(raw))
        self.streams[life.epoch].append(Logged(position, None, raw, self._so_far))
        self.ends[life.epoch] = position
        self.acknowledged.append(position)
        return position

    def restart(self, *, lost: int = 0) -> None:
        """Run again, without the scripts and perhaps without the last entries."""
        self.run_id = f"run-{int(self.run_id[4:]) + 1}"
        self.loaded.clear()
        for epoch, stream in self.streams.items():
            if lost and stream:
                del stream[-lost:]
                self.ends[epoch] = stream[-1].position if stream else Position(epoch, 0)

    def flush(self) -> None:
        """Lose everything but the scripts."""
        self.open, self.sealed = None, 0
        self.streams.clear()
        self.ends.clear()
        self.short.clear()
        self.trimmed.clear()


class DictLog:
    """A process's way to the `Engine`: `Stream` and `Keeper`."""

    def __init__(self, engine: Engine, places: Places) -> None:
        """Speak to ``engine``, passing ``places``."""
        self._engine = engine
        self._places = places
        self._examined = 0
        self.keys_known_since: int | None = None

    async def _pass(self, place: str) -> None:
        await self._places.at(place)
        if self._engine.away:
            raise UnavailableError("The log does not answer")

    async def read(self, after: Mapping[int, Position], limit: int) -> Reading:
        """Give what is behind the position in its own epoch."""
        await self._pass("before read")
        ((partition, position),) = after.items()
        stream = self._engine.streams.get(position.epoch, [])
        found = [logged for logged in stream if logged.position > position][:limit]
        full = {partition} if len(found) == limit else set[int]()
        reading = Reading({partition: found} if found else {}, {partition: self._engine.open}, full=full)
        await self._pass("after read")
        return reading

    async def examine(self, partition: int, life: Life) -> Vitals:
        """Look."""
        assert partition == P
        await self._pass("before examine")
        engine = self._engine
        self._examined = life.epoch
        vitals = Vitals(
            engine.open,
            engine.run_id,
            engine.ends.get(life.epoch),
            engine.open == life.epoch and life in engine.loaded,
            engine.keeps_all,
            life.epoch in engine.short,
            engine.sealed,
            max((each for each in engine.trimmed if each.epoch == life.epoch), default=None),
        )
        await self._pass("after examine")
        return vitals

    async def seal(self, partition: int) -> None:
        """End for ever the open epoch and the one that the database holds."""
        assert partition == P
        await self._pass("before seal")
        self._engine.sealed = max(self._engine.sealed, self._engine.open or 0, self._examined)
        self._engine.open = None
        await self._pass("after seal")

    async def open(self, partition: int, life: Life, floor: Position, keys_known_since: int) -> None:
        """Begin or resume, but never what was ended."""
        assert partition == P
        await self._pass("before open")
        engine = self._engine
        if engine.run_id != life.run_id:
            raise UnavailableError("The engine has begun another run")
        if life.epoch <= engine.sealed or life.epoch < (engine.open or 0):
            raise ConflictError("That epoch is over")
        if engine.open != life.epoch:
            engine.streams[life.epoch] = []
            engine.ends[life.epoch] = floor
            self.keys_known_since = keys_known_since
        engine.open = life.epoch
        engine.loaded.add(life)
        await self._pass("after open")

    async def trim(self, partition: int, until: Logged) -> None:
        """Let go of what is stored."""
        assert partition == P
        await self._pass("before trim")
        stream = self._engine.streams.get(until.position.epoch, [])
        stream[:] = [logged for logged in stream if logged.position > until.position]
        self._engine.trimmed.append(until.position)
        await self._pass("after trim")


class _LeaseRow(NamedTuple):
    owner: str
    token: int
    until: float


class Store:
    """What the database holds, whoever speaks to it."""

    def __init__(self, clock: StillClock) -> None:
        """Begin in an epoch that no log has had."""
        self.row = Partition(P, Life(1, ""), Position(1, 0), "log")
        self.applied: list[Position] = []
        self.leases: dict[str, _LeaseRow] = {}
        self.beats: dict[str, float] = {}
        self.away = False
        self.clock = clock


class DictDatabase:
    """A process's way to the `Store`: `Scopes` (rows alone), `Persisting` and `Leases`."""

    def __init__(self, store: Store, places: Places) -> None:
        """Speak to ``store``, passing ``places``."""
        self._store = store
        self._places = places
        self.dead = 0
        self.dropped = 0

    async def _pass(self, place: str) -> None:
        await self._places.at(place)
        if self._store.away:
            raise UnavailableError("The database does not answer")

    async def partitions(self) -> list[Partition]:
        """Give the row."""
        await self._pass("before partitions")
        return [Partition(P + 1, Life(1, ""), Position(1, 0), "log"), self._store.row]

    async def apply(self, partition: int, lease: Lease, after: Position, logged: Sequence[Logged]) -> Applied:
        """Store the entries if lease and position are the present ones."""
        assert partition == P
        await self._pass("before apply")
        self._guard(lease)
        if after != self._store.row.position:
            raise ConflictError("The position is another")
        self._store.applied += [one.position for one in logged]
        self._store.row = self._store.row._replace(position=logged[-1].position)
        await self._pass("after apply")
        return Applied(len(logged), self.dropped, self.dead)

    async def open_life(self, partition: int, lease: Lease, life: Life, floor: Position) -> Position:
        """Note another life, above all that was changed."""
        assert partition == P
        await self._pass("before open_life")
        self._guard(lease)
        if life.epoch < self._store.row.life.epoch:
            raise ConflictError("That epoch is over")
        is_new = life.epoch > self._store.row.life.epoch
        above = Position(life.epoch, position_id(self._store.row.changed_at + 1))
        position = max(floor, above) if is_new else self._store.row.position
        mode = "log" if is_new else self._store.row.mode
        self._store.row = self._store.row._replace(life=life, position=position, mode=mode)
        await self._pass("after open_life")
        return position

    async def stand_by(self, partition: int, lease: Lease, epoch: int) -> None:
        """Give the numbers from now on."""
        assert partition == P
        await self._pass("before stand_by")
        self._guard(lease)
        row = self._store.row
        if row.life.epoch != epoch:
            raise ConflictError("That epoch is over")
        if not row.stands_by:
            self._store.row = row._replace(life=row.life._replace(epoch=epoch + 1), mode=STANDBY)
        await self._pass("after stand_by")

    def _guard(self, lease: Lease) -> None:
        row = self._store.leases.get(lease.job)
        if row is None or (row.owner, row.token) != (lease.owner, lease.token):
            raise ConflictError("The lease is another's")

    async def beat(self, owner: str, ttl_s: float) -> int:
        """Live, and count the living."""
        await self._pass("before beat")
        now = self._store.clock.monotonic()
        self._store.beats[owner] = now + ttl_s
        return sum(until > now for until in self._store.beats.values())

    async def claim(self, job: str, owner: str, ttl_s: float) -> Lease | None:
        """Take what is free."""
        await self._pass("before claim")
        now = self._store.clock.monotonic()
        row = self._store.leases.get(job, _LeaseRow("", 0, now))
        if row.owner not in {"", owner} and row.until > now:
            return None
        self._store.leases[job] = _LeaseRow(owner, row.token + 1, now + ttl_s)
        await self._pass("after claim")
        return Lease(job, owner, row.token + 1)

    async def renew(self, lease: Lease, ttl_s: float) -> bool:
        """Hold for longer."""
        await self._pass("before renew")
        row = self._store.leases[lease.job]
        if (row.owner, row.token) != (lease.owner, lease.token):
            return False
        self._store.leases[lease.job] = row._replace(until=self._store.clock.monotonic() + ttl_s)
        await self._pass("after renew")
        return True

    async def release(self, lease: Lease) -> None:
        """Let go."""
        await self._pass("before release")
        row = self._store.leases[lease.job]
        if (row.owner, row.token) == (lease.owner, lease.token):
            self._store.leases[lease.job] = row._replace(owner="", until=0)

    async def holders(self) -> list[Holder]:
        """Give every lease."""
        await self._pass("before holders")
        now = self._store.clock.monotonic()
        return [Holder(job, row.owner, round((row.until - now) * 1_000)) for job, row in self._store.leases.items()]


def shared(database: DictDatabase) -> Shared:
    """Give the database as its ports."""
    return Shared(cast("Scopes", database), database, database, cast("DeadLetters", None), cast("Numbering", None))


def apart(log: DictLog) -> Apart:
    """Give the log as its ports."""
    return Apart(cast("Feeding", None), log, log, cast("Reach", None))
