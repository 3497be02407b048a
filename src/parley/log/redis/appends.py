"""The log on Redis Streams: a script inside the engine gives the numbers, one call for each partition of a batch."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from parley.domain.errors import OutcomeUnknownError
from parley.domain.events import ApplicationClosed, Depth, Entry
from parley.domain.numbering import Outcome, Reason, Refused
from parley.domain.partitions import partition_of
from parley.log.batch import FixedBatch
from parley.log.port import Batch, Log, Unsent
from parley.log.redis.errors import away
from parley.log.redis.line import Reply
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


class _Sent:
    """A batch on its way, and who waits for its outcomes; an ``error`` is a fault of ours, and nobody knows more."""

    __slots__ = ("count", "deadline", "error", "future", "is_settled", "shares")

    def __init__(self, future: asyncio.Future[list[Outcome]], deadline: float) -> None:
        self.future = future
        self.deadline = deadline
        self.shares: list[Share] = []
        self.count = 0
        self.error: Exception | None = None
        self.is_settled = False

    def waiting(self) -> list[Share]:
        """Give the shares that have no result."""
        return [share for share in self.shares if share.result is None]


class RedisLog:
    """Appends batches, two at a time, in their order: what arrives meanwhile travels with the next.

    Two, for that is how many of a writer's replies the script keeps: while a batch is not settled, the second one after
    it must not be sent, or the reply could be lost for ever. All that goes well happens in callbacks: a task would take
    turns of the loop, with other requests in between.
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
        self._sequences: dict[int, int] = defaultdict(int)
        self._partitions: dict[str, int] = {}
        self._queue: deque[Unsent] = deque()
        self._sent: deque[_Sent] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    def append(self, batch: Batch) -> asyncio.Future[list[Outcome]]:
        """Append the batch when all but the last before it are settled; until then it takes in what arrives."""
        future: asyncio.Future[list[Outcome]] = asyncio.get_running_loop().create_future()
        self._queue.append((batch, future))
        self._begin()
        return future

    def withdraw(self) -> list[Unsent]:
        """Give back the batches that no part of was sent; whoever takes them owes their outcomes."""
        unsent, self._queue = list(self._queue), deque()
        return unsent

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

    def _begin(self) -> None:
        """Send what there is a place for; who is cancelled here was never sent."""
        while self._queue and len(self._sent) < _AT_ONCE:
            batch, future = self._queue.popleft()
            if not future.done():
                sent = _Sent(future, self._clock.monotonic() + self._terms.unsettled_s)
                self._sent.append(sent)
                self._send(batch, sent)

    def _send(self, batch: Batch, sent: _Sent) -> None:
        try:
            entries = batch.seal()
            sent.shares, sent.count = self._share(entries), len(entries)
            waiting = sent.waiting()
            if waiting:
                exchange = self._wires.exchange([share.call() for share in waiting])
                if isinstance(exchange, asyncio.Future):  # on its connection, which loses what does not come in time
                    exchange.add_done_callback(partial(self._take, sent, waiting))
                else:
                    self._go_on(sent, exchange)
                return
        except Exception as error:  # noqa: BLE001 - told to those who wait; the next batch gets the place
            sent.error = error
        self._settle(sent)

    def _take(self, sent: _Sent, waiting: Sequence[Share], exchange: asyncio.Future[list[Reply]]) -> None:
        try:
            self._judge(waiting, exchange.result())
            if sent.waiting():
                self._go_on(sent)
                return
        except Exception as error:  # noqa: BLE001 - as above
            sent.error = error
        self._settle(sent)

    def _go_on(self, sent: _Sent, begun: Awaitable[list[Reply]] | None = None) -> None:
        task = asyncio.get_running_loop().create_task(self._try(sent, begun), name="append")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _try(self, sent: _Sent, begun: Awaitable[list[Reply]] | None) -> None:
        """End what is begun, and send what has no result again and again, until it has one or the time is over."""
        try:
            async with asyncio.timeout(sent.deadline - self._clock.monotonic()):
                if begun is not None:
                    self._judge(sent.waiting(), await begun)
                while waiting := sent.waiting():
                    await self._lives.adopted(_AGAIN_S)
                    self._judge(waiting, await self._wires.exchange([share.call() for share in waiting]))
        except TimeoutError:
            for share in sent.waiting():
                share.give_up()
        except Exception as error:  # noqa: BLE001 - as above
            sent.error = error
        self._settle(sent)

    def _judge(self, waiting: Sequence[Share], replies: Sequence[Reply]) -> None:
        for share, reply in zip(waiting, replies, strict=True):
            share.take(reply, self._lives)

    def _settle(self, sent: _Sent) -> None:
        sent.is_settled = True
        while self._sent and self._sent[0].is_settled:
            self._sent.popleft()
        self._sampling.acknowledge(share.last_position() for share in sent.shares)
        if not sent.future.done():
            try:
                sent.future.set_result(self._gather(sent))
            except Exception as error:  # noqa: BLE001 - as above
                sent.future.set_exception(error)
        self._begin()

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

    def _gather(self, sent: _Sent) -> list[Outcome]:
        """Give every entry's outcome in the batch's order, or the one error that is true of all entries."""
        if sent.error is not None:
            raise sent.error
        errors = [share.result for share in sent.shares if isinstance(share.result, Exception)]
        unknown = [error for error in errors if isinstance(error, OutcomeUnknownError)]
        if unknown:
            raise unknown[0]
        if errors and len(errors) == len(sent.shares):
            raise errors[0]
        outcomes: list[Outcome] = [OTHER_LIFE] * sent.count
        for share in sent.shares:
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
