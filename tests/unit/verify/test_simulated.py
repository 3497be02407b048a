"""Random executions of a service that does everything right, and of one that does not."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.histories.flawed import FLAWS
from tests.support.histories.judging import found, judge
from tests.support.histories.simulated import Load, simulate

LOADS = st.builds(
    Load,
    clients=st.integers(1, 12),
    chats=st.integers(1, 4),
    operations=st.integers(10, 300),
    page=st.sampled_from([0, 5, 50]),
    unknown=st.sampled_from([0.0, 0.1, 0.4]),
    degraded=st.sampled_from([0.0, 0.3]),
    relaxed=st.sampled_from([0.0, 0.2]),
    fault_every_ms=st.sampled_from([5, 50, 2_000]),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(load=LOADS, seed=st.integers(0, 2**32))
def test_a_right_execution_yields_no_finding(load: Load, seed: int) -> None:
    """Concurrent clients, unknown outcomes that take effect late, retries, crashes and degraded reads."""
    verdict = judge(simulate(load, Random(seed)))

    assert verdict.findings == []
    assert all("are the least" in reason for reason in verdict.reasons)


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_flawed_service_is_caught_within_three_runs(flaw: str) -> None:
    """By the check that is meant for it, among others."""
    check, served = FLAWS[flaw]
    load = Load(clients=8, operations=500, unknown=0.3, fault_every_ms=20)

    runs = (set(found(simulate(load, Random(seed), served))) for seed in range(3))

    assert any(check in checks for checks in runs)
