"""``parley status``: what it shows of an embedded folder, of servers that are away, and of what waits on a log."""

from __future__ import annotations

import asyncio
import json
import os
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from parley.cli import main
from parley.cli.overview import parts
from parley.cli.overview.logs import look_at_logs
from parley.cli.overview.parts import Part
from parley.cli.overview.shown import show
from parley.cli.overview.state import Depth, Job, Partition, Place, Server, State
from parley.database.ownership import Ownership
from parley.domain.errors import UnavailableError
from parley.domain.events import Depth as Counts
from parley.domain.events import Entry, Event, Logged, MessagesPosted, Position
from parley.domain.model import Draft
from tests.unit.workers.doubles import StillClock
from tests.unit.workers.doubles_sharing import apart
from tests.unit.workers.persisting import World

PLACE = Place(3, 1_048_576, "2026-11-21T09:44:13.007Z")
STATE = State(
    profile="server",
    ok=True,
    servers=[
        Server("database", ok=True, latency_ms=1.2),
        Server("log", ok=True, latency_ms=0.4),
        Server("search", ok=True, latency_ms=8.0),
    ],
    partitions=[
        Partition(
            id=0, epoch=3, mode="log", run_id="0123456789abcdef", log="served", owner="host:1:ab", lease_left_s=9.2,
            position=PLACE, end=PLACE, lag_s=0.0, depth=Depth(1_234, 5_242_880), index_position=PLACE, index_lag_s=0.5,
        )
    ],
    jobs=[Job("index", "host:1:ab", 8.0), Job("erase", None, None)],
    workers=["host:1:ab"],
    dead_letters=2,
    durability="queued",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("PARLEY_"):
            monkeypatch.delenv(name)


@pytest.fixture
def folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """Give a data folder that was migrated."""
    assert main(["migrate", "--data-dir", str(tmp_path / "data")]) == 0
    capsys.readouterr()
    return tmp_path / "data"


def drawn(state: State, *, narrow: bool = False, width: int = 300) -> str:
    """Draw a state as text."""
    written = StringIO()
    Console(file=written, width=width, highlight=False).print(show(state, narrow=narrow))
    return written.getvalue()


def status_json(capsys: pytest.CaptureFixture[str], folder: Path) -> Any:  # noqa: ANN401 - JSON
    """Run the command and read its JSON."""
    assert main(["status", "--json", "--data-dir", str(folder)]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("command", ["status", "rebuild-sequences"])
def test_help_has_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One that can be typed."""
    assert main([command, "--help"]) == 0

    assert f"Example: parley {command}" in capsys.readouterr().out


def test_an_embedded_folder_has_positions_and_an_index(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What applies there: no leases, no log of its own, no letters."""
    told = status_json(capsys, folder)
    assert main(["status", "--data-dir", str(folder)]) == 0
    shown = capsys.readouterr().out

    assert (told["profile"], told["ok"], told["process"]) == ("embedded", True, None)
    assert [partition["id"] for partition in told["partitions"]] == [0, 1, 2, 3]
    assert [server["name"] for server in told["servers"]] == ["database", "search"]
    assert "none runs on this folder" in shown
    assert "lease" not in shown


def test_an_embedded_folder_is_looked_at_beside_its_server(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who serves it is named."""
    owned = Ownership.take(folder / "parley.db")

    told = status_json(capsys, folder)

    owned.release()
    assert told["process"] == str(os.getpid())


@pytest.mark.parametrize("command", ["status", "rebuild-sequences"])
def test_a_command_that_has_nothing_to_look_at_is_refused(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line; no folder is made."""
    monkeypatch.setenv("PARLEY_DATA_DIR", str(tmp_path / "none"))

    assert main([command]) == 1

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("parley: ")
    assert not (tmp_path / "none").exists()


def test_servers_that_do_not_answer_are_lines_of_the_table(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All three are away: it says so three times, ends with 1, and repeats no password."""
    monkeypatch.setenv("PARLEY_DATABASE_URL", "mysql://parley:geheim@127.0.0.1:1/parley")
    monkeypatch.setenv("PARLEY_LOG_URL", "redis://u:geheim@127.0.0.1:1")
    monkeypatch.setenv("PARLEY_SEARCH_URL", "http://u:geheim@127.0.0.1:1")

    assert main(["status"]) == 1
    shown = capsys.readouterr().out
    assert main(["status", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)

    assert shown.count("away: ") == 3
    assert "geheim" not in shown + str(told)
    assert [server["ok"] for server in told["servers"]] == [False] * 3
    assert told["partitions"] == []


def test_every_fact_of_a_partition_is_shown() -> None:
    """On one line where there is room; in columns that fit 120 where there is not."""
    shown, narrow = drawn(STATE), drawn(STATE, narrow=True, width=120)

    (line,) = [line for line in shown.splitlines() if "host:1:ab 9 s left" in line]
    for fact in ("3 log", "served 01234567", f"{PLACE.at} {PLACE.id}", "1,234 5.0 MB", "0.0 s", "0.5 s"):
        assert fact in line
    for fact in ("09:44:13.007Z", str(PLACE.id), "served", "01234567", "9 s left", "5.0 MB"):
        assert fact in narrow


def test_what_else_matters_is_told_in_lines() -> None:
    """Latencies, durability, letters with the command, jobs that nobody does, workers."""
    lines = drawn(STATE).splitlines()

    for start in ("database   1.2 ms", "durability queued", "dead       2 letters; see", "erase      nobody does it"):
        assert any(line.startswith(start) for line in lines), start


def test_what_is_not_known_is_a_question_mark() -> None:
    """With the database away the log still tells its epoch; with the log away, only the row."""
    bare = Partition(id=0, epoch=3, run_id="0123456789abcdef", end=PLACE)
    unled = Partition(id=1, epoch=3, mode="log", run_id="", position=PLACE)
    state = State(profile="server", ok=False, servers=[Server("log", ok=False, message="x")], partitions=[bare, unled])

    shown = drawn(state)

    assert "?" in shown
    assert "nobody" in shown
    assert "away: x" in shown


async def test_a_server_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its line says so, and the next look tries again."""
    monkeypatch.setattr(parts, "PATIENCE_S", 0.01)
    hangs = [True]

    async def ping() -> None:
        if hangs[0]:
            await asyncio.Event().wait()

    started: list[int] = []

    async def start() -> None:
        started.append(1)

    part = Part("log", start, ping, StillClock())
    await part.look()
    first = part.server
    hangs[0] = False
    await part.look()

    assert (first.ok, first.message) == (False, "no answer within 0 s")
    assert part.server == Server("log", ok=True, latency_ms=0.0)
    assert started == [1]


async def test_a_server_that_refuses_a_start_is_started_at_the_next_look() -> None:
    """Nothing is asked of it before."""
    asked: list[str] = []

    async def start() -> None:
        asked.append("start")
        if len(asked) == 1:
            raise UnavailableError("not yet")

    async def ping() -> None:
        asked.append("ping")

    part = Part("database", start, ping, StillClock())
    await part.look()
    assert part.server == Server("database", ok=False, message="not yet")
    await part.look()

    assert part.server.ok
    assert asked == ["start", "start", "ping"]


async def test_what_waits_on_a_log_is_counted() -> None:
    """From the oldest entry that is not stored to the end, a bulk with all its messages."""
    world = World()
    process, job = await world.served()
    world.append(2)
    await world.settle(job)
    world.clock.move(5)
    since = world.clock.now_ms()
    for messages in (3, 1):
        world.engine.append(world.store.row.life, messages, b"four")
    make_readable(world, 3)

    found = (await look_at_logs(apart(process.log), [world.store.row]))[0]

    assert (found.finding, found.waiting_since, found.depth) == ("served", since, Depth(4, 8))
    assert found.end == world.engine.ends[2]


async def test_nothing_waits_when_all_is_stored() -> None:
    """Then there is no lag, however long ago the last entry was."""
    world = World()
    process, job = await world.served()
    world.append(2)
    await world.settle(job)
    world.clock.move(3_600)

    found = (await look_at_logs(apart(process.log), [world.store.row]))[0]

    assert (found.waiting_since, found.depth) == (None, Depth(0, 0))


async def test_what_cannot_be_read_has_no_count() -> None:
    """Its lag is known all the same."""
    world = World()
    process, _ = await world.served()
    world.append(1)
    stream = world.engine.streams[2]
    stream[0] = stream[0]._replace(so_far=Counts())

    found = (await look_at_logs(apart(process.log), [world.store.row]))[0]

    assert found.waiting_since == stream[0].position.at
    assert found.depth is None


def make_readable(world: World, messages: int) -> None:
    """Put a bulk in the place of the oldest entry."""
    stream = world.engine.streams[2]
    entry = Entry("token", 1, MessagesPosted(tuple(Draft("x") for _ in range(messages))))
    oldest: Logged = stream[0]
    stream[0] = oldest._replace(event=Event(Position(*oldest.position), 1, entry))
