"""Applications in MySQL: written before the answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from parley.database.mysql.errors import ContendedError, DuplicateError
from parley.database.mysql.session import Session
from parley.database.mysql.transactions import Database
from parley.domain.errors import KeyReusedError, NotFoundError
from parley.domain.events import IdempotencyKey, position_id
from parley.domain.model import Application
from parley.domain.partitions import partition_of
from parley.storage.mysql.rows import Row, application_of
from parley.storage.port import Tenants
from parley.telemetry.clock import Clock

_DEPLOYMENT: Final = 0
"""The application id under which the keys of creating applications are kept."""


class MySqlTenants:
    """Makes, finds, renames and deletes applications."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        new_token: Callable[[], str],
        key_ttl_ms: int,
    ) -> None:
        """Work on ``database`` with tokens from ``new_token`` and times from ``clock``."""
        self._database = database
        self._clock = clock
        self._new_token = new_token
        self._key_ttl_ms = key_ttl_ms

    async def create(self, name: str, key: IdempotencyKey | None) -> tuple[Application, bool]:
        """Make an application; with a known key give the first one again and ``True``."""
        token = self._new_token()

        async def work(session: Session) -> tuple[Application, bool]:
            now = self._clock.now_ms()
            if key is not None and (first := await self._first(session, key, now)) is not None:
                return Application(first.token, name, 0, first.created_at, first.created_at), True
            partitions = await session.rows("partition_ends")
            partition = partition_of(token, len(partitions))
            row = (token.encode(), partition, name, now, now, partition)
            number = await session.insert("insert_application", *row)
            if key is not None:
                await _remember(session, key, number, now)
            return Application(token, name, 0, now, now), False

        return await self._database.write(work)

    async def get(self, token: str) -> Application:
        """Give a live application or raise `NotFoundError`."""
        return await self._database.read(lambda session: _get(session, token))

    async def page(self, after: int, limit: int) -> tuple[list[Application], int | None]:
        """Give live applications in creation order above a cursor value, and the next value."""
        rows = await self._database.read(lambda session: session.rows("applications_after", after, limit + 1))
        following = rows[limit - 1][0] if len(rows) > limit else None
        return [application_of(row) for row in rows[:limit]], following

    async def page_before(self, before: int, limit: int) -> tuple[list[Application], int | None]:
        """Give the last live applications below a cursor value, ascending, and the value to go on below."""
        rows = await self._database.read(lambda session: session.rows("applications_before", before, limit + 1))
        preceding = rows[limit - 1][0] if len(rows) > limit else None
        return [application_of(row) for row in reversed(rows[:limit])], preceding

    async def rename(self, token: str, name: str) -> Application:
        """Change the name and give the new state."""

        async def work(session: Session) -> Application:
            await session.run("rename_application", name, self._clock.now_ms(), token.encode())
            return await _get(session, token)

        return await self._database.write(work)

    async def delete(self, token: str) -> None:
        """Commit the deletion; the rows are erased later."""

        async def work(session: Session) -> None:
            if not await session.run("delete_application", self._clock.now_ms(), token.encode()):
                raise NotFoundError("ChatApplication")

        await self._database.write(work)

    async def _first(self, session: Session, key: IdempotencyKey, now: int) -> Application | None:
        """Give what the key made; a key that is too old is forgotten."""
        name = _name(key)
        known = await session.rows("lock_key", *name)
        if not known:
            return None
        fingerprint, number, created_at = known[0]
        if created_at <= now - self._key_ttl_ms:
            await session.run("delete_key", *name)
            return None
        if fingerprint != key.fingerprint:
            raise KeyReusedError
        return application_of(_one(await session.rows("get_application_by_id", number)))


async def _remember(session: Session, key: IdempotencyKey, number: int, now: int) -> None:
    """Store the key; if another request did so first, the transaction is to be repeated, and finds it."""
    try:
        await session.run("insert_key", *_name(key), key.fingerprint, number, 1, 0, position_id(now), now)
    except DuplicateError as error:
        raise ContendedError(error.code, error.text) from error


async def _get(session: Session, token: str) -> Application:
    return application_of(_one(await session.rows("get_application", token.encode())))


def _name(key: IdempotencyKey) -> tuple[int, bytes, bytes]:
    return _DEPLOYMENT, key.route.encode(), key.key.encode()


def _one(rows: list[Row]) -> Row:
    if not rows:
        raise NotFoundError("ChatApplication")
    return rows[0]


if TYPE_CHECKING:
    _conforms: type[Tenants] = MySqlTenants
