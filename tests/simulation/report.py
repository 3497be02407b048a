"""Runs many schedules, says what they met, and prints what a failure needs to be seen again."""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections import Counter
from collections.abc import Iterable
from typing import Final

import msgspec

from tests.simulation import points
from tests.simulation.broken import BUILDS, Broken
from tests.simulation.scale import scaled
from tests.simulation.simulation import Result, Simulation

_TOLD_EVERY: Final = 100
_SHOWN: Final = 5


class Summary(msgspec.Struct):
    """What some schedules did."""

    schedules: int = 0
    met: Counter[str] = msgspec.field(default_factory=Counter)
    """Schedules by what they met."""
    appends: int = 0
    least_appends: int = sys.maxsize
    crashes: int = 0
    least_crashes: int = sys.maxsize
    failures: list[Result] = msgspec.field(default_factory=list)

    def add(self, result: Result) -> None:
        """Count one."""
        self.schedules += 1
        self.met.update(result.met)
        self.appends += result.appends
        self.crashes += result.crashes
        if result.wrong:
            self.failures.append(result)
        else:
            self.least_appends = min(self.least_appends, result.appends)
            self.least_crashes = min(self.least_crashes, result.crashes)

    def table(self) -> str:
        """Give the schedules that met each point, one a line."""
        widest = max(map(len, points.ALL))
        lines = [f"{point.ljust(widest)} {self.met[point]:>8,}" for point in points.ALL]
        return "\n".join([f"{'met'.ljust(widest)} {'schedules':>9}", *lines])


def run_many(seeds: Iterable[int], *, stop_at: int = sys.maxsize, progress: bool = False) -> Summary:
    """Run a schedule for each seed; give up after ``stop_at`` broken ones."""
    summary = Summary()
    with scaled():
        for seed in seeds:
            summary.add(Simulation(seed).run())
            gc.collect(0)  # at once: memory that is used again is in the processor's cache
            if progress and summary.schedules % _TOLD_EVERY == 0:
                print(f"\r{summary.schedules:,} schedules", end="", file=sys.stderr, flush=True)
            if len(summary.failures) >= stop_at:
                break
    return summary


def first_found(build: Broken, most: int) -> Result | None:
    """Run the first schedules on a broken build until one breaks its promise; ``None`` if none of ``most`` does."""
    with build.built() as flags, scaled():
        results = (Simulation(seed, flags).run() for seed in range(most))
        return next((result for result in results if build.findings(result.wrong)), None)


def explain(result: Result) -> str:
    """Say what a schedule found, and how to see it again."""
    found = "\n".join(f"  {wrong}" for wrong in result.wrong[:_SHOWN])
    return f"seed {result.seed}:\n{found}\n  again: .venv/bin/python -m tests.simulation --seed {result.seed} --trace"


def main() -> int:
    """Run what the command line says."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation",
        description="Simulates the write path and its workers: a seed is a schedule of requests and crashes.",
        epilog="examples: --schedules 10000; --seed 394 --trace; --broken 'grants not voided'",
    )
    parser.add_argument("--seed", type=int, default=0, help="the first seed (default 0)")
    parser.add_argument("--schedules", type=int, help="how many, from that seed on (default 1,000; with --trace 1)")
    parser.add_argument("--trace", action="store_true", help="print all that happens, and the hash of it")
    parser.add_argument("--broken", choices=sorted(BUILDS), help="run a build that forgets a rule, until it is found")
    arguments = parser.parse_args()
    if arguments.broken:
        return _find(BUILDS[arguments.broken], arguments.schedules or 1_000)
    if arguments.trace:
        return max(_trace(seed) for seed in range(arguments.seed, arguments.seed + (arguments.schedules or 1)))
    return _run(range(arguments.seed, arguments.seed + (arguments.schedules or 1_000)))


def _run(seeds: range) -> int:
    began = time.perf_counter()
    summary = run_many(seeds, progress=sys.stderr.isatty())
    spent = time.perf_counter() - began
    print(summary.table())
    print(f"{summary.schedules:,} schedules, {summary.schedules / spent:.0f} a second")
    print(f"{summary.appends:,} appends, {summary.crashes:,} crashes")
    for failure in summary.failures[:_SHOWN]:
        print(explain(failure))
    print(f"{len(summary.failures)} schedules broke a promise")
    return int(bool(summary.failures))


def _trace(seed: int) -> int:
    with scaled():
        simulation = Simulation(seed)
        result = simulation.run()
    print("\n".join(simulation.lines))
    print(f"seed {seed}: {result.appends} appends, {result.crashes} crashes, plan {simulation.faults.plan}")
    print(f"trace {result.trace}")
    for wrong in result.wrong:
        print(wrong)
    return int(bool(result.wrong))


def _find(build: Broken, most: int) -> int:
    found = first_found(build, most)
    if found is None:
        print(f"{build.promise} was not broken in {most:,} schedules")
    else:
        print(f"found at seed {found.seed}: {build.findings(found.wrong)[0]}")
    return int(found is None)
