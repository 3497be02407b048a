"""The checks of one database, in their order; tokens are shown by their first eight digits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from parley.domain.events import NUMBER_LIMIT, Position
from parley.storage.mysql.audit.applications import compare_applications
from parley.storage.mysql.audit.changed import read_changed
from parley.storage.mysql.audit.chats import Known, compare_chats
from parley.storage.mysql.audit.ledger import compare_keys, compare_letters, compare_lost_gaps, compare_orphans
from parley.storage.mysql.audit.live import live_messages
from parley.storage.mysql.audit.partitions import Partitions, compare_rows_ahead
from parley.storage.mysql.audit.places import chat_place
from parley.storage.mysql.audit.snapshot import Snapshot, UnreadableError
from parley.storage.mysql.rows import NUMBER_BITS
from parley.storage.port import Audit, Difference, Pending

FOLLOWER: Final = "search"


class MySqlAudit:
    """Compares the rows of one snapshot, a slice at a time: what it holds does not grow with the database."""

    checks: Mapping[str, str] = {
        "integrity": "the server can read its rows",
        "numbers": "every number up to the last is a row, a tombstone or explained",
        "grants": "no more was used than given, and the log may give no more than that",
        "counts": "counts are the live rows",
        "times": "no row is older than the one before it",
        "positions": "no row is beyond its partition's position, and each is in its own partition",
        "changes": "every row that a follower has not passed is named by a change",
        "gaps": "the gap ledger's ranges are sane and disjoint",
        "keys": "idempotency keys point to numbers that were given",
        "letters": "dead letters are of what there is, and wait for one another only",
        "erased": "what was deleted or erased keeps nothing of what it held",
    }

    def __init__(self, snapshot: Snapshot) -> None:
        """Read from ``snapshot``."""
        self._snapshot = snapshot

    def chats(self) -> int:
        """Count the chats, deleted ones too, as the size of the work."""
        count: int = self._snapshot.rows("audit_count_chats")[0][0]
        return count

    def compare(self, show: Callable[[int], None]) -> Iterator[Difference]:
        """Give every difference; ``show`` is told how many chats are done.

        Raises:
            UnavailableError: the connection was lost on the way.
        """
        try:
            yield from self._compare(show)
        except UnreadableError as error:
            yield Difference("integrity", "the database", error.detail)

    def _compare(self, show: Callable[[int], None]) -> Iterator[Difference]:
        snapshot = self._snapshot
        partitions = Partitions(snapshot)
        yield from partitions.compare()
        yield from compare_rows_ahead(snapshot)
        yield from compare_letters(snapshot, partitions)
        yield from compare_applications(snapshot, partitions)
        yield from compare_lost_gaps(snapshot)
        yield from compare_keys(snapshot)
        named = read_changed(snapshot, partitions.ends(), {}).messages
        known = Known(partitions, FOLLOWER, self.floor(FOLLOWER), named)
        for done, differences in compare_chats(snapshot, known):
            yield from differences
            show(done)
        yield from compare_orphans(snapshot)

    def ends(self) -> dict[int, Position]:
        """Give every partition's position."""
        return Partitions(self._snapshot).ends()

    def floor(self, follower: str) -> dict[int, Position]:
        """Give what a follower recorded; changes at or below it may be gone."""
        rows = self._snapshot.rows("follower_positions", follower.encode())
        return {partition: Position(epoch, position) for partition, epoch, position in rows}

    def live(self, after: int, limit: int) -> list[int]:
        """Give live messages above ``chat id << 32 | number``, in that order."""
        return live_messages(self._snapshot, after, limit)

    def pending(self, after: Mapping[int, Position]) -> Pending:
        """Give what was changed above each partition's position."""
        changed, gone = read_changed(self._snapshot, self.ends(), after)
        return Pending(changed, gone.union(row[0] for row in self._snapshot.rows("audit_closing")))

    def place(self, key: int) -> str:
        """Say where ``chat id << 32 | number`` is, for people."""
        chat_id, number = key >> NUMBER_BITS, key & NUMBER_LIMIT
        found = self._snapshot.rows("audit_place", chat_id)
        return f"{chat_place(*found[0])}, message {number}" if found else f"unknown chat {chat_id}, message {number}"

    def close(self) -> None:
        """Let go of the snapshot."""
        self._snapshot.close()


if TYPE_CHECKING:
    _conforms: type[Audit] = MySqlAudit
