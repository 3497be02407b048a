"""A deployment that is broken and healed: what every profile has, whatever it runs on."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, Protocol

from parley.verify.history import Source
from tests.faults.client import Doors
from tests.faults.stored import StoredChat

Profile = Literal["embedded", "server"]


class Needs(NamedTuple):
    """What a fault needs of a site besides the usual."""

    env: Mapping[str, str] = MappingProxyType({})
    """Further settings."""
    small_disks: Mapping[str, int] = MappingProxyType({})
    """Of ``data``, ``redis`` or ``mariadb``, how many MB there are."""
    delivers_twice: bool = False
    build: str = ""
    """Which broken build the processes are; none where it is empty."""
    ways: bool = False
    """Whether servers are reached through a proxy that can cut, hold up and silence what passes."""


class Site(Protocol):
    """Processes of Parley and what they stand on, started and ready."""

    profile: Profile
    doors: Doors
    sources: tuple[Source, ...]
    """How it can be read at the end."""
    clock: Path
    """By how many milliseconds its processes' wall clocks differ from ours."""

    def pids(self) -> list[int]:
        """Give the processes of Parley."""

    def settings(self) -> dict[str, str]:
        """Give what the run's record says of it."""

    def heal(self) -> None:
        """Have everything running that belongs to it."""

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of Parley's commands on it."""

    def stored(self, token: str) -> Iterator[StoredChat]:
        """Give what the database holds of an application."""

    def indexed(self) -> set[tuple[int, int]]:
        """Give (chat id, number) of every document that the search index holds."""

    def log_text(self) -> str:
        """Give what its processes wrote."""


def is_drained(site: Site) -> bool:
    """Tell whether everything is stored and indexed, as the product says it."""
    said = site.run("status", "--json").stdout
    state: dict[str, Any] = json.loads(said)
    waiting = [partition.get("depth") or {"messages": 0} for partition in state["partitions"]]
    behind = [partition.get("index_lag_s") or 0 for partition in state["partitions"]]
    return (
        bool(state["ok"])
        and not any(depth["messages"] for depth in waiting)
        and not any(behind)
        and not state.get("unindexed")
    )
