"""Rounds: they alternate, and a peer that is not what it is said to be makes its pairing void."""

from __future__ import annotations

from functools import partial

from benchmarks.suite.rounds import BASELINE, against, alternate, unfit
from benchmarks.suite.sample import Sample
from tests.unit.benchmarks.doubles import sample


def test_rounds_alternate_and_begin_with_another_each_time() -> None:
    """Nobody always runs after the same one."""
    ran: list[str] = []

    def run(name: str) -> Sample:
        ran.append(name)
        return sample()

    taken = alternate(3, {name: partial(run, name) for name in "abc"})

    assert "".join(ran) == "abcbcacab"
    assert {name: len(samples) for name, samples in taken.items()} == {"a": 3, "b": 3, "c": 3}


def test_a_peer_below_its_range_makes_the_pairing_void() -> None:
    """Too slow a peer is easily beaten; one above its range counts."""
    rounds = {"usual": [sample(300)] * 3, BASELINE: [sample(1_000)] * 3, "parley": [sample(2_000)] * 3}

    reason = unfit("usual", rounds, (0.34, 0.70))

    assert "0.30 of empty-granian, below its range of 0.34-0.70" in reason
    assert against("creates", rounds, "parley", "usual", reason, at_least=2.5).verdict == "void"
    assert not unfit("usual", {**rounds, "usual": [sample(900)] * 3}, (0.34, 0.70))
    assert not unfit("usual", rounds, None)
