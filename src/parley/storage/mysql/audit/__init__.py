"""Compares the rows of a MySQL or MariaDB database with each other, on one snapshot, without writing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from parley.database.mysql.address import Address, parse_address
from parley.database.mysql.dump import refuse_unfinished
from parley.database.mysql.errors import FailedError
from parley.database.mysql.migrations import pending
from parley.database.mysql.server import refusal
from parley.database.mysql.session import Session, connect
from parley.domain.errors import ConfigurationError
from parley.storage.mysql import migrations, queries
from parley.storage.mysql.audit.auditing import MySqlAudit
from parley.storage.mysql.audit.snapshot import Snapshot


def open_audit(url: str) -> MySqlAudit:
    """Open ``mysql://user:password@host:port/database`` for reading; not to be called where an event loop runs.

    Raises:
        ConfigurationError: the URL is not one, the database cannot be read, or its schema is not this code's.
    """
    address, named = parse_address(url), queries()
    runner = asyncio.Runner()
    try:
        session = runner.run(_open(address, named))
    except FailedError as error:
        runner.close()
        raise refusal(error, address) from error
    except BaseException:
        runner.close()
        raise
    return MySqlAudit(Snapshot(runner, session, named))


async def _open(address: Address, named: Mapping[str, str]) -> Session:
    session = await connect(address, named)
    try:
        await _refuse_unmigrated(session, address)
        await session.run("audit_isolation")
        await session.run("audit_snapshot")
    except BaseException:
        await session.close()
        raise
    return session


async def _refuse_unmigrated(session: Session, address: Address) -> None:
    await refuse_unfinished(session)
    todo = await pending(session, migrations())
    if todo:
        text = f"the database {address.database} lacks {len(todo)} migrations; run parley migrate first"
        raise ConfigurationError(text)
