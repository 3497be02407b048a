"""Looking at the log's counts ten times a second: how deep it is, and whether it lacks what it once confirmed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from parley.domain.events import Depth, Position, position_id
from parley.log.redis.line import Reply
from parley.log.redis.lives import Bound, Lives
from parley.log.redis.wires import Call, Wires

EVERY_S: Final = 0.1

_FIELDS: Final = ("ms", "seq", "messages", "bytes", "stored_messages", "stored_bytes")


class Sampling:
    """Samples all adopted lives until it is stopped; while the log is away the last sample stands."""

    def __init__(self, wires: Wires, lives: Lives) -> None:
        """Ask over ``wires``."""
        self.depth = Depth()
        """What was not stored at the last sample, over all partitions."""
        self._wires = wires
        self._lives = lives
        self._acknowledged: dict[int, Position] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run(), name="log-sampling")

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def acknowledge(self, positions: Iterable[tuple[int, Position | None]]) -> None:
        """Note the highest position that this process was told of, by partition."""
        for partition, position in positions:
            if position is not None:
                self._acknowledged[partition] = max(position, self._acknowledged.get(partition, position))

    async def _run(self) -> None:
        while True:
            await self.sample()
            await asyncio.sleep(EVERY_S)

    async def sample(self) -> None:
        """Look once."""
        all_ = self._lives.all()
        told = dict(self._acknowledged)  # before the sample: what is told of meanwhile may lie behind it
        replies = await self._wires.exchange(
            [Call(each.partition, ("HMGET", each.keys.meta, *_FIELDS)) for each in all_]
        )
        counts = [_count(reply) for reply in replies]
        if all_ and None not in counts:
            known = [count for count in counts if count is not None]
            self.depth = Depth(sum(count.messages for count in known), sum(count.bytes for count in known))
        short = [each for each, reply in zip(all_, replies, strict=True) if _is_short(each, reply, told)]
        await self._wires.exchange([Call(each.partition, ("SET", each.keys.short, "1")) for each in short])


def _count(reply: Reply) -> Depth | None:
    """Give what is not stored; nothing where the life is over, ``None`` where the server did not answer."""
    if isinstance(reply, Exception):
        return None
    _, _, messages, size, stored_messages, stored_bytes = (int(value or 0) for value in reply)
    return Depth(max(0, messages - stored_messages), max(0, size - stored_bytes))


def _is_short(bound: Bound, reply: Reply, told: dict[int, Position]) -> bool:
    """Tell whether the log of this very epoch ends before what was confirmed in it."""
    position = told.get(bound.partition)
    if position is None or position.epoch != bound.life.epoch or isinstance(reply, Exception) or not reply[0]:
        return False
    return position_id(int(reply[0]), int(reply[1])) < position.id
