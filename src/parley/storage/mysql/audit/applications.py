"""Compares what applications say with what their chats say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final, NamedTuple

from parley.domain.partitions import partition_of
from parley.storage.mysql.audit.partitions import Partitions
from parley.storage.mysql.audit.places import application_place
from parley.storage.mysql.audit.scopes import (
    NOTHING,
    Grants,
    Ledger,
    Scope,
    compare_grants,
    compare_numbers,
    holes_of,
)
from parley.storage.mysql.audit.snapshot import Snapshot
from parley.storage.mysql.rows import Row
from parley.storage.port import Difference
from parley.storage.port import Scope as Place

_SLICE: Final = 500


class _Application(NamedTuple):
    id: int
    token: bytes
    partition: int
    granted_until: int
    last_number: int
    log_epoch: int
    log_first: int
    log_until: int
    chats_count: int
    has_name: int
    is_deleted: int
    is_closed: int
    is_erased: int
    has_keys: int
    chats: int
    live: int
    highest: int
    kept: int
    """Chats that are not erased."""

    @property
    def where(self) -> str:
        return application_place(self.token)

    @property
    def grants(self) -> Grants:
        return Grants(*self[3:8])


def compare_applications(snapshot: Snapshot, partitions: Partitions) -> Iterator[Difference]:
    """Give every difference of applications, a slice of them at a time."""
    low = 0
    while rows := snapshot.rows("audit_applications", low, _SLICE):
        applications = [_Application(*row) for row in rows]
        high = applications[-1].id
        seams = _by_application(snapshot.rows("audit_application_seams", low, high))
        gaps = _by_application(snapshot.rows("audit_application_gaps", low, high))
        letters = _by_application(snapshot.rows("audit_application_letters", low, high))
        for application in applications:
            id_ = application.id
            yield from _compare_place(application, partitions)
            yield from _compare_end(application)
            ledger = Ledger(gaps[id_], letters[id_]) if id_ in gaps or id_ in letters else NOTHING
            yield from _compare_scope(snapshot, partitions, application, ledger, seams[id_])
        low = high


def _compare_scope(
    snapshot: Snapshot, partitions: Partitions, application: _Application, ledger: Ledger, seams: list[Row]
) -> Iterator[Difference]:
    epoch = partitions.epoch(application.partition)
    rows = (application.chats, application.highest)
    place = Place(application.partition, application.id, 0)
    scope = Scope(place, application.where, "chat", application.grants, epoch, *rows)
    yield from compare_grants(scope, ledger)
    holes, older = holes_of(seams, lambda number: snapshot.rows("audit_chat_before", application.id, number))
    for number, at, before in older:
        yield Difference("times", f"{scope.where}, chat {number}", f"created at {at}, the one before at {before}")
    if not application.is_deleted:  # with an application its dead letters go, which explained numbers
        yield from compare_numbers(scope, ledger, holes, partitions.hint(application.partition))


def _compare_place(application: _Application, partitions: Partitions) -> Iterator[Difference]:
    own = application.partition
    if not partitions.has(own) or own != partition_of(application.token.decode("utf-8", "replace"), len(partitions)):
        yield Difference("positions", application.where, f"is in partition {own}, where it does not belong")


def _compare_end(application: _Application) -> Iterator[Difference]:
    """Compare the steps from live over deleted and closed to erased."""
    where, told, live = application.where, application.chats_count, application.live
    if not application.is_deleted and told != live:
        yield Difference("counts", where, f"chats_count is {told}, live chats are {live}")
    if application.is_erased and told:
        yield Difference("counts", where, f"is erased, but chats_count is {told}")
    for is_wrong, what in _contradictions(application):
        if is_wrong:
            yield Difference("erased", where, what)


def _contradictions(application: _Application) -> Iterator[tuple[object, str]]:
    is_deleted, is_closed, is_erased = application.is_deleted, application.is_closed, application.is_erased
    yield (is_closed or is_erased) and not is_deleted, "is closed or erased, but not deleted"
    yield is_deleted and application.has_name, "is deleted and still has a name"
    yield is_erased and not is_closed, "is erased, but its gate was never closed"
    yield is_erased and application.kept, f"is erased and still has {application.kept} chats that are not"
    yield is_erased and application.has_keys, "is erased and still has idempotency keys"


def _by_application(rows: list[Row]) -> defaultdict[int, list[Row]]:
    grouped: defaultdict[int, list[Row]] = defaultdict(list)
    for id_, *rest in rows:
        grouped[id_].append(tuple(rest))
    return grouped
