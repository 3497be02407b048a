"""The log as its followers read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from parley.domain.events import Depth, Logged, Position
from parley.log.port import Reading, Stream
from parley.log.redis.entries import read_entry, stream_id
from parley.log.redis.line import Reply
from parley.log.redis.names import epoch_keys, partition_keys
from parley.log.redis.wires import Call, Wires

READ_BYTES: Final = 4 * 1024 * 1024
"""No more is read of a partition, once so much was."""

SURE_BYTES: Final = 4 * READ_BYTES
"""If no more than this waits, a page may be as large as the entries before it let hope."""

PAGE: Final = 64
"""Entries that a page may have else: of the largest, which may stand behind small ones, some 64 MiB."""


class RedisStream:
    """Reads all partitions in one round trip if little is new, else in as many as it takes to bound the bytes."""

    def __init__(self, wires: Wires, prefix: str) -> None:
        """Read over ``wires`` under names that begin with ``prefix``."""
        self._wires = wires
        self._prefix = prefix
        self._fitting: dict[int, int] = {}
        """How many entries of a partition are `READ_BYTES`, judging by the last reading; unknown if that failed."""

    async def read(self, after: Mapping[int, Position], limit: int) -> Reading:
        """Give entries of each position's own epoch: up to ``limit`` of a partition and some megabytes, at first one.

        Epoch and count are read before the entries: if the epoch is another one, an end that was reached is the end for
        ever; and what the count has more than the entries was trimmed.

        Raises:
            UnavailableError: the log is away.
        """
        fitting = {p: self._fitting.pop(p) for p in after if p in self._fitting}
        begun = await self._begin(after, {p: min(limit, PAGE, fitting.get(p, 1)) for p in after})
        while sizes := {p: size for p in begun.full & fitting.keys() if (size := _next_size(begun, p, limit))}:
            await self._read_on(begun, sizes)
        self._fitting |= fitting | {p: _fitting(found, READ_BYTES) for p, found in begun.entries.items() if found}
        return Reading(*begun)

    async def _begin(self, after: Mapping[int, Position], sizes: Mapping[int, int]) -> _Begun:
        calls: list[Call] = []
        for p, position in after.items():
            meta = epoch_keys(self._prefix, p, position.epoch).meta
            calls += (
                Call(p, ("GET", partition_keys(self._prefix, p).epoch)),
                Call(p, ("HMGET", meta, "messages", "bytes")),
                self._page(p, position, sizes[p]),
            )
        replies = await self._wires.ask(calls)
        epochs = {p: None if epoch is None else int(epoch) for p, epoch in zip(after, replies[::3], strict=True)}
        counts = zip(after, replies[1::3], strict=True)
        so_far = {p: Depth(*map(int, count)) for p, count in counts if None not in count}
        pages = zip(after.items(), replies[2::3], strict=True)
        entries = {p: _read_entries(position.epoch, page) for (p, position), page in pages}
        return _Begun(entries, epochs, so_far, {p for p, found in entries.items() if len(found) == sizes[p]})

    async def _read_on(self, begun: _Begun, sizes: Mapping[int, int]) -> None:
        """Add a page to the entries of each of these partitions."""
        calls = [self._page(p, begun.entries[p][-1].position, size) for p, size in sizes.items()]
        for (p, size), page in zip(sizes.items(), await self._wires.ask(calls), strict=True):
            found = begun.entries[p]
            found += _read_entries(found[-1].position.epoch, page)
            if len(page) < size:
                begun.full.discard(p)

    def _page(self, partition: int, after: Position, size: int) -> Call:
        log = epoch_keys(self._prefix, partition, after.epoch).log
        return Call(partition, ("XRANGE", log, b"(" + stream_id(after.id), "+", "COUNT", size))


class _Begun(NamedTuple):
    """A `Reading` on its way."""

    entries: dict[int, list[Logged]]
    epochs: dict[int, int | None]
    so_far: dict[int, Depth]
    full: set[int]


def _next_size(begun: _Begun, partition: int, limit: int) -> int:
    """Give how many entries to ask for besides, nothing if there are enough."""
    found, end = begun.entries[partition], begun.so_far.get(partition, Depth())
    size = min(limit - len(found), _fitting(found, READ_BYTES - _count_bytes(found)))
    return size if 0 < end.bytes - found[-1].so_far.bytes <= SURE_BYTES else min(size, PAGE)


def _fitting(found: Sequence[Logged], room: int) -> int:
    """Give how many entries like these have so many bytes: one at least, if there is any room."""
    return 0 if room <= 0 else max(1, room * len(found) // max(1, _count_bytes(found)))


def _count_bytes(found: Sequence[Logged]) -> int:
    return sum(len(logged.raw) for logged in found)


def _read_entries(epoch: int, page: Reply) -> list[Logged]:
    return [read_entry(epoch, written, fields) for written, fields in page]


if TYPE_CHECKING:
    _conforms: type[Stream] = RedisStream
