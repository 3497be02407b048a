"""Builds that are broken on purpose: each forgets one rule, and some schedule must find it out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from parley.domain.errors import ConflictError, UnavailableError
from parley.domain.events import Entry, Event, Logged, MessagesPosted, Position
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
from parley.storage.mysql.applying.persisting import MySqlPersisting
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
    patches: tuple[Patch, ...] = ()

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


_PRODUCT: dict[str, tuple[Patch, ...]] = {
    "ack before append": ((RedisLog, "append", _answer_first),),
    "trim before commit": ((PersistJob, "_store", _trim_first),),
    "position not checked": ((MySqlPersisting, "apply", _apply_anywhere), (PersistJob, "_forget", _keep_all)),
    "counter rebuilt from the highest number": ((scopes, "grant", _from_highest),),
    "grants not voided": ((scopes, "grant", _as_before),),
    "resent under a new sequence": ((Share, "call", _call_as_another),),
    "standby takes numbers from the log's grant": ((numbering, "take", _take_granted),),
    "mode not checked in the standby's transaction": ((MySqlNumbering, "number", _number_anyway),),
    "older log taken for another history": ((lives, "judge", _judge_history),),
    "bulk not atomic": ((Batcher, "submit", _submit_singly),),
}
_ENGINES = (
    "number and entry apart",
    "answer before sync",
    "duplicate key ignored",
    "epoch not checked",
    "gate not checked",
    "fencing token not checked",
)
BUILDS: dict[str, Broken] = {
    name: Broken(name, patches) for name, patches in [*_PRODUCT.items(), *((name, ()) for name in _ENGINES)]
}
find: Callable[[str], Broken] = BUILDS.__getitem__
