"""Compares gaps, idempotency keys, dead letters and messages with what they are of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from parley.storage.mysql.audit.partitions import Partitions
from parley.storage.mysql.audit.places import application_place, chat_place
from parley.storage.mysql.audit.snapshot import Snapshot
from parley.storage.port import Difference


class _Letter(NamedTuple):
    id: int
    partition: int
    token: bytes
    chat: int | None
    first: int | None
    last: int | None
    waits_for: int | None
    has_waited_for: int
    has_partition: int
    is_beyond: int | None
    has_application: int
    own_partition: int | None
    is_of_erased: int
    chats_granted: int | None
    has_chat: int
    is_of_erased_chat: int
    messages_granted: int | None

    @property
    def granted(self) -> int:
        """How many numbers were given in its scope."""
        granted = self.chats_granted if self.chat is None else self.messages_granted
        return granted or 0


def compare_orphans(snapshot: Snapshot) -> Iterator[Difference]:
    """Give chats that messages are of and that never were."""
    for application_id, chat_id in snapshot.rows("audit_orphans"):
        where = f"messages of application id {application_id}, chat id {chat_id}"
        yield Difference("numbers", where, "their chat never was")


def compare_lost_gaps(snapshot: Snapshot) -> Iterator[Difference]:
    """Give ranges of the gap ledger whose scope never was."""
    for application_id, chat_id, first, last in snapshot.rows("audit_lost_gaps"):
        where = f"application id {application_id}, chat id {chat_id}, gap {first} to {last}"
        yield Difference("gaps", where, "its scope never was")


def compare_keys(snapshot: Snapshot) -> Iterator[Difference]:
    """Give idempotency keys whose number was never given."""
    for token, route, number, count in snapshot.rows("audit_keys"):
        where = application_place(token) if token else "the deployment"
        numbers = f"number {number}" if count == 1 else f"numbers {number} to {number + count - 1}"
        yield Difference("keys", where, f"a key of route {route.decode()} points to {numbers}, never given")


def compare_letters(snapshot: Snapshot, partitions: Partitions) -> Iterator[Difference]:
    """Give dead letters that are of nothing; note those that nobody can read."""
    for row in snapshot.rows("audit_letters"):
        letter = _Letter(*row)
        if not letter.token:
            partitions.note_unreadable(letter.partition)
        for what in _faults(letter):
            yield Difference("letters", f"dead letter {letter.id}", what)


def _faults(letter: _Letter) -> Iterator[str]:
    if not letter.has_partition:
        yield f"is of partition {letter.partition}, which never was"
    elif letter.is_beyond:
        yield "is beyond its partition's position"
    if letter.waits_for is not None and not letter.has_waited_for:
        yield f"waits behind {letter.waits_for}, which is not there"
    if not letter.token:
        return
    if not letter.has_application:
        yield f"is of {application_place(letter.token)}, which never was"
        return
    if letter.own_partition != letter.partition:
        yield f"is of {application_place(letter.token)}, which is in partition {letter.own_partition}"
    if letter.is_of_erased or letter.is_of_erased_chat:
        yield "is of what was erased"
    yield from _number_faults(letter)


def _number_faults(letter: _Letter) -> Iterator[str]:
    chat, first, last = letter.chat, letter.first, letter.last
    if first is None or last is None or not 1 <= first <= last:
        yield f"has the numbers {first} to {last}"
    elif chat is not None and not letter.has_chat:
        if not 1 <= chat <= (letter.chats_granted or 0):
            yield f"is of {chat_place(letter.token, chat)}, a number that was never given"
    elif last > letter.granted:
        yield f"has the numbers {first} to {last}, but only {letter.granted} were given"
