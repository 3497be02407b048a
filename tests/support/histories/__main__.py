"""Writes made-up recordings: ``python -m tests.support.histories simulate FOLDER --operations 500000``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from random import Random

from tests.support.histories.broken import BROKEN
from tests.support.histories.clean import CLEAN
from tests.support.histories.simulated import Load, simulate


def main() -> None:
    """Write a simulated recording, or all the told ones."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.histories", description=__doc__)
    parser.add_argument("what", choices=("simulate", "told"), help="told: the sixteen broken ones and three clean ones")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--operations", type=int, default=500_000)
    parser.add_argument("--clients", type=int, default=40)
    parser.add_argument("--chats", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    if asked.what == "told":
        told = {name: tell() for name, tell in CLEAN.items()} | {name: each.history for name, each in BROKEN.items()}
        for name, history in told.items():
            history.write(asked.folder / name.replace(" ", "-"))
        return
    load = Load(asked.clients, asked.chats, asked.operations, unknown=0.01, relaxed=0.0, fault_every_ms=5_000)
    history = simulate(load, Random(asked.seed))
    history.write(asked.folder)
    rows = sum(len(event.rows) for event in history.events)
    sys.stdout.write(f"{len(history.events):,} events with {rows:,} rows in {asked.folder}\n")


if __name__ == "__main__":
    main()
