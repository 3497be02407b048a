"""The log as its followers read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from parley.domain.events import Depth, Logged, Position
from parley.log.port import Reading, Stream
from parley.log.redis.entries import read_entry, stream_id
from parley.log.redis.line import Reply
from parley.log.redis.names import epoch_keys, partition_keys
from parley.log.redis.wires import Call, Wires


class RedisStream:
    """Reads all partitions in one round trip."""

    def __init__(self, wires: Wires, prefix: str) -> None:
        """Read over ``wires`` under names that begin with ``prefix``."""
        self._wires = wires
        self._prefix = prefix

    async def read(self, after: Mapping[int, Position], limit: int) -> Reading:
        """Give entries of each position's own epoch; fewer than ``limit`` of a partition say that its end was reached.

        Epoch and count are read before the entries: if the epoch is another one, an end that was reached is the end for
        ever; and what the count has more than the entries was trimmed.

        Raises:
            UnavailableError: the log is away.
        """
        calls: list[Call] = []
        for partition, position in after.items():
            keys = epoch_keys(self._prefix, partition, position.epoch)
            calls += (
                Call(partition, ("GET", partition_keys(self._prefix, partition).epoch)),
                Call(partition, ("HMGET", keys.meta, "messages", "bytes")),
                Call(partition, ("XRANGE", keys.log, b"(" + stream_id(position.id), "+", "COUNT", limit)),
            )
        replies = await self._wires.ask(calls)
        entries = {
            partition: _read_entries(position.epoch, found)
            for (partition, position), found in zip(after.items(), replies[2::3], strict=True)
        }
        epochs = dict(zip(after, (None if epoch is None else int(epoch) for epoch in replies[::3]), strict=True))
        counts = zip(after, replies[1::3], strict=True)
        return Reading(entries, epochs, {p: Depth(*map(int, count)) for p, count in counts if None not in count})


def _read_entries(epoch: int, found: Reply) -> Sequence[Logged]:
    return [read_entry(epoch, written, fields) for written, fields in found]


if TYPE_CHECKING:
    _conforms: type[Stream] = RedisStream
