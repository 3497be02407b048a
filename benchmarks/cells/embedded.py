"""Creates on embedded SQLite, synced and indexed: the ceiling over a minute, and how far the index is behind."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from benchmarks.stage.embedded import Embedded
from benchmarks.stage.folder import work_folder
from benchmarks.stage.peers import running_peers
from benchmarks.stage.tenants import APPLICATIONS, Caller, chat_paths
from benchmarks.suite.cell import Cell, VoidError
from benchmarks.suite.effort import effort
from benchmarks.suite.loads import Keys, create
from benchmarks.suite.open_loop import Load, run_open_loop
from benchmarks.suite.result import Curve, Figure, Result, Row, Spread
from benchmarks.suite.rounds import alternate, refuse_errors, row, void_of
from benchmarks.suite.sample import Sample

LEAST: Final = 15_000
GOAL_RATE: Final = 10_000
OTHER_RATES: Final = (5_000, 7_500, 12_500, 20_000)
LAG_MOST_MS: Final = 2_000
TAKEN_LEAST: Final = 0.99
_LOOKED_EVERY_S: Final = 0.1
_FACTS: Final[Mapping[str, Any]] = {
    "work": "create",
    "mode": "whole",
    "applications": APPLICATIONS,
    "durability": "stored (FULL)",
}

Lags = Sequence[tuple[float, float]]
"""Seconds since the begin, milliseconds behind."""


def measure_ceiling() -> Mapping[str, object]:
    """Measure a closed loop of a minute with keys and without, beside the empty handler on the same parser."""
    with (
        work_folder() as folder,
        Embedded(folder) as product,
        running_peers(folder, ("empty-wire",), product.tokens) as peers,
    ):

        def load(keys: Keys, seconds: int) -> Sample:
            sample = create(product.target(), keys=keys, seconds=seconds)
            product.settle(refuse_errors(sample, "creates"))
            return sample

        taken = alternate(effort().rounds, {
            "none": lambda: load("none", effort().long_s),
            "keys": lambda: load("keys", effort().closed_s),
            "empty-wire": lambda: create(peers["empty-wire"].target()),
        })  # fmt: skip
        told = {"connections": product.settings()}
    rows = [row("parley", taken[keys], keys=keys, is_ours=True, **_FACTS) for keys in ("none", "keys")]
    rows.append(row("empty-wire", taken["empty-wire"], work="create", mode="-", applications=APPLICATIONS))
    figure = Figure(
        name="embedded create, whole", unit="/s", at_least=LEAST, void=void_of(taken["none"]),
        measured=Spread.of(sample.rate for sample in taken["none"]),
        peer=f"empty-wire {Spread.of(sample.rate for sample in taken['empty-wire']).median:,.0f}/s",
    )  # fmt: skip
    return Result(rows=rows, figures=[figure], settings=told).plain()


def measure_lag() -> Mapping[str, object]:
    """Measure the lag at the rate of the goal in all rounds, then at rates around it until one is not taken."""
    notes: list[str] = []
    with work_folder() as folder, Embedded(folder) as product:
        offered = {GOAL_RATE: [offer(product, GOAL_RATE) for _ in range(effort().rounds)]}
        for rate in OTHER_RATES:
            try:
                offered[rate] = [offer(product, rate)]
            except VoidError as error:
                notes.append(f"{rate:,}/s offered: {error}")
                break
        told = {"connections": product.settings()}
    rows = [_row(rate, [sample for sample, _ in offered[rate]]) for rate in sorted(offered)]
    goal = offered[GOAL_RATE]
    figures = [
        Figure(
            name=f"index lag at {GOAL_RATE:,}/s offered, greatest", unit="ms", at_most=LAG_MOST_MS,
            measured=Spread.of(max(lag for _, lag in lags) for _, lags in goal),
        ),
        Figure(
            name=f"taken of {GOAL_RATE:,}/s offered", unit="×", at_least=TAKEN_LEAST,
            measured=Spread.of(sample.rate / GOAL_RATE for sample, _ in goal),
        ),
    ]  # fmt: skip
    return Result(rows=rows, figures=figures, curves=_curves(offered), settings=told, notes=notes).plain()


def offer(product: Embedded, rate: int) -> tuple[Sample, Lags]:
    """Offer a rate and look at the lag ten times a second; then the index must catch up and all be right."""
    lags: list[tuple[float, float]] = []
    began, metrics = time.monotonic(), Caller(product.api)

    async def watch() -> None:
        while True:
            lag = await asyncio.to_thread(metrics.metric, "parley_index_lag_ms")
            lags.append((time.monotonic() - began, lag))
            await asyncio.sleep(_LOOKED_EVERY_S)

    load = Load(rate, chat_paths(product.tokens))
    sample = run_open_loop(load, product.target(), max(1, effort().long_s // 6), [watch])
    product.settle(refuse_errors(sample, f"{rate:,} creates/s offered"))
    return sample, lags


def _row(rate: int, samples: Sequence[Sample]) -> Row:
    return row("parley", (), samples, **{**_FACTS, "work": f"create, {rate:,}/s offered"}, keys="none", is_ours=True)


def _curves(offered: Mapping[int, Sequence[tuple[Sample, Lags]]]) -> list[Curve]:
    lags = {rate: [lag for _, looks in offered[rate] for _, lag in looks] for rate in sorted(offered)}
    return [
        Curve(
            title="Index lag by offered rate", x="creates/s offered", y="ms",
            lines={
                "median": [(rate, Spread.of(each).median) for rate, each in lags.items()],
                "greatest": [(rate, max(each)) for rate, each in lags.items()],
            },
        ),
        Curve(
            title="Index lag over time, the last round of each rate", x="seconds", y="ms",
            lines={f"{rate:,}/s": list(offered[rate][-1][1]) for rate in sorted(offered)},
        ),
    ]  # fmt: skip


CELLS: Final = (
    Cell("embedded-create", "Creates, embedded, synchronous=FULL, index on, 60 s", "bench", 460, measure_ceiling),
    Cell("embedded-lag", "Index lag, embedded, by offered rate", "bench", 165, measure_lag),
)
