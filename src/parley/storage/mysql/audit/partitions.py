"""What partitions say of themselves, and what must not be beyond that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final, NamedTuple

from parley.domain.events import Position
from parley.domain.grants import STANDBY
from parley.storage.mysql.audit.places import chat_place
from parley.storage.mysql.audit.snapshot import Snapshot
from parley.storage.port import Difference

_LAST_CHAT_ID: Final = 2**31 - 1
"""Search indexes pack a chat's id and a number into 63 bits."""

_MODES: Final = {b"log", STANDBY.encode()}


class Partition(NamedTuple):
    """A partition's row."""

    id: int
    epoch: int
    position_epoch: int
    position_id: int
    mode: bytes
    chat_counter: int
    change_epoch: int
    change_id: int


class Partitions:
    """All partitions by id."""

    def __init__(self, snapshot: Snapshot) -> None:
        """Read the rows."""
        self._rows = {row[0]: Partition(*row) for row in snapshot.rows("audit_partitions")}
        self._unreadable: Counter[int] = Counter()

    def __len__(self) -> int:
        """Count them."""
        return len(self._rows)

    def has(self, id_: int) -> bool:
        """Tell whether there is such a partition."""
        return id_ in self._rows

    def epoch(self, id_: int) -> int:
        """Give a partition's epoch; 0 if there is no such partition."""
        return self._rows[id_].epoch if id_ in self._rows else 0

    def ends(self) -> dict[int, Position]:
        """Give the position of every partition's last change."""
        return {row.id: Position(row.change_epoch, row.change_id) for row in self._rows.values()}

    def note_unreadable(self, id_: int) -> None:
        """Remember that a dead letter of the partition cannot be read: nobody knows which numbers it has."""
        self._unreadable[id_] += 1

    def hint(self, id_: int) -> str:
        """Say where numbers may be that are missing in the partition."""
        count = self._unreadable[id_]
        letters = "dead letter" if count == 1 else "dead letters"
        return f"; {count} unreadable {letters} of its partition may have had it" if count else ""

    def owns(self, id_: int, chat_id: int) -> bool:
        """Tell whether a partition has given this id to a chat."""
        counter, partition = divmod(chat_id, len(self._rows) or 1)
        return id_ == partition and self.has(id_) and 1 <= counter <= self._rows[id_].chat_counter

    def compare(self) -> Iterator[Difference]:
        """Give what is wrong with the rows themselves."""
        if list(self._rows) != list(range(len(self._rows))) or not self._rows:
            yield Difference("positions", "the partitions", f"are not numbered without a hole: {list(self._rows)}")
        for row in self._rows.values():
            where = f"partition {row.id}"
            if row.position_epoch > row.epoch:
                yield _wrong(where, f"its position is of epoch {row.position_epoch}, it is in epoch {row.epoch}")
            if row.change_epoch > row.epoch:
                yield _wrong(where, f"its last change is of epoch {row.change_epoch}, it is in epoch {row.epoch}")
            if row.mode not in _MODES:
                yield _wrong(
                    where, f"its mode is {row.mode.decode('utf-8', 'replace')!r}, which this code does not know"
                )
            if row.chat_counter * len(self._rows) + row.id > _LAST_CHAT_ID:
                yield _wrong(where, f"its chat_counter {row.chat_counter} makes ids that no index can hold")


def compare_rows_ahead(snapshot: Snapshot) -> Iterator[Difference]:
    """Give chats, keys, changes and followers beyond what their partition says."""
    for kind, token, number in snapshot.rows("audit_rows_ahead"):
        name = kind.decode() if isinstance(kind, bytes) else kind
        where = chat_place(token, number) if name == "chat" else f"{name} of partition {number}"
        if name == "idempotency key":
            where = f"{name} for number {number} of application {token.decode('utf-8', 'replace')[:8]}"
        yield _wrong(where, "beyond its partition's position")


def _wrong(where: str, what: str) -> Difference:
    return Difference("positions", where, what)
