"""Broken builds of the server profile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from parley.database.migrations import Migration
from parley.database.mysql.session import Session
from parley.domain.events import Logged, Position
from parley.domain.grants import Need, Partition
from parley.ingest import storing
from parley.log import redis
from parley.log.redis import durability
from parley.log.redis.durability import check_durability
from parley.log.redis.servers import Servers, ask, opened
from parley.storage import mysql
from parley.storage.mysql import scopes
from parley.storage.mysql.applying.persisting import MySqlPersisting
from parley.storage.mysql.grants import Granted, Standing, grant
from parley.storage.mysql.partitions import HeldPartition, Way
from parley.storage.sharing import Applied, Lease
from parley.workers import lives
from parley.workers.persist import PersistJob, cut
from tests.faults.builds.build import Build, Patch, replaced

_apply = MySqlPersisting.apply
_migrations = mysql.migrations
_move = HeldPartition.move
_queries = mysql.queries
_store = PersistJob._store


async def _trim_first(job: PersistJob, row: Partition, waiting: Sequence[Logged]) -> float:
    """Let go of entries, then store them."""
    await job._keeper.trim(row.id, cut(waiting)[0][-1])
    return await _store(job, row, waiting)


def _let_go_of_nothing(*_: object) -> bool:
    """See nothing amiss where entries are gone that are not stored."""
    return False


class _Anywhere(Position):
    """Where a partition is supposed to be: it is."""

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = Position.__hash__


async def _apply_anywhere(
    persisting: MySqlPersisting, partition: int, lease: Lease, after: Position, logged: Sequence[Logged]
) -> Applied:
    """Store entries wherever the partition is."""
    return await _apply(persisting, partition, lease, _Anywhere(*after), logged)


async def _move_on(held: HeldPartition, session: Session, way: Way, position: Position, change: Position) -> None:
    """Stay where the partition is, if what was stored lies behind it."""
    await _move(held, session, way, max(position, held.position), change)


def _migrations_without_key() -> list[Migration]:
    """Let there be many messages of one number."""
    first, *others = _migrations()
    old = "deleted_at bigint,\n    primary key (application_id, chat_id, number)"
    return [first._replace(sql=replaced(first.sql, old, old.replace("primary key", "key"))), *others]


def _queries_ignoring() -> dict[str, str]:
    """Pass over what clashes, and cut off what does not fit."""
    known = _queries()
    inserting = replaced(known["insert_messages"], "insert into", "insert ignore into")
    editing = replaced(known["edit_message"], "update message", "update ignore message")
    return {**known, "insert_messages": inserting, "edit_message": editing}


def _grant_from_highest(standing: Standing, need: Need, now: int, burn: int = 0) -> Granted:
    """Go on, in a new epoch, after the highest number that is stored."""
    if standing.log_epoch != need.epoch:
        standing = standing._replace(granted_until=standing.last_number)
    return grant(standing, need, now, burn)


async def _turn_syncs_down(servers: Servers, *given: Any, **named: Any) -> str:  # noqa: ANN401 - as the product
    """Look at how the engine is set up, and then have it sync once a second."""
    claimed = await check_durability(servers, *given, **named)
    async with opened(servers, 0) as connection:
        await ask(connection, "CONFIG", "SET", "appendfsync", "everysec")
    return claimed


def _is_stored(_: object, __: dict[int, Position], ___: float) -> bool:
    """Take everything for stored."""
    return True


def _find_nothing_unsynced(_: object) -> list[str]:
    """Take every setting for one that syncs."""
    return []


_ANYWHERE: Final = (Patch(MySqlPersisting, "apply", _apply_anywhere), Patch(HeldPartition, "move", _move_on))

TRIM_FIRST: Final = Build(
    "trim-before-commit",
    "entries are let go of on the log before the database has committed them",
    (Patch(PersistJob, "_store", _trim_first), Patch(lives, "_has_let_go", _let_go_of_nothing)),
    walls="the look at what the log has let go of, which would stop storing",
)
NO_NUMBER: Final = Build(
    "no-unique-number",
    "the table of messages has no key on (application, chat, number)",
    (Patch(mysql, "migrations", _migrations_without_key), *_ANYWHERE),
    walls="the partition's position, by which a batch that comes again is refused",
)
IGNORE: Final = Build(
    "insert-ignore",
    "a message that clashes with a stored one is passed over, and a body that does not fit is cut off",
    (Patch(mysql, "queries", _queries_ignoring),),
)
FROM_HIGHEST: Final = Build(
    "counter-from-highest",
    "when the log was lost, numbers go on after the highest one that is stored",
    (Patch(scopes, "grant", _grant_from_highest),),
)
NO_SYNC: Final = Build(
    "answer-before-sync-server",
    "the log syncs once a second, and answers at once",
    (Patch(redis, "check_durability", _turn_syncs_down), Patch(durability, "unsynced", _find_nothing_unsynced)),
    walls="the look at how the engine is set up, which would refuse to start",
)
STORED_FIRST: Final = Build(
    "stored-before-commit",
    "a create is answered as stored as soon as it is on the log",
    (Patch(storing, "_judge", _is_stored),),
)
BUILDS: Final = (TRIM_FIRST, NO_NUMBER, IGNORE, FROM_HIGHEST, NO_SYNC, STORED_FIRST)
