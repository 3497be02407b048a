"""What the database gives away to a log of its own: lives and grants; and the idempotency keys it remembers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from parley.database.mysql.session import Session
from parley.database.mysql.transactions import Database
from parley.domain.errors import ConflictError
from parley.domain.events import NUMBER_LIMIT, Position
from parley.domain.grants import Known, Life, Need, Partition, ScopeName
from parley.domain.numbering import KeyState
from parley.storage.mysql.grants import Standing, grant
from parley.storage.mysql.rows import Row
from parley.storage.sharing import Scopes
from parley.telemetry.clock import Clock

_SLICE: Final = 500


class Owner(NamedTuple):
    """An application, as far as its scopes depend on it."""

    id: int
    is_gone: bool


class _Application(NamedTuple):
    id: int
    is_gone: bool
    epoch: int
    burn: int
    is_logged: bool


class MySqlScopes:
    """The ``partition`` table, and the grants in the rows of applications and chats."""

    def __init__(self, database: Database, clock: Clock, key_ttl_ms: int) -> None:
        """Work on ``database``; keys older than ``key_ttl_ms`` count as unseen."""
        self._database = database
        self._clock = clock
        self._key_ttl_ms = key_ttl_ms

    async def partitions(self) -> list[Partition]:
        """Give every partition's present row."""
        return list(map(_partition_of, await self._database.read(_partitions)))

    async def provide(self, needs: Sequence[Need]) -> dict[ScopeName, Known]:
        """Say of each scope what is known, granting what is needed; a scope that has no row is left out."""

        async def work(session: Session) -> dict[ScopeName, Known]:
            tokens = sorted({need.name.token for need in needs})
            rows = await session.pick("epochs_of", tokens)
            applications = {row[0].decode(): _Application(*row[1:]) for row in rows}
            for need in needs:
                application = applications.get(need.name.token)
                if application is not None and (application.epoch != need.epoch or not application.is_logged):
                    raise ConflictError("The log has begun another life")
            standings = await lock_standings(session, [need.name for need in needs], applications)
            known = {}
            for need in sorted(needs, key=lambda need: need.name.chat is not None):
                standing = standings.get(need.name)
                if standing is not None:
                    burn = applications[need.name.token].burn
                    known[need.name] = await self._provide(session, need, standing, burn)
            return known

        return await self._database.write(work)

    async def unclosed(self) -> list[str]:
        """Give tokens of deleted applications whose closing is not stored yet, some of them if they are many."""
        rows = await self._database.read(lambda session: session.rows("unclosed", _SLICE))
        return [token.decode() for (token,) in rows]

    async def find_keys(self, names: Sequence[tuple[str, str, str]]) -> dict[tuple[str, str, str], KeyState]:
        """Give what the (token, route, key) of live applications stand for, those that are younger than 24 h."""
        since = self._clock.now_ms() - self._key_ttl_ms
        rows = await self._database.read(lambda session: session.pick("find_keys", names, since))
        return {
            names[place - 1]: KeyState(fingerprint, number, Position(epoch, position))
            for place, fingerprint, number, epoch, position in rows
        }

    async def _provide(self, session: Session, need: Need, standing: Standing, burn: int) -> Known:
        if standing.log_epoch > need.epoch:
            raise ConflictError("The log has begun another life")
        now = self._clock.now_ms()
        granted = grant(standing, need, now, burn)
        if granted.standing != standing:
            query = "grant_application" if need.name.chat is None else "grant_chat"
            await session.run(query, *granted.standing[3:], standing.id)
        if granted.void is not None:
            chat_id = 0 if need.name.chat is None else standing.id
            reason = b"epoch" if granted.standing.burnt == standing.burnt else b"restored"
            await session.run("insert_gaps", standing.application, chat_id, *granted.void, reason, now)
        return granted.known


async def _partitions(session: Session) -> list[Row]:
    return await session.rows("partitions")


def _partition_of(row: Row) -> Partition:
    id_, epoch, run_id, at_epoch, at, mode, last_key_at, change, letters_moved = row
    life, position = Life(epoch, run_id.decode()), Position(at_epoch, at)
    return Partition(id_, life, position, mode.decode(), last_key_at, Position(0, change).at, letters_moved)


async def lock_standings(
    session: Session, names: Sequence[ScopeName], applications: Mapping[str, Owner | _Application]
) -> dict[ScopeName, Standing]:
    """Hold the rows of the scopes, applications before chats and each in order."""
    found: dict[ScopeName, Standing] = {}
    ids = {applications[name.token].id: name for name in names if name.chat is None and name.token in applications}
    for start in range(0, len(ids), _SLICE):
        slice_ = tuple(sorted(ids)[start : start + _SLICE])
        for id_, *row in await session.rows("lock_application_grants", slice_):
            found[ids[id_]] = Standing(id_, id_, applications[ids[id_].token].is_gone, *row)
    chats: dict[str, list[int]] = defaultdict(list)
    for name in names:
        if name.chat is not None and name.token in applications:
            chats[name.token].append(name.chat)
    for token in sorted(chats, key=lambda token: applications[token].id):
        application = applications[token]
        numbers = sorted({number for number in chats[token] if number <= NUMBER_LIMIT})
        for number, *row in await _lock_chats(session, application.id, numbers):
            id_, is_gone, *standing = row
            name = ScopeName(token, number)
            found[name] = Standing(application.id, id_, application.is_gone or bool(is_gone), *standing)
    return found


async def _lock_chats(session: Session, application: int, numbers: Sequence[int]) -> list[Row]:
    rows: list[Row] = []
    for start in range(0, len(numbers), _SLICE):
        rows += await session.rows("lock_chat_grants", application, tuple(numbers[start : start + _SLICE]))
    return rows


if TYPE_CHECKING:
    _conforms: type[Scopes] = MySqlScopes
