"""The simulation itself: the same seed is the same run, a broken build is found, and a failure can be seen again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from parley.ingest.batcher import Batcher
from parley.workers.persist import PersistJob
from tests.simulation.broken import BUILDS, Broken
from tests.simulation.report import explain, first_found
from tests.simulation.scale import scaled
from tests.simulation.simulation import Result, Simulation

ROOT = Path(__file__).parents[2]
FOUND_WITHIN = 400
"""Schedules: the rarest of the rules needs some hundred."""


def traces(seeds: range, hash_seed: str) -> list[str]:
    """Run schedules in a process of its own, whose sets have another order, and give their hashes."""
    code = (
        "from tests.simulation.scale import scaled; from tests.simulation.simulation import Simulation\n"
        f"with scaled(): print(*(Simulation(seed).run().trace for seed in {seeds!r}))"
    )
    environment = os.environ | {"PYTHONHASHSEED": hash_seed}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True, capture_output=True)
    return done.stdout.decode().split()


def test_a_seed_has_one_trace_only() -> None:
    """The same seed gives the same trace again, in this process and in others, and another seed another one."""
    seeds = range(12)
    with scaled():
        here = [Simulation(seed).run().trace for seed in seeds]
        again = [Simulation(seed).run().trace for seed in seeds]

    assert again == here
    assert len(set(here)) == len(here)
    assert traces(seeds, "1") == here
    assert traces(seeds, "2") == here


@pytest.mark.parametrize("build", BUILDS.values(), ids=BUILDS)
def test_a_broken_build_is_found(build: Broken) -> None:
    """Each rule that is forgotten breaks its own promise in some schedule, and the whole build is whole again after."""
    found = first_found(build, FOUND_WITHIN)

    assert found is not None, f"{build.promise} was not broken in {FOUND_WITHIN} schedules"
    with scaled():
        assert not Simulation(found.seed).run().wrong


@pytest.mark.parametrize("place", [(PersistJob, "_store"), (Batcher, "submit")], ids=["worker", "writer"])
def test_a_build_that_does_not_work_is_not_found(place: tuple[type, str]) -> None:
    """A build whose code raises breaks a schedule, and yet none of the promises that are looked for."""
    build = Broken("does not work", "I5", ((*place, None),))

    with build.built() as flags, scaled():
        wrong = Simulation(0, flags).run().wrong

    assert wrong
    assert not build.findings(wrong)


def test_a_failure_names_its_seed_and_the_command_that_shows_it() -> None:
    """Who reads a red test can run that one schedule again."""
    result = Result(7, ["I1: number 3 was given twice"], "trace", 50, 2, frozenset(), 1.0)

    said = explain(result)

    assert "I1: number 3 was given twice" in said
    assert "python -m tests.simulation --seed 7 --trace" in said
