"""Reads what changes name, without ever holding the numbers one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from parley.domain.documents import WHOLE_CHAT
from parley.domain.events import Position
from parley.storage.mysql.audit.runs import Range, Runs
from parley.storage.mysql.audit.snapshot import Snapshot, UnreadableError
from parley.storage.mysql.rows import NUMBER_BITS, unpack_keys
from parley.storage.port import Pending

_SLICE: Final = 500
_NOTHING: Final = Position(0, 0)


def read_changed(snapshot: Snapshot, ends: Mapping[int, Position], after: Mapping[int, Position]) -> Pending:
    """Give what the changes above each partition's position name, and the chats that they say are gone.

    Raises:
        UnreadableError: a change is not of the form that this code writes.
    """
    gone: set[int] = set()

    def ranges() -> Iterator[Range]:
        for partition in ends:
            for packed in _changes(snapshot, partition, after.get(partition, _NOTHING)):
                try:
                    yield from _ranges(packed, gone)
                except (msgspec.MsgspecError, ValueError) as error:
                    raise UnreadableError(f"a change of partition {partition} cannot be understood") from error

    return Pending(Runs(ranges()), frozenset(gone))


def _changes(snapshot: Snapshot, partition: int, after: Position) -> Iterator[bytes]:
    epoch, id_ = after
    while rows := snapshot.rows("changes_after", partition, epoch, id_, epoch, _SLICE):
        for epoch, id_, packed in rows:  # noqa: B007 - the last one is where the next slice begins
            yield packed


def _ranges(packed: bytes, gone: set[int]) -> Iterator[Range]:
    """Fold keys, which are sorted, into ranges."""
    first = last = None
    for chat_id, number in unpack_keys(packed):
        key = chat_id << NUMBER_BITS | number
        if number == WHOLE_CHAT:
            gone.add(chat_id)
        if first is None or last is None or key != last + 1:
            if first is not None and last is not None:
                yield first, last
            first = key
        last = key
    if first is not None and last is not None:
        yield first, last
