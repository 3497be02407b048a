"""Builds that are broken on purpose: each forgets one rule, and some schedule must find it out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from parley.domain.errors import ConflictError, UnavailableError
from parley.domain.events import (
    ChatDeleted,
    Entry,
    Event,
    Logged,
    MessageDeleted,
    MessageEdited,
    MessagesPosted,
    Position,
)
from parley.domain.grants import Need, Partition
from parley.domain.numbering import Appended, Outcome
from parley.ingest.batch import Done
from parley.ingest.batcher import Batcher
from parley.log.batch import FixedBatch
from parley.log.port import Batch, Vitals
from parley.log.redis.appends import RedisLog
from parley.log.redis.settling import Share
from parley.log.redis.wires import Call
from parley.storage.mysql import numbering, scopes
from parley.storage.mysql.applying.folding import Fold
from parley.storage.mysql.applying.known import Chat
from parley.storage.mysql.applying.persisting import MySqlPersisting
from parley.storage.mysql.applying.storing import Storing
from parley.storage.mysql.grants import Granted, Standing, Taken, grant, take
from parley.storage.mysql.numbering import MySqlNumbering
from parley.storage.mysql.partitions import lock_partition
from parley.storage.sharing import Applied, Decide, Lease
from parley.workers import lives
from parley.workers.lives import Finding, judge
from parley.workers.persist import PersistJob, cut

Patch = tuple[Any, str, Any]


class Broken(NamedTuple):
    """A rule that a build forgets: in the modelled engines by name, in the product by replacing a function."""

    name: str
    promise: str
    """Which one has to be broken by it, in the word that stands before the colon of a finding."""
    patches: tuple[Patch, ...] = ()

    def findings(self, wrong: Sequence[str]) -> list[str]:
        """Give those by which it is found: none where the build itself failed, or broke something else only."""
        if any(each.startswith("failed:") for each in wrong):
            return []
        return [each for each in wrong if each.startswith(f"{self.promise}:")]

    @contextmanager
    def built(self) -> Iterator[frozenset[str]]:
        """Run what is inside on this build, whose name is for the engines."""
        before = [getattr(place, name) for place, name, _ in self.patches]
        for place, name, value in self.patches:
            setattr(place, name, value)
        try:
            yield frozenset({self.name})
        finally:
            for (place, name, _), value in zip(self.patches, before, strict=True):
                setattr(place, name, value)


_append = RedisLog.append
_call = Share.call
_submit = Batcher.submit
_store = PersistJob._store
_store_all = Storing.store
_edit = Fold._edit
_delete = Fold._delete
_delete_chat = Fold._delete_chat


def _answer_first(log: RedisLog, batch: Batch) -> asyncio.Future[list[Outcome]]:
    """Guess the numbers, answer, and only then append."""
    entries = batch.seal()
    last: dict[tuple[str, int | None], Appended] = log.__dict__.setdefault("_last", {})
    real = _append(log, FixedBatch(entries))
    guesses: list[Outcome] = []
    for entry in entries:
        known = last.get((entry.token, entry.chat))
        if known is None or not isinstance(entry.what, MessagesPosted):
            real.add_done_callback(lambda done: _learn(last, entries, done))
            return real
        guesses.append(Appended(known.number + 1, known.position))
        last[entry.token, entry.chat] = Appended(known.number + len(entry.what.messages), known.position)
    answered: asyncio.Future[list[Outcome]] = asyncio.get_running_loop().create_future()
    answered.set_result(guesses)
    real.add_done_callback(lambda done: _learn(last, entries, done))
    return answered


def _learn(last: dict[Any, Appended], entries: Sequence[Entry], done: asyncio.Future[list[Outcome]]) -> None:
    if done.exception() is None:
        for entry, outcome in zip(entries, done.result(), strict=True):
            if isinstance(outcome, Appended) and isinstance(entry.what, MessagesPosted):
                number = outcome.number + len(entry.what.messages) - 1
                last[entry.token, entry.chat] = Appended(number, outcome.position)


def _call_as_another(share: Share) -> Call:
    """Send what may be written again as if another writer did, whose sequences the script does not know."""
    call = _call(share)
    if not share._may_be_written:
        return call
    *head, own = call.command[:10]
    return Call(call.partition, (*head, bytes(own) + b"again", *call.command[10:]))  # type: ignore[arg-type]


def _submit_singly(batcher: Batcher, entry: Entry, size: int, timeout_s: float, done: Done) -> None:
    """Send the messages of a bulk one by one, and answer with the first one's outcome."""
    if not isinstance(entry.what, MessagesPosted) or len(entry.what.messages) == 1:
        _submit(batcher, entry, size, timeout_s, done)
        return
    first, *rest = entry.what.messages
    _submit(batcher, Entry(entry.token, entry.chat, MessagesPosted((first,)), None, entry.key), size, timeout_s, done)
    for draft in rest:
        single = Entry(entry.token, entry.chat, MessagesPosted((draft,)))
        _submit(batcher, single, size, timeout_s, lambda _: None)


async def _trim_first(job: PersistJob, row: Partition, waiting: Sequence[Logged]) -> float:
    """Let go of entries, then store them."""
    await job._keeper.trim(row.id, cut(waiting)[0][-1])
    return await _store(job, row, waiting)


async def _apply_anywhere(
    persisting: MySqlPersisting, partition: int, lease: Lease, after: Position, logged: Sequence[Logged]
) -> Applied:
    """Store entries wherever the partition is by now."""
    done: list[Any] = []

    async def work(session: Any) -> None:  # noqa: ANN401
        held = await persisting._hold(session, partition, lease)
        done[:] = [await persisting._store(session, held, logged)]

    del after
    try:
        await persisting._transact(lease, work)
    except ConflictError:
        raise
    except Exception as error:
        raise UnavailableError("try again") from error
    applied: Applied = done[0].applied
    return applied


def _keep_all(job: PersistJob) -> None:
    """Believe after a failure what was believed before it."""
    job._lives.look_again()


def _from_highest(standing: Standing, need: Need, now: int, burn: int = 0) -> Granted:
    """Go on in a new epoch after the highest number that is stored."""
    if standing.log_epoch != need.epoch:
        standing = standing._replace(granted_until=standing.last_number)
    return grant(standing, need, now, burn)


def _as_before(standing: Standing, need: Need, now: int, burn: int = 0) -> Granted:
    """Let an older epoch's grant be good in a new one."""
    return grant(standing._replace(log_epoch=need.epoch), need, now, burn)


def _take_granted(standing: Standing, epoch: int, burn: int = 0) -> Taken:
    """Let the standby go on after the highest number that is stored, in what the log was granted."""
    if standing.log_epoch != epoch:
        standing = standing._replace(granted_until=standing.last_number)
    return take(standing, epoch, burn)


async def _number_anyway(
    aside: MySqlNumbering, partition: int, epoch: int, entries: Sequence[Entry], decide: Decide
) -> list[Outcome]:
    """Let the database number and store, whoever gives the numbers by now."""

    async def work(session: Any) -> list[Outcome]:  # noqa: ANN401
        held = (await lock_partition(session, partition))._replace(epoch=epoch)
        found = await aside._find(session, held, entries)
        outcomes = decide(entries, found.states)
        pairs = zip(entries, outcomes, strict=True)
        events = [Event(each.position, each.number, entry) for entry, each in pairs if isinstance(each, Appended)]
        if events:
            await aside._store(session, held, found, events)
        return outcomes

    return await aside._database.write(work)


def _judge_history(row: Partition, vitals: Vitals) -> Finding:
    """Take a log that was put back for one of another history."""
    finding = judge(row, vitals)
    return Finding.DATABASE_OLDER if finding in {Finding.OTHER_EPOCH, Finding.BEHIND} else finding


def _edit_stored_only(fold: Fold, event: Event, chat: Chat, what: MessageEdited) -> None:
    """Look for the message among the rows, and not among what the same batch creates."""
    if (chat.application, chat.id, event.number) not in fold.effects.messages:
        _edit(fold, event, chat, what)


def _edit_once(fold: Fold, event: Event, chat: Chat, what: MessageEdited) -> None:
    """Of several edits in a batch, take the first."""
    key = (chat.application, chat.id, event.number)
    new = fold.effects.messages.get(key)
    if key not in fold.effects.edits and (new is None or new.updated_at is None):
        _edit(fold, event, chat, what)


def _delete_stored_only(fold: Fold, event: Event, chat: Chat, what: MessageDeleted) -> None:
    """Look for the message among the rows, and not among what the same batch creates."""
    if (chat.application, chat.id, event.number) not in fold.effects.messages:
        _delete(fold, event, chat, what)


def _delete_stored_chat_only(fold: Fold, event: Event, chat: Chat, what: ChatDeleted) -> None:
    """Look for the chat among the rows, and not among what the same batch creates."""
    if (chat.application, chat.number) not in fold.effects.chats:
        _delete_chat(fold, event, chat, what)


def _delete_by_number(fold: Fold, event: Event, chat: Chat, what: MessageDeleted) -> None:
    """Delete what has the number, in whatever chat."""
    for other in list(fold._known.chats.values()):
        if other is chat or (other.application, other.id, event.number) in fold.effects.messages:
            _delete(fold, event, other, what)


def _delete_all_chats(fold: Fold, event: Event, _: Chat, what: ChatDeleted) -> None:
    """Delete every chat that the batch is about."""
    for chat in list(fold._known.chats.values()):
        if not chat.is_gone:
            _delete_chat(fold, event, chat, what)


def _edit_anyway(fold: Fold, event: Event, chat: Chat, what: MessageEdited) -> None:
    """Give a message that was deleted in the same batch a text again."""
    new = fold.effects.messages.get((chat.application, chat.id, event.number))
    if new is not None and new.deleted_at is not None:
        new.body = what.body
    _edit(fold, event, chat, what)


async def _store_creates_only(storing: Storing, entries: Sequence[Logged]) -> None:
    """Leave out what a log that was away wanted to change."""
    changes = (MessageEdited, MessageDeleted, ChatDeleted)
    if storing.is_late:
        entries = [each for each in entries if each.event is None or not isinstance(each.event.entry.what, changes)]
    await _store_all(storing, entries)


def _folding(what: type, act: Callable[[Fold, Event, Chat, Any], None]) -> Patch:
    """Have a fold do something else with one kind of change."""
    return Fold, "_acts", {**Fold._acts, what: act}


BUILDS: dict[str, Broken] = {
    build.name: build
    for build in (
        # Of the product
        Broken("ack before append", "I5", ((RedisLog, "append", _answer_first),)),
        Broken("trim before commit", "I5", ((PersistJob, "_store", _trim_first),)),
        Broken(
            "position not checked",
            "position",
            ((MySqlPersisting, "apply", _apply_anywhere), (PersistJob, "_forget", _keep_all)),
        ),
        Broken("counter rebuilt from the highest number", "I1", ((scopes, "grant", _from_highest),)),
        Broken("grants not voided", "I1", ((scopes, "grant", _as_before),)),
        Broken("resent under a new sequence", "I6", ((Share, "call", _call_as_another),)),
        Broken("standby takes numbers from the log's grant", "I1", ((numbering, "take", _take_granted),)),
        Broken("mode not checked in the standby's transaction", "I4", ((MySqlNumbering, "number", _number_anyway),)),
        Broken("older log taken for another history", "stuck", ((lives, "judge", _judge_history),)),
        Broken("bulk not atomic", "I7", ((Batcher, "submit", _submit_singly),)),
        Broken("edit of what is not stored yet forgotten", "edits", (_folding(MessageEdited, _edit_stored_only),)),
        Broken("first of two edits kept", "edits", (_folding(MessageEdited, _edit_once),)),
        Broken("changes of a log that was away forgotten", "edits", ((Storing, "store", _store_creates_only),)),
        Broken(
            "deletion of what is not stored yet forgotten",
            "deletions",
            (_folding(MessageDeleted, _delete_stored_only),),
        ),
        Broken("deletion of a new chat forgotten", "deletions", (_folding(ChatDeleted, _delete_stored_chat_only),)),
        Broken("message deleted by its number alone", "vanished", (_folding(MessageDeleted, _delete_by_number),)),
        Broken("chat deleted with those beside it", "vanished", (_folding(ChatDeleted, _delete_all_chats),)),
        Broken("deleted message edited", "erased", (_folding(MessageEdited, _edit_anyway),)),
        # Of the engines, which know it by its name
        Broken("number and entry apart", "I5"),
        Broken("answer before sync", "I5"),
        Broken("duplicate key ignored", "I6"),
        Broken("epoch not checked", "I5"),
        Broken("gate not checked", "gates"),
        Broken("fencing token not checked", "lease"),
    )
}
