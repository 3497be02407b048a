"""Applications in SQLite: written before the answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from parley.database.session import Session
from parley.database.sqlite import Database
from parley.domain.errors import KeyReusedError, NotFoundError
from parley.domain.events import IdempotencyKey, position_id
from parley.domain.model import Application
from parley.domain.partitions import partition_of
from parley.storage.port import Tenants
from parley.storage.sqlite.rows import application_of
from parley.telemetry.clock import Clock

_DEPLOYMENT: Final = 0
"""The application id under which the keys of creating applications are kept."""


class SqliteTenants:
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

        def work(session: Session) -> tuple[Application, bool]:
            now = self._clock.now_ms()
            if key is not None and (first := self._first(session, key, now)) is not None:
                return Application(first.token, name, 0, first.created_at, first.created_at), True
            partitions = session.rows("partition_ends")
            row = (token, partition_of(token, len(partitions)), name, now, now)
            session.rows("insert_application", *row)
            if key is not None:
                number = session.last_insert_rowid()
                told = (key.fingerprint.hex(), number, 1, 0, position_id(now), now)
                session.put("append", {"keys": [(_DEPLOYMENT, key.route, key.key, *told)]})
            return Application(token, name, 0, now, now), False

        return await self._database.write(work)

    async def get(self, token: str) -> Application:
        """Give a live application or raise `NotFoundError`."""

        def work(session: Session) -> Application:
            return self._get(session, token)

        return await self._database.read(work)

    async def page(self, after: int, limit: int) -> tuple[list[Application], int | None]:
        """Give live applications in creation order above a cursor value, and the next value."""

        def work(session: Session) -> tuple[list[Application], int | None]:
            rows = session.rows("applications_after", after, limit + 1)
            following = rows[limit - 1][0] if len(rows) > limit else None
            return [application_of(row) for row in rows[:limit]], following

        return await self._database.read(work)

    async def page_before(self, before: int, limit: int) -> tuple[list[Application], int | None]:
        """Give the last live applications below a cursor value, ascending, and the value to go on below."""

        def work(session: Session) -> tuple[list[Application], int | None]:
            rows = session.rows("applications_before", before, limit + 1)
            preceding = rows[limit - 1][0] if len(rows) > limit else None
            return [application_of(row) for row in reversed(rows[:limit])], preceding

        return await self._database.read(work)

    async def rename(self, token: str, name: str) -> Application:
        """Change the name and give the new state."""

        def work(session: Session) -> Application:
            session.rows("rename_application", name, self._clock.now_ms(), token)
            session.overwrote = True
            return self._get(session, token)

        return await self._database.write(work)

    async def delete(self, token: str) -> None:
        """Commit the deletion; the rows are erased later."""

        def work(session: Session) -> None:
            session.rows("delete_application", self._clock.now_ms(), token)
            if not session.changes():
                raise NotFoundError("ChatApplication")
            session.overwrote = True

        await self._database.write(work)

    def _get(self, session: Session, token: str) -> Application:
        rows = session.rows(
            "get_application",
            token,
        )
        if not rows:
            raise NotFoundError("ChatApplication")
        return application_of(rows[0])

    def _first(self, session: Session, key: IdempotencyKey, now: int) -> Application | None:
        name = (_DEPLOYMENT, key.route, key.key)
        known = session.pick("keys", [name], now - self._key_ttl_ms)
        if not known:
            return None
        _, _, _, fingerprint, number, _, _ = known[0]
        if bytes.fromhex(fingerprint) != key.fingerprint:
            raise KeyReusedError
        found = session.rows(
            "get_application_by_id",
            number,
        )
        if not found:
            raise NotFoundError("ChatApplication")
        return application_of(found[0])


if TYPE_CHECKING:
    _conforms: type[Tenants] = SqliteTenants
