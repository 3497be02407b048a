"""Trials: PYTHONPATH=. .venv/bin/python -m benchmarks.history embedded|server [--messages 100000] [--folder .bench]."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.history.growing import Growing, Grown, Point
from benchmarks.history.shape import STEPS
from benchmarks.history.sites import SITES
from benchmarks.history.verdict import RULE


def main() -> None:
    """Grow to so many messages and print every point and verdict."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.history", description=__doc__)
    parser.add_argument("profile", choices=SITES)
    parser.add_argument("--messages", type=int, choices=STEPS, default=STEPS[1])
    parser.add_argument("--folder", type=Path, default=Path.cwd(), help="on the disk that is measured")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--reads", type=int, default=3_000)
    given = parser.parse_args()
    steps = [step for step in STEPS if step <= given.messages]
    with tempfile.TemporaryDirectory(prefix="h-", dir=given.folder) as name, SITES[given.profile](Path(name)) as site:
        report(Growing(site, print_point).grow(steps, rounds=given.rounds, reads=given.reads))


def print_point(point: Point) -> None:
    """Print a point as soon as it is there."""
    print(f"{point.profile:9}{point.messages:>11,}  {point.what:40}{point.cost:10.3f} {point.unit}", flush=True)


def report(grown: Grown) -> None:
    """Print what follows from the points."""
    for (what, unit), verdict in grown.verdicts().items():
        print(f"{verdict:16}{what}, {unit}")
    print(RULE)
    for name, ratios in grown.ends._asdict().items():
        print(f"last page by first page, {name}: {', '.join(f'{ratio:.3f}' for ratio in ratios)}")
    print("met" if grown.ends.is_met else "missed")


if __name__ == "__main__":
    main()
