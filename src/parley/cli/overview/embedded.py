"""The state of an embedded database and its index, read beside the process that serves them."""

from __future__ import annotations

from contextlib import closing, nullcontext

from parley.cli.overview.state import Partition, Server, State, place
from parley.config import Settings
from parley.database.ownership import owner_of
from parley.domain.errors import ConfigurationError, ParleyError
from parley.domain.events import Position
from parley.search import open_index_audit
from parley.search.port import IndexAudit
from parley.storage import open_audit
from parley.storage.port import Audit
from parley.telemetry.clock import Clock
from parley.telemetry.files import file_behind

_NOTHING = Position(0, 0)


def look_embedded(settings: Settings, clock: Clock) -> State:
    """Look once, at one snapshot of each file.

    Raises:
        ConfigurationError: there is no database, or it cannot be read.
    """
    began = clock.monotonic()
    index, search = _open_index(settings.search_url, clock)
    with closing(open_audit(settings.database_url)) as rows, closing(index) if index else nullcontext():
        latency_ms = round((clock.monotonic() - began) * 1_000, 1)
        positions = {} if index is None else index.positions()
        file = file_behind(settings.database_url)
        return State(
            profile="embedded",
            ok=search.ok,
            servers=[Server("database", ok=True, latency_ms=latency_ms), search],
            partitions=_partitions(rows, positions),
            durability="stored",
            process=None if file is None else owner_of(file),
            unindexed=len(rows.pending(positions).messages) if positions else None,
        )


def _open_index(url: str, clock: Clock) -> tuple[IndexAudit | None, Server]:
    began = clock.monotonic()
    try:
        index = open_index_audit(url)
    except ConfigurationError as error:
        return None, Server("search", ok=False, message=error.detail)
    try:
        made = index is not None and bool(index.positions())
    except ParleyError as error:
        return None, Server("search", ok=False, message=error.detail)
    latency_ms = round((clock.monotonic() - began) * 1_000, 1)
    return index, Server("search", ok=True, latency_ms=latency_ms, message=None if made else "not made yet")


def _partitions(rows: Audit, positions: dict[int, Position]) -> list[Partition]:
    return [
        Partition(
            id=id_,
            epoch=end.epoch,
            position=place(end),
            lag_s=0.0,
            index_position=place(positions.get(id_)),
            index_lag_s=_lag_s(end, positions.get(id_)),
        )
        for id_, end in sorted(rows.ends().items())
    ]


def _lag_s(end: Position, indexed: Position | None) -> float | None:
    """Give the distance between two positions: the index may be ahead of this snapshot."""
    return None if indexed is None else max(0, end.at - indexed.at) / 1_000
