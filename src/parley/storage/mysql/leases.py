"""Who does which job, by the database's clock; and which connection writes under a lease."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import structlog

from parley.database.mysql.errors import ContendedError, DeniedError, DuplicateError, FailedError
from parley.database.mysql.session import Session
from parley.database.mysql.transactions import Database
from parley.storage.sharing import Holder, Lease, Leases

_MS: Final = 1_000
_FORGET_MS: Final = 3_600_000

_log = structlog.get_logger(__name__)


class MySqlLeases:
    """The ``lease`` and ``worker`` tables."""

    def __init__(self, database: Database) -> None:
        """Keep leases in ``database``."""
        self._database = database

    async def beat(self, owner: str, ttl_s: float) -> int:
        """Say that the worker ``owner`` lives, and give how many do; those silent for ``ttl_s`` do not."""

        async def work(session: Session) -> int:
            await session.run("beat", owner.encode(), round(ttl_s * _MS))
            await session.run("forget_workers", _FORGET_MS)
            count: int = (await session.rows("count_workers"))[0][0]
            return count

        return await self._database.write(work)

    async def claim(self, job: str, owner: str, ttl_s: float) -> Lease | None:
        """Take a lease that is free, has run out or was the owner's own; ``None`` if another holds it."""
        ttl_ms = round(ttl_s * _MS)

        async def work(session: Session) -> Lease | None:
            found = await session.rows("lock_lease", job.encode())
            if not found:
                await _insert(session, job, owner, ttl_ms)
                return Lease(job, owner, 1)
            holder, token, left_ms = found[0]
            if holder not in {b"", owner.encode()} and left_ms > 0:
                return None
            if holder:
                await _kill(session, mark_of(self._database.address.database, Lease(job, holder.decode(), token)))
            await session.run("take_lease", owner.encode(), token + 1, ttl_ms, job.encode())
            return Lease(job, owner, token + 1)

        return await self._database.write(work)

    async def renew(self, lease: Lease, ttl_s: float) -> bool:
        """Hold a lease for longer; ``False`` if it is lost."""
        name = _named(lease)
        return await self._database.write(lambda s: s.run("renew_lease", round(ttl_s * _MS), *name)) == 1

    async def release(self, lease: Lease) -> None:
        """Let go of a lease, so that the next owner need not wait."""
        await self._database.write(lambda session: session.run("release_lease", *_named(lease)))

    async def holders(self) -> list[Holder]:
        """Give every lease that is held or has run out."""
        rows = await self._database.read(lambda session: session.rows("holders"))
        return [Holder(job.decode(), owner.decode(), left_ms) for job, owner, left_ms in rows]


async def is_own(session: Session, lease: Lease) -> bool:
    """Tell whether the lease is still its owner's."""
    return bool(await session.rows("own_lease", *_named(lease)))


def mark_of(database: str, lease: Lease) -> str:
    """Give the name of the connection that writes under a lease: the server lets one connection have it.

    The number of a connection would not do: after a restart of the server it may be somebody else's.
    """
    name = f"{database}\0{lease.job}\0{lease.owner}\0{lease.token}"
    return "parley.lease." + blake2b(name.encode(), digest_size=16).hexdigest()


async def hold_mark(session: Session, database: str, lease: Lease) -> bool:
    """Mark this connection as the one that writes under a lease, ending an earlier one that the server still has."""
    mark = mark_of(database, lease)
    if (await session.rows("hold_mark", mark))[0][0] == 1:
        return True
    await _kill(session, mark)
    return False


async def _insert(session: Session, job: str, owner: str, ttl_ms: int) -> None:
    try:
        await session.run("insert_lease", job.encode(), owner.encode(), ttl_ms)
    except DuplicateError as error:  # another's came first: to be repeated, and found
        raise ContendedError(error.code, error.text) from error


async def _kill(session: Session, mark: str) -> None:
    """End the connection that the last owner wrote through: what it has not committed is undone."""
    connection = (await session.rows("find_marked", mark))[0][0]
    if connection is None or connection == session.id:
        return
    try:
        await session.run("kill_connection", connection)
    except DeniedError as error:
        _log.warning("may not end a late worker's connection", connection=connection, reason=error.text)
    except FailedError as error:
        if error.code != _NO_SUCH_CONNECTION:
            raise


_NO_SUCH_CONNECTION: Final = 1094


def _named(lease: Lease) -> tuple[bytes, bytes, int]:
    return lease.job.encode(), lease.owner.encode(), lease.token


if TYPE_CHECKING:
    _conforms: type[Leases] = MySqlLeases
