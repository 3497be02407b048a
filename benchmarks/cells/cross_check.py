"""Our own open loop against oha on the same write service: what carries keys must tell what oha tells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from benchmarks.stage.folder import work_folder
from benchmarks.stage.servers import Servers
from benchmarks.stage.tenants import APPLICATIONS, chat_paths
from benchmarks.suite.cell import Cell
from benchmarks.suite.effort import effort
from benchmarks.suite.loads import offer_creates
from benchmarks.suite.open_loop import Load, run_open_loop
from benchmarks.suite.result import Figure, Result, paired
from benchmarks.suite.rounds import alternate, refuse_errors, row
from benchmarks.suite.sample import Sample

RATE: Final = 4_000


def measure() -> Mapping[str, object]:
    """Offer the same rate by both in turn."""
    with work_folder() as folder, Servers(folder, aof="everysec") as servers:

        def settled(sample: Sample) -> Sample:
            servers.settle(refuse_errors(sample, "a burst"))
            return sample

        def ours() -> Sample:
            load = Load(RATE, chat_paths(servers.tokens))
            return run_open_loop(load, servers.target(), effort().open_s)

        taken = alternate(effort().rounds, {
            "oha": lambda: settled(offer_creates(servers.target(), RATE)),
            "our own": lambda: settled(ours()),
        })  # fmt: skip
    facts: dict[str, Any] = {
        "work": f"create, {RATE:,}/s offered",
        "mode": "burst",
        "applications": APPLICATIONS,
        "keys": "none",
    }
    rows = [row(f"by {name}", (), samples, durability="relaxed (everysec)", **facts) for name, samples in taken.items()]
    figures = [
        Figure(
            name=f"{percentile} by our own generator against oha's", unit="×",
            measured=paired(*([each.latency_ms[percentile] for each in taken[name]] for name in ("our own", "oha"))),
        )
        for percentile in ("p50", "p95", "p99")
    ]  # fmt: skip
    return Result(rows=rows, figures=figures).plain()


CELLS: Final = (Cell("cross-check", "Our open loop against oha", "bench", 70, measure),)
