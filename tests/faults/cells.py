"""Every cell: a fault of reliability's list, on a profile that has the part which fails."""

from __future__ import annotations

from typing import Final, NamedTuple

from tests.faults.load import WAITS
from tests.faults.must import Must
from tests.faults.nemeses import database, disks, network, poison, processes, redis, search, time, weight
from tests.faults.run import Level, Nemesis
from tests.faults.site import Needs, Profile

RUNS: Final = 3


class Cell(NamedTuple):
    """One fault on one profile, run several times with other seeds."""

    fault: str
    profile: Profile
    name: str
    title: str
    nemesis: Nemesis
    budget_s: int
    level: Level = "queued"
    swallows: bool = False
    needs: Needs = Needs()
    waits: float = WAITS
    """Of the creates, those that ask to be stored first."""
    must: Must = Must()

    @property
    def file(self) -> str:
        """Name its result."""
        return f"{self.fault.lower()}-{self.profile}-{self.name}"


_STILL: Final = Must(creates=10, reads=10, changes=3)
"""The only process stands still: each client that is not waiting yet asks once."""
_TOLD: Final = Must(told_s=2.0)
"""Redis is away, which is noticed within a second."""
_AWAY: Final = _TOLD._replace(acknowledged=10)
"""And the standby takes creates."""
_HALF: Final = 0.5

EMBEDDED: Final = (
    Cell("F2", "embedded", "kill", "the process killed under load", processes.kill_server, 90),
    Cell("F6", "embedded", "hang", "the process stopped for 4 s", processes.hang_server, 90, must=_STILL),
    Cell("F10", "embedded", "disk", "disk full", disks.fill_embedded, 60, needs=Needs(small_disks={"data": 64})),
    Cell("F11", "embedded", "clock", "clock an hour ahead, an hour back, a second again", time.jump, 60),
    Cell("F14", "embedded", "slow", "500 clients that read nothing", weight.read_nothing, 60),
    Cell("F15", "embedded", "answers", "every tenth answer lost", network.lose_answers, 60, swallows=True),
    Cell("F17", "embedded", "stop", "SIGTERM under load", processes.stop_server, 90),
)
SERVER: Final = (
    Cell("F1", "server", "workers", "workers killed a moment after they were ready", processes.kill_workers, 300),
    Cell(
        "F1",
        "server",
        "late-worker",
        "a worker stopped for longer than its lease",
        processes.hang_worker,
        120,
        must=Must(acknowledged=200),
    ),
    Cell("F2", "server", "services", "write processes and APIs killed under load", processes.kill_services, 120),
    Cell("F3", "server", "kill", "Redis killed under load, AOF always", redis.kill, 120, must=_TOLD),
    Cell("F5", "server", "flush", "Redis emptied under load", redis.flush, 90, level="stored", waits=_HALF),
    Cell("F5", "server", "old", "Redis put back to an old state", redis.put_back_old, 90, level="stored", waits=_HALF),
    Cell("F6", "server", "hang", "Redis stopped for 10 s", redis.hang, 120, must=_AWAY),
    Cell(
        "F6",
        "server",
        "silent",
        "Redis takes everything and answers nothing",
        network.silent_log,
        120,
        needs=Needs(ways=True),
        must=_AWAY,
    ),
    Cell("F6", "server", "slow", "Redis 200 ms slower", network.slow_log, 120, needs=Needs(ways=True)),
    Cell("F6", "server", "full", "Redis without memory", redis.fill, 120, must=_TOLD),
    Cell(
        "F7",
        "server",
        "away",
        "MariaDB away, then killed as it commits",
        database.be_away,
        180,
        must=Must(acknowledged=350),
    ),
    Cell(
        "F8",
        "server",
        "ill",
        "MariaDB read-only, without connections, with held locks",
        database.be_ill,
        180,
        must=Must(acknowledged=60),
    ),
    Cell("F8", "server", "hang", "MariaDB stopped for 10 s", database.hang, 150, must=Must(acknowledged=60)),
    Cell(
        "F8",
        "server",
        "slow",
        "MariaDB 200 ms slower",
        network.slow_database,
        150,
        needs=Needs(ways=True),
        must=Must(acknowledged=60),
    ),
    Cell("F9", "server", "kill", "OpenSearch killed", search.kill, 180, must=Must(acknowledged=100)),
    Cell("F9", "server", "hang", "OpenSearch stopped for 8 s", search.hang, 120, must=Must(acknowledged=100)),
    Cell("F10", "server", "redis", "disk of Redis full", disks.fill_redis, 90, needs=Needs(small_disks={"redis": 32})),
    Cell(
        "F10",
        "server",
        "mariadb",
        "disk of MariaDB full",
        disks.fill_mariadb,
        90,
        needs=Needs(small_disks={"mariadb": 400}),
        must=Must(acknowledged=300),
    ),
    Cell("F11", "server", "clock", "clocks an hour ahead, an hour back, a second again", time.jump, 90),
    Cell(
        "F12",
        "server",
        "twice",
        "every batch delivered twice",
        time.deliver_twice,
        90,
        needs=Needs(delivers_twice=True),
    ),
    Cell("F13", "server", "poison", "entries that nobody can store", poison.poison, 120),
    Cell("F14", "server", "slow", "500 clients that read nothing", weight.read_nothing, 90),
    Cell("F15", "server", "answers", "every tenth answer lost", network.lose_answers, 90, swallows=True),
    Cell(
        "F16",
        "server",
        "one",
        "one write process cut off from Redis alone",
        network.cut_one_off,
        120,
        needs=Needs(ways=True),
        must=Must(acknowledged=150),
    ),
    Cell(
        "F16",
        "server",
        "worker",
        "one worker cut off from Redis alone",
        network.cut_worker_off,
        150,
        needs=Needs(ways=True),
        must=Must(acknowledged=150),
    ),
    Cell("F18", "server", "backlog", "200,000 messages wait for a worker", weight.store_late, 150),
    Cell("F17", "server", "stop", "SIGTERM to every process in turn", processes.stop_services, 240),
)
CELLS: Final = {cell.file: cell for cell in (*EMBEDDED, *SERVER)}

NOT_SHOWN: Final = {
    "F4, a power cut under Redis": "the page cache outlives kill -9; that nothing is answered before it is synced is "
    "shown by tests/acceptance/test_sync.py and test_fleet_honesty.py instead",
    "I17, I18, the WebSocket parts of F14 and F17": "not built yet",
    "Skew between machines, failover of MariaDB": "one machine, one node",
    "F1, named points of a crash": "tests/simulation meets each of them; here a kill falls when it falls",
    "F3, ten kills, one in 20 s": "five a run, each once all is stored and indexed that was acknowledged before",
    "F7, MariaDB away for a minute and until the log's depth is at its bound": "it is away for 20 s; "
    "the bound is shown by tests/acceptance alone",
    "F8, deadlocks, and that retries do not become a storm": "nobody makes deadlocks here, or counts what is retried",
    "F9, 429 and a document that the index refuses": "a real OpenSearch gives neither on demand",
    "F10, a full disk of the process' own output": "nobody fills it",
    "F12, one batch to two workers at once": "the lease keeps the second one off; a worker that wakes up behind its "
    "lease is F1's",
    "F13, a text of 65,536 bytes": "no client can send it; the column takes 2,000 characters for a while instead",
    "F14, a byte a second, and others' p99 within 20 %": "those clients read nothing; p99 is in the table, not judged",
    "F16, a blackhole": "a proxy cuts the way",
    "F18, that live creates keep their p99": "it is in the table, not judged",
}
