"""The state of a deployment for people: a table of the partitions, and a line for everything else."""

from __future__ import annotations

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from parley.cli.overview.state import Depth, Job, Partition, Place, Server, State

_RUN_ID = 8
_UNKNOWN = "?"
_MB = 1024 * 1024
_NARROW = "\n"
_DATE = len("2026-11-21T")
"""Left out where there is not much room."""


def show(state: State, *, narrow: bool) -> RenderableType:
    """Draw all of it; where there is not much room, a cell that holds two things has two lines."""
    between = _NARROW if narrow else " "
    table = _embedded_table(state, between) if state.profile == "embedded" else _server_table(state, between)
    return Group(table, *_lines(state))


def _server_table(state: State, between: str) -> Table:
    right = {"part", "lag", "depth", "index lag"}
    table = Table(pad_edge=False, box=SIMPLE_HEAD)
    for name in ("part", "epoch", "log", "lease", "stored up to", "lag", "depth", "log ends at", "index lag"):
        table.add_column(name, justify="right" if name in right else "left", no_wrap=name != "lease", overflow="fold")
    for partition in state.partitions:
        table.add_row(*_server_row(partition, between))
    return table


def _server_row(partition: Partition, between: str) -> Iterator[Text]:
    yield Text(str(partition.id))
    yield Text(f"{partition.epoch}{between}{partition.mode or _UNKNOWN}")
    run = (partition.run_id or "")[:_RUN_ID]
    yield Text(f"{partition.log or _UNKNOWN}{between}{run}", style="" if partition.log == "served" else "yellow")
    yield _lease(partition, between)
    yield Text(_place(partition.position, between))
    yield Text(_seconds(partition.lag_s))
    yield Text(_depth(partition.depth, between))
    yield Text(_place(partition.end, between))
    yield Text(_seconds(partition.index_lag_s))


def _embedded_table(state: State, between: str) -> Table:
    table = Table("part", "epoch", "stored up to", "index is at", "index lag", pad_edge=False, box=SIMPLE_HEAD)
    for each in state.partitions:
        cells = (_place(each.position, between), _place(each.index_position, between), _seconds(each.index_lag_s))
        table.add_row(str(each.id), str(each.epoch), *cells)
    return table


def _lines(state: State) -> Iterator[Text]:
    for server in state.servers:
        yield _server(server)
    if state.profile == "embedded":
        yield Text(f"server     {'none runs on this folder' if state.process is None else f'process {state.process}'}")
        if state.unindexed is not None:
            yield Text(f"index      {state.unindexed:,} changed messages are not in it yet")
        return
    yield Text(f"durability {state.durability or _UNKNOWN}")
    letters = state.dead_letters
    yield Text(
        f"dead       {_UNKNOWN if letters is None else f'{letters:,}'} letters"
        + ("; see them with parley dead-letters list" if letters else ""),
        style="yellow" if letters else "",
    )
    for job in state.jobs:
        yield _job(job)
    yield Text(
        f"workers    {_UNKNOWN if state.workers is None else f'{len(state.workers)}, by the leases that they hold'}"
    )


def _server(server: Server) -> Text:
    if not server.ok:
        return Text(f"{server.name:<10} away: {server.message}", style="bold red")
    return Text(f"{server.name:<10} {server.latency_ms:,.1f} ms" + (f", {server.message}" if server.message else ""))


def _lease(partition: Partition, between: str) -> Text:
    if partition.mode is None:
        return Text(_UNKNOWN)
    if partition.owner is None or partition.lease_left_s is None:
        return Text("nobody", style="bold red")
    return Text(f"{partition.owner}{between}{partition.lease_left_s:.0f} s left")


def _job(job: Job) -> Text:
    if job.owner is None or job.left_s is None:
        return Text(f"{job.name:<10} nobody does it", style="yellow")
    return Text(f"{job.name:<10} {job.owner}, {job.left_s:.0f} s left")


def _place(place: Place | None, between: str) -> str:
    if place is None:
        return _UNKNOWN
    return f"{place.at[_DATE:] if between == _NARROW else place.at}{between}{place.id}" if place.id else "nothing"


def _seconds(seconds: float | None) -> str:
    return _UNKNOWN if seconds is None else f"{seconds:,.1f} s"


def _depth(depth: Depth | None, between: str) -> str:
    return _UNKNOWN if depth is None else f"{depth.messages:,}{between}{depth.bytes / _MB:,.1f} MB"
