"""Reads and writes the databases of released schemas."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from parley.database.mysql.address import parse_address
from parley.database.mysql.dump import dump, load, tables_of
from parley.database.mysql.dump import finish as finish_load
from parley.database.mysql.session import Session as MySqlSession
from parley.database.mysql.session import connect
from tests.support.client import Client
from tests.support.tenant import expect

FOLDER: Final = Path(__file__).parent
VERSIONS: Final = sorted({int(file.name[:4]) for file in FOLDER.glob("*.sql")})

Answers = Mapping[str, Any]


def file_of(version: int, dialect: str, kind: str = "sql") -> Path:
    """Name the file of a schema's database, or of its answers."""
    return FOLDER / f"{version:04}.{dialect}.{kind}"


def read_answers(version: int, dialect: str) -> Answers:
    """Give what the API answered, by path."""
    answers: Answers = json.loads(file_of(version, dialect, "json").read_text("utf-8"))
    return answers


def ask(client: Client, paths: list[str]) -> dict[str, Any]:
    """Give what the API answers now."""
    return {path: expect(client.get(path), 200) for path in paths}


def load_sqlite(version: int, file: Path) -> None:
    """Make a database file of a schema."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(file)) as database:
        database.executescript(file_of(version, "sqlite").read_text("utf-8"))


def save_sqlite(version: int, file: Path) -> None:
    """Keep a database file, whose process has ended."""
    with closing(sqlite3.connect(file)) as database:
        file_of(version, "sqlite").write_text("\n".join(database.iterdump()) + "\n", "utf-8")


def load_mysql(version: int, url: str) -> None:
    """Fill an empty database with a schema's."""

    async def work(session: MySqlSession) -> None:
        with file_of(version, "mysql").open("rb") as lines:
            await load(session, lines, lambda _: None)
        await finish_load(session)

    asyncio.run(_with(url, work))


def save_mysql(version: int, url: str) -> None:
    """Keep a database, all tables of which have rows."""

    async def work(session: MySqlSession) -> None:
        with file_of(version, "mysql").open("wb") as file:
            await dump(session, sorted(await tables_of(session)), (), file.write, lambda _: None)

    asyncio.run(_with(url, work))


async def _with(url: str, work: Any) -> None:  # noqa: ANN401 - a coroutine function
    session = await connect(parse_address(url), {})
    try:
        await work(session)
    finally:
        await session.close()
