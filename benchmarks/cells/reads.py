"""Single reads and pages of 50: from the tail, from embedded SQLite, from MariaDB."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

from benchmarks.stage.embedded import Embedded
from benchmarks.stage.folder import work_folder
from benchmarks.stage.peers import RunningPeer, running_peers
from benchmarks.stage.servers import STORE, Servers
from benchmarks.stage.tenants import APPLICATIONS, CHATS, Caller, chat_paths, fill_chat
from benchmarks.suite.cell import Cell, VoidError
from benchmarks.suite.effort import effort
from benchmarks.suite.loads import SHARE, create
from benchmarks.suite.oha import run_oha
from benchmarks.suite.result import Figure, Result, Row, Spread
from benchmarks.suite.rounds import alternate, refuse_errors, row, void_of
from benchmarks.suite.sample import Sample
from benchmarks.suite.target import Target
from benchmarks.suite.wrk import run_wrk

FILLED: Final = 200
"""Messages in each chat."""
PAGE: Final = 50
SINGLE, LAST_PAGE = f"/messages/{FILLED}", f"/messages?limit={PAGE}&before={FILLED + 1}"
NO_TAIL: Final = "0"
SINGLE_LEAST, PAGE_LEAST, MARIADB_LEAST = 6_000, 4_000, 2_500
FROM_TAIL_LEAST: Final = 0.99


class Door(NamedTuple):
    """Where reads go, and what answers them there."""

    source: str
    target: Target

    def fill(self, write: str) -> None:
        """Fill every chat."""
        caller = Caller(write)
        for path in chat_paths(self.target.tokens):
            fill_chat(caller, path, [f"message {number} of this chat, as long as one" for number in range(FILLED)])

    def closed(self, path: str) -> Sample:
        """Read one path of every chat in turn, as fast as it is answered."""
        arguments = (path, str(CHATS), ",".join(self.target.tokens))
        return refuse_errors(run_wrk(self.target, effort().closed_s, "reads.lua", *arguments), "reads")

    def offered(self, path: str, rate: float) -> Sample:
        """Read one path of every chat at an offered rate."""
        paths = [f"{chat}{path}" for chat in chat_paths(self.target.tokens)]
        return refuse_errors(run_oha(rate, effort().open_s, self.target, paths, None), "reads")


def measure_embedded() -> Mapping[str, object]:
    """Measure two servers with the same chats in turn: one keeps ends in memory, one has no memory for them."""
    with (
        work_folder() as folder,
        Embedded(folder / "tail") as tail,
        Embedded(folder / "file", "--tail-max-bytes", NO_TAIL) as file,
        running_peers(folder, ("empty-litestar",), tail.tokens) as peers,
    ):
        doors = [
            Door("tail", tail.target("api")),
            Door("embedded", file.target("api")),
        ]
        for door, product in zip(doors, (tail, file), strict=True):
            door.fill(product.write)
            product.settle(FILLED * APPLICATIONS * CHATS)
        rows, figures = compare(doors, peers["empty-litestar"], {SINGLE: SINGLE_LEAST, LAST_PAGE: PAGE_LEAST})
        require_tail(tail.api, next(each for each in rows if each.contender == "parley, tail, page"))
        told = {"connections": tail.settings()}
    return Result(rows=rows, figures=figures, settings=told).plain()


def measure_mariadb() -> Mapping[str, object]:
    """Measure reads that the database answers."""
    with (
        work_folder() as folder,
        Servers(folder, env={"PARLEY_TAIL_MAX_BYTES": NO_TAIL}) as servers,
        running_peers(folder, ("empty-litestar",), servers.tokens) as peers,
    ):
        door = Door("MariaDB", servers.target("api"))
        with servers.working(STORE):
            door.fill(servers.write)
            servers.await_stored()
        rows, figures = compare([door], peers["empty-litestar"], {SINGLE: None, LAST_PAGE: MARIADB_LEAST})
        told, versions = {"connections": servers.settings()}, servers.versions()
    return Result(rows=rows, figures=figures, settings=told, versions=versions).plain()


def compare(
    doors: Sequence[Door], peer: RunningPeer, goals: Mapping[str, float | None]
) -> tuple[list[Row], list[Figure]]:
    """Measure every path behind every door, in turn with an empty handler; then each at 60 % of its ceiling."""
    names = {SINGLE: "single", LAST_PAGE: "page"}
    reads = {f"parley, {door.source}, {names[path]}": (door, path) for door in doors for path in goals}
    runs: dict[str, Callable[[], Sample]] = {
        name: partial(door.closed, path) for name, (door, path) in reads.items()
    }  # fmt: skip
    runs["empty-litestar"] = lambda: create(peer.target())
    closed = alternate(effort().rounds, runs)
    rates = {name: Spread.of(sample.rate for sample in samples) for name, samples in closed.items()}
    opened = alternate(effort().rounds, {
        name: partial(door.offered, path, SHARE * rates[name].median) for name, (door, path) in reads.items()
    })  # fmt: skip
    rows = [
        row(
            name, closed[name], opened.get(name, ()), mode="-", applications=APPLICATIONS,
            work="read" if name in reads else "create", is_ours=name in reads,
        )
        for name in closed
    ]  # fmt: skip
    figures = [
        Figure(
            name=f"{name.removeprefix('parley, ')} of {PAGE}" if path == LAST_PAGE else name.removeprefix("parley, "),
            unit="/s", measured=rates[name], at_least=goals[path], void=void_of(closed[name]),
            peer=f"empty-litestar {rates['empty-litestar'].median:,.0f}/s",
        )
        for name, (_, path) in reads.items()
    ]  # fmt: skip
    return rows, figures


def require_tail(api: str, pages: Row) -> None:
    """Make sure that the pages came from memory.

    Raises:
        VoidError: they did not.
    """
    least = sum(pages.rate.values if pages.rate else []) * effort().closed_s * FROM_TAIL_LEAST
    from_tail = Caller(api).metric("parley_tail_pages_total")
    if from_tail < least:
        raise VoidError(f"{from_tail:,.0f} pages came from memory, at least {least:,.0f} were read")


CELLS: Final = (
    Cell("reads-embedded", "Reads, from the tail and from embedded SQLite", "bench", 150, measure_embedded),
    Cell("reads-mariadb", "Reads from MariaDB", "bench", 95, measure_mariadb),
)
