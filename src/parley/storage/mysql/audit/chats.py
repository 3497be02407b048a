"""Compares what chats say with what their messages say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from parley.domain.documents import WHOLE_CHAT
from parley.domain.events import Position
from parley.storage.mysql.audit.partitions import Partitions
from parley.storage.mysql.audit.places import chat_place
from parley.storage.mysql.audit.runs import Range
from parley.storage.mysql.audit.scopes import Grants, Ledger, Scope, compare_grants, compare_numbers, holes_of
from parley.storage.mysql.audit.snapshot import Snapshot
from parley.storage.mysql.audit.spans import Span, spans
from parley.storage.mysql.rows import NUMBER_BITS, Row
from parley.storage.port import Difference
from parley.storage.port import Scope as Place

_NOTHING: Final = Position(0, 0)


class Known(NamedTuple):
    """What chats and messages are compared with."""

    partitions: Partitions
    follower: str
    passed: dict[int, Position]
    """What the follower recorded."""
    named: Sequence[int]
    """``chat id << 32 | number`` of all that changes name."""


class _Chat(NamedTuple):
    id: int
    application_id: int
    token: bytes
    partition: int | None
    number: int
    granted_until: int
    last_number: int
    log_epoch: int
    log_first: int
    log_until: int
    messages_count: int
    epoch: int
    position: int
    has_text: int
    lacks_hash: int
    is_of_deleted: int
    is_deleted: int
    is_erased: int
    messages: int
    live: int
    highest: int
    odd: int
    with_text: int
    without_hash: int

    @property
    def where(self) -> str:
        return chat_place(self.token, self.number)

    @property
    def is_gone(self) -> bool:
        return bool(self.is_of_deleted or self.is_deleted)


def compare_chats(snapshot: Snapshot, known: Known) -> Iterator[tuple[int, list[Difference]]]:
    """Give how many chats are done, and the differences of the last of them."""
    done = 0
    for span in spans(snapshot):
        done += span.chats
        yield done, list(_Slice(snapshot, known, span).compare())


class _Slice:
    def __init__(self, snapshot: Snapshot, known: Known, span: Span) -> None:
        self._snapshot = snapshot
        self._known = known
        self._span = span

    def compare(self) -> Iterator[Difference]:
        low, high = self._span.low, self._span.high
        chats = [_Chat(*row) for row in self._snapshot.rows("audit_chats", low, high)]
        names = {chat.id: chat for chat in chats}
        gaps = _by_chat(self._snapshot.rows("audit_chat_gaps", low, high))
        letters = _by_chat(self._snapshot.rows("audit_chat_letters", low, high))
        seams: defaultdict[int, list[Row]] = defaultdict(list)
        for chat_id, *seam in self._snapshot.rows("audit_chat_seams", low, high):
            seams[chat_id].append(tuple(seam))
        for row in self._beyond(chats):
            yield from self._compare_beyond(names[row[0]], *row[1:])
        last = None
        for chat in chats:
            if last == chat.id:
                yield Difference("numbers", chat.where, f"has the id {chat.id} of another chat")
            last = chat.id
            yield from _compare_rows(chat)
            yield from self._compare_place(chat)
            yield from self._compare_scope(chat, Ledger(gaps[chat.id], letters[chat.id]), seams[chat.id])

    def _beyond(self, chats: list[_Chat]) -> Iterator[Row]:
        """Give (chat id, number, whether it is beyond the partition's position, too) beyond the follower's."""
        follower, span = self._known.follower.encode(), self._span
        if not span.is_long:
            yield from self._snapshot.rows("audit_messages_beyond", follower, span.low, span.high)
            return
        for chat in chats:
            for piece in () if chat.is_gone else span.pieces():
                yield from self._snapshot.rows("audit_chat_beyond", follower, chat.application_id, chat.id, *piece)

    def _compare_beyond(self, chat: _Chat, number: int, is_beyond: object) -> Iterator[Difference]:
        where = f"{chat.where}, message {number}"
        if is_beyond:
            yield Difference("positions", where, "beyond its partition's position")
        if (chat.id << NUMBER_BITS | number) not in self._known.named:
            yield Difference("changes", where, "no change tells the index of it")

    def _compare_place(self, chat: _Chat) -> Iterator[Difference]:
        if chat.partition is None:
            text = f"belongs to application id {chat.application_id}, which never was"
            yield Difference("numbers", chat.where, text)
            return
        if not self._known.partitions.owns(chat.partition, chat.id):
            text = f"its id {chat.id} is none that partition {chat.partition} has given"
            yield Difference("positions", chat.where, text)
        is_passed = Position(chat.epoch, chat.position) <= self._known.passed.get(chat.partition, _NOTHING)
        if chat.is_deleted and not is_passed and (chat.id << NUMBER_BITS | WHOLE_CHAT) not in self._known.named:
            yield Difference("changes", chat.where, "no change tells the index that it is deleted")

    def _compare_scope(self, chat: _Chat, ledger: Ledger, seams: list[Row]) -> Iterator[Difference]:
        partition = chat.partition or 0
        grants = Grants(*chat[5:10])
        epoch = self._known.partitions.epoch(partition)
        place = Place(partition, chat.application_id, chat.id)
        scope = Scope(place, chat.where, "message", grants, epoch, chat.messages, chat.highest)
        yield from compare_grants(scope, ledger)
        if chat.is_gone or chat.partition is None:
            return

        def before(number: int) -> list[Row]:
            return self._snapshot.rows("audit_message_before", chat.application_id, chat.id, number)

        holes, older = holes_of(seams, before)
        for number, at, at_before in older:
            where = f"{chat.where}, message {number}"
            yield Difference("times", where, f"created at {at}, the one before at {at_before}")
        yield from compare_numbers(scope, ledger, holes, self._known.partitions.hint(partition))


def _compare_rows(chat: _Chat) -> Iterator[Difference]:
    where = chat.where
    if chat.odd:
        yield Difference("numbers", where, f"{chat.odd} messages are neither live nor a tombstone")
    if chat.with_text:
        yield Difference("erased", where, f"{chat.with_text} tombstones still have a sender, metadata or a hash")
    if chat.without_hash:
        yield Difference("numbers", where, f"{chat.without_hash} live messages have no created_hash")
    if chat.is_erased:
        yield from _compare_erased(chat)
    elif chat.lacks_hash:
        yield Difference("numbers", where, "has no created_hash")
    if not chat.is_gone and chat.messages_count != chat.live:
        yield Difference("counts", where, f"messages_count is {chat.messages_count}, live messages are {chat.live}")


def _compare_erased(chat: _Chat) -> Iterator[Difference]:
    if not chat.is_deleted:
        yield Difference("erased", chat.where, "is erased, but not deleted")
    if chat.messages:
        yield Difference("erased", chat.where, f"is erased and still has {chat.messages} messages")
    if chat.has_text:
        yield Difference("erased", chat.where, "is erased and still has a title or a hash")
    if chat.messages_count:
        yield Difference("counts", chat.where, f"is erased, but messages_count is {chat.messages_count}")


def _by_chat(rows: list[Row]) -> defaultdict[int, list[Range]]:
    grouped: defaultdict[int, list[Range]] = defaultdict(list)
    for chat_id, first, last in rows:
        grouped[chat_id].append((first, last))
    return grouped
