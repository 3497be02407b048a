"""Compares the rows of one SQLite file with each other, on one snapshot, without writing."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import apsw

from parley.database.migrations import pending
from parley.database.session import File, Row, Session
from parley.database.snapshot import Snapshot, open_snapshot
from parley.domain.documents import WHOLE_CHAT
from parley.domain.errors import ConfigurationError, UnavailableError
from parley.domain.events import NUMBER_LIMIT, Position
from parley.domain.partitions import partition_of
from parley.storage.port import Audit, Difference, Missing, Pending, Scope
from parley.storage.sqlite import file_of, migrations, queries
from parley.storage.sqlite.rows import range_above, split_id

FOLLOWER: Final = "search"
SLICE_CHATS: Final = 200
_LAST_ID: Final = 2**63 - 1
_NOTHING: Final = Position(0, 0)

Range = tuple[int, int]


def open_audit(url: str) -> SqliteAudit:
    """Open ``sqlite:///path`` for reading.

    Raises:
        ConfigurationError: there is no such file, it cannot be read, or its schema is not this code's.
    """
    file = file_of(url)
    if not file.path.exists():
        raise ConfigurationError(f"there is no database {file.path}")
    snapshot = open_snapshot(file, queries())
    try:
        _refuse_unmigrated(snapshot.session, file)
        return SqliteAudit(snapshot)
    except (apsw.Error, UnavailableError) as error:
        snapshot.close()
        raise ConfigurationError(f"cannot read the database {file.path}: {error}") from error
    except BaseException:
        snapshot.close()
        raise


def _refuse_unmigrated(session: Session, file: File) -> None:
    todo = pending(session, migrations())
    if todo:
        raise ConfigurationError(f"the database {file.path} lacks {len(todo)} migrations; run parley migrate first")


class SqliteAudit:
    """The checks, each a few named queries; tokens are shown by their first eight digits."""

    checks: Mapping[str, str] = {
        "integrity": "SQLite's own check of the file",
        "numbers": "every number given away is a row, a tombstone or explained",
        "counts": "counts are the live rows",
        "times": "no row is older than the one before it",
        "positions": "no row is beyond its partition's position",
        "changes": "every row that a follower has not passed is named by a change",
        "gaps": "the gap ledger's ranges are sane and disjoint",
        "keys": "idempotency keys point to numbers that were given",
    }

    def __init__(self, snapshot: Snapshot) -> None:
        """Read from ``snapshot``."""
        self._snapshot = snapshot
        self._ends = {row[0]: Position(row[1], row[2]) for row in snapshot.rows("partition_ends")}
        self._chat_ids = [row[0] for row in snapshot.rows("audit_chat_ids")]

    def chats(self) -> int:
        """Count the chats, deleted ones too, as the size of the work."""
        return len(self._chat_ids)

    def compare(self, show: Callable[[int], None]) -> Iterator[Difference]:
        """Give every difference; ``show`` is told how many chats are done."""
        try:
            yield from self._compare(show)
        except UnavailableError as error:
            yield Difference("integrity", "the file", error.detail)

    def _compare(self, show: Callable[[int], None]) -> Iterator[Difference]:
        for (found,) in self._snapshot.rows("audit_integrity"):
            if found != "ok":
                yield Difference("integrity", "the file", str(found))
        yield from self._applications()
        yield from self._time_of_chats()
        yield from self._rows_ahead()
        yield from self._gaps()
        yield from self._keys()
        named = self._changed_keys(dict.fromkeys(self._ends, _NOTHING))
        yield from self._unnamed(self._ids("audit_changed_chats", FOLLOWER), named)
        ends = [*self._chat_ids[SLICE_CHATS - 1 :: SLICE_CHATS], self._chat_ids[-1] if self._chat_ids else 0]
        low = 0
        for done, high in enumerate(ends, start=1):
            yield from self._slice(low, high, named)
            low = high
            show(min(done * SLICE_CHATS, len(self._chat_ids)))
        yield from self._orphans(low << 32 | WHOLE_CHAT, _LAST_ID)

    def ends(self) -> dict[int, Position]:
        """Give every partition's position."""
        return dict(self._ends)

    def floor(self, follower: str) -> dict[int, Position]:
        """Give what a follower recorded; changes at or below it may be gone."""
        rows = self._snapshot.rows("follower_positions", follower)
        return {partition: Position(epoch, position) for partition, epoch, position in rows}

    def live(self, after: int, limit: int) -> list[int]:
        """Give live messages above ``chat id << 32 | number``, in that order."""
        return self._ids("audit_live", after, limit)

    def pending(self, after: Mapping[int, Position]) -> Pending:
        """Give what was changed above each partition's position."""
        keys = self._changed_keys(after)
        chats = {split_id(key)[0] for key in keys if split_id(key)[1] == WHOLE_CHAT}
        return Pending(keys, frozenset(chats.union(self._ids("audit_closing"))))

    def place(self, key: int) -> str:
        """Say where ``chat id << 32 | number`` is, for people."""
        chat_id, number = split_id(key)
        found = self._snapshot.rows("audit_place", chat_id)
        return f"{_chat(*found[0])}, message {number}" if found else f"unknown chat {chat_id}, message {number}"

    def close(self) -> None:
        """Let go of the snapshot."""
        self._snapshot.close()

    def _ids(self, query: str, *bindings: object) -> list[int]:
        return [row[0] for row in self._snapshot.rows(query, *bindings)]

    def _slice(self, low: int, high: int, named: Sequence[int]) -> Iterator[Difference]:
        """Compare chats above ``low`` up to ``high``, ids both."""
        for row in self._snapshot.rows("audit_chats", low, high):
            yield from self._one_chat(row)
        first, last = low << 32 | NUMBER_LIMIT if low else 0, high << 32 | NUMBER_LIMIT
        for id_, at, before in self._snapshot.rows("audit_time_of_messages", first, last):
            yield Difference("times", self.place(id_), f"created at {at}, the one before at {before}")
        for id_ in self._ids("audit_messages_ahead", first, last):
            yield Difference("positions", self.place(id_), "beyond its partition's position")
        yield from self._unnamed(self._ids("audit_changed_messages", FOLLOWER, first, last), named)
        yield from self._orphans(first, last)

    def _one_chat(self, row: Row) -> Iterator[Difference]:
        (
            id_,
            application_id,
            token,
            number,
            granted,
            told,
            deleted,
            erased,
            has_parent,
            rows,
            live,
            last,
            odd,
            partition,
        ) = row
        where = _chat(token, number)
        if not has_parent:
            yield Difference("numbers", where, f"belongs to application id {application_id}, which never was")
        if odd:
            yield Difference("numbers", where, f"{odd} messages are neither live nor a tombstone")
        if erased and rows:
            yield Difference("numbers", where, f"is erased and still has {rows} messages")
        if last > granted:
            text = f"has message {last}, but only {granted} numbers were given"
            yield Difference("numbers", where, text, Scope(partition, application_id, id_))
        if deleted:
            return
        if told != live:
            yield Difference("counts", where, f"messages_count is {told}, live messages are {live}")
        if rows != granted:
            holes = self._snapshot.rows("audit_holes", *range_above(id_, 0))
            yield from self._missing(where, [*holes, (last + 1, granted)], Scope(partition, application_id, id_))

    def _applications(self) -> Iterator[Difference]:
        for row in self._snapshot.rows("audit_applications"):
            id_, token, granted, told, deleted, erased, partition, has_partition, chats, live, last = row
            where = _application(token)
            if not has_partition or partition != partition_of(token, len(self._ends)):
                yield Difference("positions", where, f"is in partition {partition}, where it does not belong")
            if last > granted:
                text = f"has chat {last}, but only {granted} numbers were given"
                yield Difference("numbers", where, text, Scope(partition, id_, 0))
            if chats != granted:
                holes = self._snapshot.rows("audit_chat_holes", id_)
                yield from self._missing(where, [*holes, (last + 1, granted)], Scope(partition, id_, 0))
            if not deleted and told != live:
                yield Difference("counts", where, f"chats_count is {told}, live chats are {live}")
            if erased and live:
                yield Difference("counts", where, f"is erased and still has {live} live chats")

    def _missing(self, where: str, holes: Sequence[Row], scope: Scope) -> Iterator[Difference]:
        """Name the holes of a scope that nothing explains."""
        explained = self._snapshot.rows("audit_explained", scope.application, scope.chat)
        for first, last in unexplained([(hole[0], hole[1]) for hole in holes], [(row[0], row[1]) for row in explained]):
            text = f"number {first} is" if first == last else f"numbers {first} to {last} are"
            yield Difference("numbers", where, f"{text} missing", Missing(scope, first, last))

    def _time_of_chats(self) -> Iterator[Difference]:
        for application_id, number, at, before in self._snapshot.rows("audit_time_of_chats"):
            where = f"chat {number} of application id {application_id}"
            yield Difference("times", where, f"created at {at}, the one before at {before}")

    def _rows_ahead(self) -> Iterator[Difference]:
        for (where,) in self._snapshot.rows("audit_rows_ahead"):
            yield Difference("positions", where, "beyond its partition's position")

    def _gaps(self) -> Iterator[Difference]:
        for _, chat_id, token, number, first, last, last_before, granted, rows in self._snapshot.rows("audit_gaps"):
            where = f"{_chat(token, number) if chat_id else _application(token)}, gap {first} to {last}"
            if granted is None:
                yield Difference("gaps", where, "its scope never was")
            elif first < 1 or last > granted:
                yield Difference("gaps", where, f"outside the {granted} numbers that were given")
            if last_before is not None and first <= last_before:
                yield Difference("gaps", where, f"overlaps the gap that ends at {last_before}")
            if rows:
                yield Difference("gaps", where, f"{rows} numbers in it have a row")

    def _keys(self) -> Iterator[Difference]:
        for token, route, number, count in self._snapshot.rows("audit_keys"):
            where = _application(token) if token else "the deployment"
            numbers = f"number {number}" if count == 1 else f"numbers {number} to {number + count - 1}"
            yield Difference("keys", where, f"a key of route {route} points to {numbers}, never given")

    def _changed_keys(self, after: Mapping[int, Position]) -> array[int]:
        """Give what changes above the positions name, sorted."""
        keys = array("q")
        for partition in self._ends:
            for (blob,) in self._snapshot.rows("audit_change_keys", partition, *after.get(partition, _NOTHING)):
                keys.frombytes(blob)
        return array("q", sorted(keys))

    def _unnamed(self, changed: Sequence[int], named: Sequence[int]) -> Iterator[Difference]:
        for key in changed:
            at = bisect_left(named, key)
            if at == len(named) or named[at] != key:
                yield Difference("changes", self.place(key), "no change tells the index of it")

    def _orphans(self, first: int, last: int) -> Iterator[Difference]:
        for id_ in self._ids("audit_orphans", first, last):
            yield Difference("numbers", self.place(id_), "its chat never was")


def unexplained(holes: Sequence[Range], explained: Sequence[Range]) -> Iterator[Range]:
    """Give what is left of rising ranges (first, last) when other ranges, rising by first, are taken out."""
    for hole in holes:
        first, last = hole
        for start, end in explained:
            if end < first or start > last:
                continue
            if start > first:
                yield first, start - 1
            first = end + 1
        if first <= last:
            yield first, last


def _application(token: str) -> str:
    return f"application {token[:8]}"


def _chat(token: str, number: int) -> str:
    return f"{_application(token)}, chat {number}"


if TYPE_CHECKING:
    _conforms: type[Audit] = SqliteAudit
