"""Harms MariaDB: it is away, dies in the midst of a commit, is slow to lock, refuses to write or to connect."""

from __future__ import annotations

import asyncio
from typing import Final

from tests.faults.nemeses import hanging
from tests.faults.run import Strike
from tests.faults.server import ServerSite
from tests.support.engines.mariadb import MariaDbServer
from tests.support.pace import hold_async

_AWAY_S: Final = 20.0
_ILL_S: Final = 6.0
_HANGS_S: Final = 10.0
_KILLS: Final = 3
_UNTIL_COMMIT: Final = """DELIMITER //
BEGIN NOT ATOMIC
    WHILE NOT EXISTS (SELECT id FROM information_schema.processlist WHERE user = 'parley' AND info = 'COMMIT') DO
        DO SLEEP(0.001);
    END WHILE;
END//
"""
_FEW: Final = 10
"""Connections; that is the least that MariaDB can be told."""


async def be_away(strike: Strike[ServerSite]) -> None:
    """Stop it for a while: creates go on. Then kill it the moment that a worker commits."""
    mariadb = strike.site.mariadb
    async with strike.load.volley(), strike.fault("mariadb away"):
        await asyncio.to_thread(mariadb.stop)
        await hold_async(_AWAY_S)
        await asyncio.to_thread(mariadb.start)
    await strike.calm()
    for _ in range(_KILLS):
        async with strike.load.volley(), strike.fault("kill -9 of mariadb"):
            await asyncio.to_thread(_kill_at_commit, mariadb)
            await asyncio.to_thread(mariadb.start)
        await strike.calm()


async def hang(strike: Strike[ServerSite]) -> None:
    """Stop it where it is: connections stay open, and nobody is answered by it."""
    await hanging.hang(strike, strike.site.mariadb, "mariadb", _HANGS_S)


async def be_ill(strike: Strike[ServerSite]) -> None:
    """Refuse to write, then to connect, then hold the locks that persisting needs."""
    for name, harm in {
        "read_only": _refuse_writes,
        "max_connections": _refuse_connections,
        "locks": _hold_locks,
    }.items():
        async with strike.load.volley(), strike.fault(name):
            await asyncio.to_thread(harm, strike.site)
        await strike.calm()


def _kill_at_commit(mariadb: MariaDbServer) -> None:
    """Have it look each millisecond until one of the product's connections is at a commit, and kill it then."""
    mariadb.run_as_root(_UNTIL_COMMIT)
    mariadb.kill()


def _refuse_writes(site: ServerSite) -> None:
    site.mariadb.run_as_root(f"SET GLOBAL read_only = 1; DO SLEEP({_ILL_S}); SET GLOBAL read_only = 0")


def _refuse_connections(site: ServerSite) -> None:
    """End every connection and let only a few in again; one session does it all, for no other could undo it."""
    ids = site.mariadb.run_as_root("SELECT id FROM information_schema.processlist WHERE user LIKE 'parley%'")
    ends = "; ".join(f"KILL {id_}" for (id_,) in ids)
    usual = "SET GLOBAL max_connections = @usual"
    few = f"SET @usual = @@max_connections; SET GLOBAL max_connections = {_FEW}"
    site.mariadb.run_as_root(f"{few}; {ends}; DO SLEEP({_ILL_S}); {usual}", goes_on=True)


def _hold_locks(site: ServerSite) -> None:
    """Lock every partition's row for a while."""
    locks = "START TRANSACTION; SELECT id FROM `partition` FOR UPDATE"
    site.mariadb.run(f"{locks}; DO SLEEP({_ILL_S}); ROLLBACK", site.fleet.database)
