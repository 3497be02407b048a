"""The database's rows, and what the named queries of `storage/sql/mysql` do to them.

Reads give what is committed. Writes are collected by their transaction and done at its commit, all of them together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from parley.database.mysql.errors import DuplicateError
from parley.domain.events import Position

Row = tuple[Any, ...]
Standing = tuple[int, int, int, int, int, int, int, int]
"""granted_until, granted_at, grant_size, log_epoch, log_first, log_until, last_number, burnt"""
_NOTHING_GRANTED: Standing = (0, 0, 0, 0, 1, 0, 0, 0)


class Scope(msgspec.Struct):
    """A row of ``application`` or ``chat``, as far as numbers go."""

    parent: int
    """The partition of an application, the application of a chat."""
    id: int
    name: bytes | int
    standing: Standing = _NOTHING_GRANTED
    is_gone: bool = False
    is_closed: bool = False
    live: int = 0
    created_hash: bytes | None = None
    position: Position = Position(0, 0)
    """Of the last change."""
    created: Position = Position(0, 0)


class Message(msgspec.Struct):
    """A row of ``message``."""

    position: Position
    body: str | None
    created_hash: bytes | None
    created: Position
    is_gone: bool = False


class PartitionRow(msgspec.Struct):
    """A row of ``partition``."""

    epoch: int = 0
    run_id: bytes = b""
    position: Position = Position(0, 0)
    chat_counter: int = 0
    change: Position = Position(0, 0)
    last_key_at: int = 0
    burn: int = 0
    mode: bytes = b"log"
    letters_moved: int = 0
    """Which lies in a row of ``lease``."""


class LeaseRow(msgspec.Struct):
    """A row of ``lease``."""

    owner: bytes
    token: int
    until: int


class Tables:
    """All rows, and the queries by name."""

    def __init__(self, now_ms: Callable[[], int], partitions: int) -> None:
        """Hold no application."""
        self.now_ms = now_ms
        self.partitions = [PartitionRow() for _ in range(partitions)]
        self.applications: dict[str, Scope] = {}
        self.by_id: dict[int, Scope] = {}
        self.chats: dict[tuple[int, int], Scope] = {}
        self.chats_by_id: dict[int, Scope] = {}
        self.messages: dict[tuple[int, int, int], Message] = {}
        self.keys: dict[Row, Row] = {}
        self.gaps: list[Row] = []
        self.letters: list[Row] = []
        self.leases: dict[bytes, LeaseRow] = {}
        self.workers: dict[bytes, int] = {}
        self.reads: dict[str, Callable[..., list[Row]]] = {
            name.removeprefix("_read_"): getattr(self, name) for name in dir(self) if name.startswith("_read_")
        }
        self.writes: dict[str, Callable[..., int | None]] = {
            name.removeprefix("_write_"): getattr(self, name) for name in dir(self) if name.startswith("_write_")
        }

    def add_application(self, token: str, partition: int) -> None:
        """Make an application."""
        id_ = len(self.by_id) + 1
        self.applications[token] = self.by_id[id_] = Scope(partition, id_, token.encode())

    # What reads

    def _read_partitions(self) -> list[Row]:
        return [
            (id_, row.epoch, row.run_id, *row.position, row.mode, row.last_key_at, row.change.id, row.letters_moved)
            for id_, row in enumerate(self.partitions)
        ]

    def _read_lock_partition(self, id_: int) -> list[Row]:
        row = self.partitions[id_]
        return [(row.epoch, *row.position, row.chat_counter, *row.change, row.mode, row.burn)]

    def _read_epochs_of(self, tokens: Sequence[str]) -> list[Row]:
        rows = (self.applications[token] for token in tokens if token in self.applications)
        found = ((row, self.partitions[row.parent]) for row in rows)
        return [(row.name, row.id, row.is_gone, at.epoch, at.burn, at.mode == b"log") for row, at in found]

    def _read_known_applications(self, tokens: Sequence[str]) -> list[Row]:
        return [row[:3] for row in self._read_epochs_of(tokens)]

    def _read_lock_application_grants(self, ids: Sequence[int]) -> list[Row]:
        return [(id_, *self.by_id[id_].standing) for id_ in ids]

    def _read_lock_chat_grants(self, application: int, numbers: Sequence[int]) -> list[Row]:
        found = [self.chats[application, n] for n in numbers if (application, n) in self.chats]
        return [(row.name, row.id, row.is_gone, *row.standing) for row in found]

    def _read_known_chats(self, wanted: Sequence[tuple[int, int]]) -> list[Row]:
        found = [(key, self.chats[key]) for key in wanted if key in self.chats]
        return [(*key, row.id, row.is_gone, row.created_hash, *row.position) for key, row in found]

    def _read_known_messages(self, wanted: Sequence[tuple[int, int, int]]) -> list[Row]:
        found = [(key, self.messages[key]) for key in wanted if key in self.messages]
        return [(*key, row.is_gone, row.created_hash, *row.position) for key, row in found]

    def _read_find_keys(self, names: Sequence[tuple[str, str, str]], since: int) -> list[Row]:
        found = []
        for place, (token, route, key) in enumerate(names, 1):
            row = self.applications.get(token)
            known = self.keys.get((row.id, route.encode(), key.encode())) if row and not row.is_gone else None
            if known is not None and known[5] > since:
                found.append((place, known[0], known[1], known[3], known[4]))
        return found

    def _read_unclosed(self, _: int) -> list[Row]:
        return [(row.name,) for row in self.by_id.values() if row.is_gone and not row.is_closed]

    def _read_letters_of(self, _: Sequence[str], __: int) -> list[Row]:
        return []

    def _read_count_letters(self) -> list[Row]:
        return [(len(self.letters),)]

    def _read_own_lease(self, job: bytes, owner: bytes, token: int) -> list[Row]:
        row = self.leases[job]
        return [(1,)] if (row.owner, row.token) == (owner, token) else []

    def _read_lock_lease(self, job: bytes) -> list[Row]:
        row = self.leases.get(job)
        return [] if row is None else [(row.owner, row.token, row.until - self.now_ms())]

    def _read_holders(self) -> list[Row]:
        now = self.now_ms()
        return [(job, row.owner, row.until - now) for job, row in sorted(self.leases.items()) if row.owner]

    def _read_count_workers(self) -> list[Row]:
        return [(sum(until > self.now_ms() for until in self.workers.values()),)]

    # What writes; a number says how many rows matched, known when it is asked for

    def _write_insert_chats(self, *row: Any) -> None:  # noqa: ANN401
        application, number, id_, _, created_hash, *standing, epoch, position, _, _ = row
        self.chats[application, number] = self.chats_by_id[id_] = Scope(
            application,
            id_,
            number,
            (*standing, 0, 0),
            created_hash=created_hash,
            position=Position(epoch, position),
            created=Position(epoch, position),
        )

    def _write_settle_chats(self, partition: int, ids: Sequence[int]) -> None:
        burn = self.partitions[partition].burn
        for row in (self.chats_by_id[id_] for id_ in ids):
            row.standing = (*row.standing[:7], burn)

    def _write_insert_messages(self, *row: Any) -> None:  # noqa: ANN401
        application, chat, number, epoch, position, body, _, _, created_hash, created_at, _, deleted_at = row
        at = Position(epoch, position)
        del created_at
        self.messages[application, chat, number] = Message(at, body, created_hash, at, deleted_at is not None)

    def _write_edit_message(self, epoch: int, position: int, body: str, _: int, *key: int) -> None:
        row = self.messages[key]  # type: ignore[index]  # three numbers
        if not row.is_gone:
            row.position, row.body = Position(epoch, position), body

    def _write_delete_messages(
        self, application: int, chat: int, number: int, epoch: int, position: int, _: int
    ) -> None:
        row = self.messages[application, chat, number]
        if not row.is_gone:
            row.position, row.body, row.created_hash, row.is_gone = Position(epoch, position), None, None, True

    def _write_put_keys(self, application: int, route: bytes, key: bytes, *rest: Any) -> None:  # noqa: ANN401
        self.keys[application, route, key] = rest

    def _write_insert_gaps(self, *row: Any) -> None:  # noqa: ANN401
        self.gaps.append(row)

    def _write_insert_letter(self, *row: Any) -> None:  # noqa: ANN401
        self.letters.append(row)

    def _write_move_letters(self, id_: int) -> None:
        self.partitions[id_].letters_moved += 1

    def _write_delete_letters(self, _: Sequence[int]) -> None:
        """Forget nothing: no letter is replayed here."""

    def _write_grow_applications(self, id_: int, live: int, last: int) -> None:
        _grow(self.by_id[id_], live, last)

    def _write_grow_chats(self, application: int, number: int, live: int, last: int) -> None:
        _grow(self.chats[application, number], live, last)

    def _write_close_applications(self, id_: int, _: int) -> None:
        self.by_id[id_].is_closed = self.by_id[id_].is_gone = True

    def _write_close_chats(self, application: int, number: int, epoch: int, position: int, _: int) -> None:
        row = self.chats[application, number]
        row.is_gone, row.position = True, Position(epoch, position)

    def _write_heard_all_chats(self, application: int, _: int, last: int) -> None:
        self._hear(application, 0, last)

    def _write_heard_some_chats(self, *_: int) -> None:
        """Be done with it: the whole of it is done for the other name."""

    def _write_heard_all_messages(self, application: int, number: int, _: int, last: int) -> None:
        self._hear(application, self.chats[application, number].id, last)

    def _write_heard_some_messages(self, *_: int) -> None:
        """Be done with it, as with chats."""

    def _hear(self, application: int, chat: int, last: int) -> None:
        """Have a standby's gap begin behind what a log has brought after all."""
        self.gaps = [
            (*gap[:2], max(gap[2], last + 1), *gap[3:])
            if gap[:2] == (application, chat) and gap[4] == b"standby" and gap[2] <= last <= gap[3]
            else gap
            for gap in self.gaps
        ]
        self.gaps = [gap for gap in self.gaps if gap[2] <= gap[3]]

    def _write_retitle_chat(self, epoch: int, position: int, _: str | None, __: int, *key: int) -> None:
        self.chats[key].position = Position(epoch, position)  # type: ignore[index]  # two numbers

    def _write_grant_application(self, *row: int) -> None:
        self.by_id[row[8]].standing = row[:8]  # type: ignore[assignment]  # eight numbers

    def _write_grant_chat(self, *row: int) -> None:
        self.chats_by_id[row[8]].standing = row[:8]  # type: ignore[assignment]  # eight numbers

    def _write_insert_change(self, *_: Any) -> None:  # noqa: ANN401
        """Nobody follows."""

    def _write_move_partition(self, *row: int) -> None:
        epoch, position, counter, last_key_at, change_epoch, change_id, id_, *_ = row
        there = self.partitions[id_]
        there.position, there.chat_counter = Position(epoch, position), counter
        there.last_key_at, there.change = max(there.last_key_at, last_key_at), Position(change_epoch, change_id)

    def _write_open_epoch(self, epoch: int, run_id: bytes, position_epoch: int, position: int, id_: int) -> None:
        there = self.partitions[id_]
        there.epoch, there.run_id, there.position = epoch, run_id, Position(position_epoch, position)
        there.mode = b"log"

    def _write_stand_by(self, epoch: int, id_: int) -> None:
        self.partitions[id_].epoch, self.partitions[id_].mode = epoch, b"standby"

    def _write_note_run(self, run_id: bytes, id_: int) -> None:
        self.partitions[id_].run_id = run_id

    def _write_beat(self, owner: bytes, ttl_ms: int) -> None:
        self.workers[owner] = self.now_ms() + ttl_ms

    def _write_forget_workers(self, _: int) -> None:
        """Forget nobody: a run is short."""

    def _write_insert_lease(self, job: bytes, owner: bytes, ttl_ms: int) -> None:
        if job in self.leases:
            raise DuplicateError(1062, "lease")
        self.leases[job] = LeaseRow(owner, 1, self.now_ms() + ttl_ms)

    def _write_take_lease(self, owner: bytes, token: int, ttl_ms: int, job: bytes) -> None:
        self.leases[job] = LeaseRow(owner, token, self.now_ms() + ttl_ms)

    def _write_renew_lease(self, ttl_ms: int, job: bytes, owner: bytes, token: int) -> None:
        if self._read_own_lease(job, owner, token):
            self.leases[job].until = self.now_ms() + ttl_ms

    def _write_release_lease(self, job: bytes, owner: bytes, token: int) -> None:
        if self._read_own_lease(job, owner, token):
            self.leases[job].owner, self.leases[job].until = b"", 0

    def matched(self, name: str, bindings: Row) -> int:
        """Say how many rows a write will match, where somebody asks."""
        if name == "renew_lease":
            return len(self._read_own_lease(*bindings[1:]))
        if name == "move_partition":
            return int(self.partitions[bindings[6]].position == Position(*bindings[7:]))
        return 1

    def refuse_twice(self, rows: Sequence[Row]) -> None:
        """Raise `DuplicateError` if a message is there already."""
        for row in rows:
            if row[:3] in self.messages:
                raise DuplicateError(1062, "message")


def _grow(row: Scope, live: int, last: int) -> None:
    granted_until, *rest, last_number, burnt = row.standing
    row.live += live
    row.standing = (max(granted_until, last), *rest, max(last_number, last), burnt)  # type: ignore[assignment]  # eight
