"""Writes tables as SQL text, a statement a line, which any client can load; and loads such text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from parley.database.mysql.literals import inserts
from parley.database.mysql.session import Session
from parley.domain.errors import ConfigurationError

Show = Callable[[int], None]

_UNFINISHED: Final = "restoring"
"""The table that is there from before the first statement of a load until after everything else."""
_TABLES: Final = (
    "select table_name from information_schema.tables where table_schema = database() and table_type = 'BASE TABLE'"
)
_HEAD: Final = b"""\
-- Tables of a Parley database; parley restore loads them, and so does any client of MySQL or MariaDB.
set names utf8mb4;
set sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO';
"""


async def dump(
    session: Session, tables: Sequence[str], empty: Sequence[str], write: Callable[[bytes], object], show: Show
) -> None:
    """Write the rows of ``tables``, and how they and the ``empty`` ones are made; ``show`` hears how many rows.

    The session holds one state for as long as that takes.

    Raises:
        ConfigurationError: a newer release has made a column of a kind that this one never writes.
    """
    write(_HEAD)
    for table in (*tables, *empty):
        made = (await session.execute(f"show create table `{table}`")).rows[0][1]
        write(" ".join(made.split("\n")).encode() + b";\n")
    done = 0
    for table in tables:
        async for names, rows in session.stream(f"select * from `{table}`"):  # noqa: S608 - names of our own
            columns = ", ".join(f"`{name}`" for name in names)
            try:
                for statement in inserts(f"insert into `{table}` ({columns}) values", rows):
                    write(statement + b";\n")
            except KeyError as error:
                raise ConfigurationError(
                    f"the table {table} has values of a kind that only a newer release knows: back up with that one"
                ) from error
            done += len(rows)
            show(done)


async def load(session: Session, lines: Iterable[bytes], show: Show) -> None:
    """Run what `dump` wrote, into a database without tables; to be ended by `finish`.

    What an earlier load left that did not come to its end goes first. ``show`` hears how many bytes are loaded.

    Raises:
        ConfigurationError: there are tables already.
    """
    present = await tables_of(session)
    if _UNFINISHED not in present and present:
        raise ConfigurationError(f"it has the tables {', '.join(sorted(present))}")
    await session.execute_slowly(f"create table if not exists `{_UNFINISHED}` (id int primary key) engine = InnoDB")
    for table in present:
        if table != _UNFINISHED:
            await session.execute_slowly(f"drop table `{table}`")
    done = 0
    for line in lines:
        if not line.startswith(b"--"):
            await session.run_text(line.rstrip(b";\n"))
        done += len(line)
        show(done)


async def finish(session: Session) -> None:
    """Say that everything is loaded."""
    await session.execute_slowly(f"drop table `{_UNFINISHED}`")


async def refuse_unfinished(session: Session) -> None:
    """Refuse a database that was not loaded to its end.

    Raises:
        ConfigurationError: it is one.
    """
    if _UNFINISHED in await tables_of(session):
        raise ConfigurationError(
            "a restore into this database did not come to its end: run parley restore again, which begins anew"
        )


async def tables_of(session: Session) -> list[str]:
    """Name the database's tables."""
    found = [row[0] for row in (await session.execute(_TABLES)).rows]
    return [name.decode() if isinstance(name, bytes) else str(name) for name in found]
