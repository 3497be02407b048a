"""The state of a deployment at one moment, as ``parley status --json`` prints it. What is not known is null."""

from __future__ import annotations

from typing import Literal

import msgspec

from parley.domain.events import Position
from parley.http.times import format_time


class Place(msgspec.Struct, frozen=True):
    """A position, and the time that it stands for."""

    epoch: int
    id: int
    at: str


class Server(msgspec.Struct, frozen=True):
    """One of the servers that everything depends on: its latency, or why it cannot be used."""

    name: Literal["database", "log", "search"]
    ok: bool
    latency_ms: float | None = None
    message: str | None = None


class Depth(msgspec.Struct, frozen=True):
    """What lies on the log and is not stored."""

    messages: int
    bytes: int


class Partition(msgspec.Struct, frozen=True, kw_only=True):
    """One partition: its row, its lease, its log, and how far the index is."""

    id: int
    epoch: int
    mode: str | None = None
    run_id: str | None = None
    log: str | None = None
    """How the log is, seen from the row: ``served``, or why it is not."""
    owner: str | None = None
    lease_left_s: float | None = None
    position: Place | None = None
    """Up to where is stored."""
    end: Place | None = None
    """Up to where the log goes."""
    lag_s: float | None = None
    """How old the oldest entry is that is not stored."""
    depth: Depth | None = None
    index_position: Place | None = None
    index_lag_s: float | None = None
    """How old the oldest change is that is not in the index."""


class Job(msgspec.Struct, frozen=True):
    """Another job that one worker at a time does; no owner: nobody does it."""

    name: str
    owner: str | None
    left_s: float | None


class State(msgspec.Struct, frozen=True, kw_only=True):
    """All of it; ``ok`` is what the exit code says."""

    profile: Literal["embedded", "server"]
    ok: bool
    servers: list[Server]
    partitions: list[Partition]
    jobs: list[Job] = []
    workers: list[str] | None = None
    """Those that hold a lease."""
    dead_letters: int | None = None
    durability: str | None = None
    process: str | None = None
    """Who serves an embedded database."""
    unindexed: int | None = None
    """Messages that changed and are not in an embedded index yet."""


def place(position: Position | None) -> Place | None:
    """Name a position with its time."""
    return None if position is None else Place(position.epoch, position.id, format_time(position.at))
