"""The log on Redis Streams: a script inside the engine gives the numbers, one call for each partition of a batch."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from parley.domain.errors import OutcomeUnknownError
from parley.domain.events import ApplicationClosed, Depth, Entry
from parley.domain.numbering import Outcome, Reason, Refused
from parley.domain.partitions import partition_of
from parley.log.batch import FixedBatch
from parley.log.port import Batch, Log
from parley.log.redis.errors import away
from parley.log.redis.lives import Lives
from parley.log.redis.packing import Packed, Vouched
from parley.log.redis.sampling import Sampling
from parley.log.redis.settling import OTHER_LIFE, Share
from parley.log.redis.wires import Call, Wires
from parley.telemetry.clock import Clock

_AGAIN_S: Final = 0.05
"""Between two tries of a batch whose reply was lost; the adoption of a life ends it early."""
_AT_ONCE: Final = 2
_REMEMBERED_TOKENS: Final = 100_000


class AppendTerms(NamedTuple):
    """What holds for every append; deadlines are told by ``clock``."""

    clock: Clock

    partitions: int
    key_ttl_ms: int
    unsettled_s: float


class RedisLog:
    """Appends batches, two at a time, in their order: what arrives meanwhile travels with the next.

    Two, for that is how many of a writer's replies the script keeps: while a batch is not settled, the second one after
    it must not be sent, or the reply could be lost for ever.
    """

    def __init__(self, wires: Wires, lives: Lives, vouched: Vouched, sampling: Sampling, terms: AppendTerms) -> None:
        """Append over ``wires`` in the adopted ``lives``."""
        self.durability = "queued"
        self.at_once = _AT_ONCE
        self._wires = wires
        self._lives = lives
        self._vouched = vouched
        self._sampling = sampling
        self._clock = terms.clock
        self._terms = terms
        self._turn = asyncio.Lock()
        self._sequences: dict[int, int] = defaultdict(int)
        self._partitions: dict[str, int] = {}
        self._tasks: set[asyncio.Task[list[Outcome]]] = set()
        self._sent: deque[asyncio.Task[None]] = deque()

    def append(self, batch: Batch) -> asyncio.Future[list[Outcome]]:
        """Append the batch when all but the last before it are settled; until then it takes in what arrives."""
        task = asyncio.get_running_loop().create_task(self._append(batch), name="append")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close_gate(self, token: str) -> None:
        """Append the application's end; a gate that an entry has closed takes no other.

        Raises:
            UnavailableError: the log is away or between two lives; nothing was written.
            OutcomeUnknownError: nobody can tell; it may be repeated at will.
        """
        closing = self.append(FixedBatch([Entry(token, None, ApplicationClosed())]))
        (outcome,) = await asyncio.shield(closing)  # on its way it holds a place beside another's batch
        if isinstance(outcome, Refused) and outcome.reason is not Reason.APPLICATION_GONE:
            raise away("it is between two lives")

    def depth(self) -> Depth:
        """Give the messages and bytes that were not stored when the log was last sampled."""
        return self._sampling.depth

    async def ping(self) -> None:
        """Ask every partition's server."""
        await self._wires.ask([Call(partition, ("PING",)) for partition in range(self._terms.partitions)])

    async def _append(self, batch: Batch) -> list[Outcome]:
        async with self._turn:
            if len(self._sent) == _AT_ONCE:
                await asyncio.wait({self._sent[0]})  # who is cancelled here leaves the window as it is
                del self._sent[0]
            entries = batch.seal()
            shares = self._share(entries)
            settled = asyncio.get_running_loop().create_task(self._settle(shares), name="settle")
            self._sent.append(settled)
        await settled
        self._sampling.acknowledge(share.last_position() for share in shares)
        return self._gather(shares, len(entries))

    def _share(self, entries: Sequence[Entry]) -> list[Share]:
        """Pack the entries by partition, each in the life that its log has by the last adoption."""
        packed: dict[int, Packed] = defaultdict(Packed)
        for place, entry in enumerate(entries):
            packed[self._partition(entry.token)].add(place, entry, self._vouched)
        shares = []
        for partition, part in packed.items():
            self._sequences[partition] += 1
            arguments = part.arguments(self._sequences[partition], self._terms.key_ttl_ms)
            shares.append(Share(part, self._lives.get(partition), arguments))
        return shares

    async def _settle(self, shares: Sequence[Share]) -> None:
        """Send what has no result, again and again, until it has one or the time is over."""
        deadline = self._clock.monotonic() + self._terms.unsettled_s
        while waiting := [share for share in shares if share.result is None]:
            try:
                async with asyncio.timeout(deadline - self._clock.monotonic()):
                    await self._try(waiting)
            except TimeoutError:
                for share in waiting:
                    share.give_up()

    async def _try(self, waiting: Sequence[Share]) -> None:
        calls = [share.call() for share in waiting]
        for share, reply in zip(waiting, await self._wires.exchange(calls), strict=True):
            share.take(reply, self._lives)
        if any(share.result is None for share in waiting):
            await self._lives.adopted(_AGAIN_S)

    def _gather(self, shares: Sequence[Share], count: int) -> list[Outcome]:
        """Give every entry's outcome in the batch's order, or the one error that is true of all entries."""
        errors = [share.result for share in shares if isinstance(share.result, Exception)]
        for error in errors:
            if isinstance(error, OutcomeUnknownError) or len(errors) == len(shares):
                raise error
        outcomes: list[Outcome] = [OTHER_LIFE] * count
        for share in shares:
            for place, outcome in zip(share.packed.places, share.outcomes(), strict=True):
                outcomes[place] = outcome
        return outcomes

    def _partition(self, token: str) -> int:
        partition = self._partitions.get(token)
        if partition is None:
            if len(self._partitions) >= _REMEMBERED_TOKENS:
                self._partitions.clear()
            partition = self._partitions[token] = partition_of(token, self._terms.partitions)
        return partition


if TYPE_CHECKING:
    _conforms: type[Log] = RedisLog
