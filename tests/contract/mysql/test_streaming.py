"""Long results of a real server: few are held at a time, and a server that falls silent is told of."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from parley.database.mysql import session as sessions
from parley.database.mysql.address import parse_address
from parley.database.mysql.dump import dump
from parley.database.mysql.errors import LostError
from parley.database.mysql.session import Session, connect
from tests.support.engines.mariadb import MariaDbServer

MIB = 1 << 20
LETTERS = 60


@pytest.fixture
async def session(mysql_url: str) -> AsyncIterator[Session]:
    """Give a connection to a database with long rows, and with short ones."""
    made = await connect(parse_address(mysql_url), {})
    await made.execute("create table letter (id int primary key, event mediumblob, raw mediumblob) engine = InnoDB")
    for number in range(LETTERS):
        await made.execute("insert into letter values (%s, repeat('e', 1048576), repeat('r', 1048576))", (number,))
    await made.execute("create table short (id int primary key) engine = InnoDB")
    await made.run_text(b"insert into short values " + b",".join(b"(%d)" % number for number in range(5_000)))
    try:
        yield made
    finally:
        await made.close()


async def test_long_rows_are_given_few_at_a_time(session: Session) -> None:
    """Some 4 MiB, and all of them in their order; of short rows there are many."""
    long = [[row[0] for row in rows] async for _, rows in session.stream("select * from letter order by id")]
    short = [len(rows) async for _, rows in session.stream("select * from short")]

    assert sum(long, []) == list(range(LETTERS))  # noqa: RUF017 - few
    assert max(map(len, long)) == 2
    assert short == [2_000, 2_000, 1_000]


async def test_a_backup_holds_little_of_long_rows(session: Session, tmp_path: Path) -> None:
    """Far less than all of them, which are 120 MiB, and written in hex twice as many."""
    tracemalloc.start()
    try:
        with (tmp_path / "dump.sql").open("xb") as file:
            await dump(session, ["letter"], [], file.write, lambda _: None)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert (tmp_path / "dump.sql").stat().st_size > 4 * LETTERS * MIB
    assert most < 48 * MIB


async def exhaust(stream: AsyncIterator[object]) -> None:
    """Take all that is left."""
    async for _ in stream:
        pass


async def test_a_server_that_falls_silent_is_told_of(
    own_server: MariaDbServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of a long result, and of a statement that is loaded; a backup does not hang for ever."""
    address = parse_address(own_server.create_database("parley"))
    reading, loading = await connect(address, {}), await connect(address, {})
    await reading.execute("create table letter (raw mediumblob) engine = InnoDB")
    for _ in range(LETTERS):
        await reading.execute("insert into letter values (repeat('r', 1048576))")
    monkeypatch.setattr(sessions, "_STALLED_S", 2.0)
    stream = reading.stream("select * from letter")
    await anext(stream)

    own_server.pause()
    try:
        with pytest.raises(LostError, match=r"no answer within 2\.0 s"):
            await asyncio.wait_for(exhaust(stream), 20)
        with pytest.raises(LostError, match=r"no answer within 2\.0 s"):
            await asyncio.wait_for(loading.run_text(b"insert into letter values ('x')"), 20)
    finally:
        own_server.resume()

    assert not reading.is_open
    assert not loading.is_open
