"""The log as its followers read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from parley.domain.events import Depth, Logged, Position
from parley.log.port import Reading, Stream
from parley.log.redis.entries import read_entry, stream_id
from parley.log.redis.line import Reply
from parley.log.redis.names import epoch_keys, partition_keys
from parley.log.redis.wires import Call, Wires

READ_BYTES: Final = 4 * 1024 * 1024
"""No more is read of a partition, once so much was."""

PAGE: Final = 64
"""Entries that are asked for while nobody knows that all of them are small: of the largest, some 64 MiB."""


class RedisStream:
    """Reads all partitions in one round trip if little is new, else in as many as it takes to bound the bytes."""

    def __init__(self, wires: Wires, prefix: str) -> None:
        """Read over ``wires`` under names that begin with ``prefix``."""
        self._wires = wires
        self._prefix = prefix

    async def read(self, after: Mapping[int, Position], limit: int) -> Reading:
        """Give entries of each position's own epoch: up to ``limit`` of a partition, and some megabytes.

        Epoch and count are read before the entries: if the epoch is another one, an end that was reached is the end for
        ever; and what the count has more than the entries was trimmed.

        Raises:
            UnavailableError: the log is away.
        """
        size = min(limit, PAGE)
        calls: list[Call] = []
        for partition, position in after.items():
            meta = epoch_keys(self._prefix, partition, position.epoch).meta
            calls += (
                Call(partition, ("GET", partition_keys(self._prefix, partition).epoch)),
                Call(partition, ("HMGET", meta, "messages", "bytes")),
                self._page(partition, position, size),
            )
        replies = await self._wires.ask(calls)
        epochs = {p: None if epoch is None else int(epoch) for p, epoch in zip(after, replies[::3], strict=True)}
        counts = zip(after, replies[1::3], strict=True)
        so_far = {p: Depth(*map(int, count)) for p, count in counts if None not in count}
        pages = zip(after, replies[2::3], strict=True)
        entries = {p: _read_entries(after[p].epoch, page) for p, page in pages}
        full = {p for p, found in entries.items() if len(found) == size}
        await self._read_on(entries, full, so_far, limit)
        return Reading(entries, epochs, so_far, full)

    async def _read_on(
        self, entries: Mapping[int, list[Logged]], full: set[int], so_far: Mapping[int, Depth], limit: int
    ) -> None:
        """Add to ``entries`` until they are enough or their partition is not in ``full`` any more."""
        while sizes := {p: size for p in full if (size := _next_size(entries[p], so_far.get(p), limit))}:
            calls = [self._page(p, entries[p][-1].position, size) for p, size in sizes.items()]
            for (p, size), page in zip(sizes.items(), await self._wires.ask(calls), strict=True):
                entries[p] += _read_entries(entries[p][-1].position.epoch, page)
                if len(page) < size:
                    full.discard(p)

    def _page(self, partition: int, after: Position, size: int) -> Call:
        log = epoch_keys(self._prefix, partition, after.epoch).log
        return Call(partition, ("XRANGE", log, b"(" + stream_id(after.id), "+", "COUNT", size))


def _next_size(found: Sequence[Logged], end: Depth | None, limit: int) -> int:
    """Give how many more to ask for: the rest if it is known to be small, nothing if there is enough."""
    if sum(len(logged.raw) for logged in found) >= READ_BYTES:
        return 0
    is_small = end is not None and end.bytes - found[-1].so_far.bytes <= READ_BYTES
    return min(limit - len(found), limit if is_small else PAGE)


def _read_entries(epoch: int, page: Reply) -> list[Logged]:
    return [read_entry(epoch, written, fields) for written, fields in page]


if TYPE_CHECKING:
    _conforms: type[Stream] = RedisStream
