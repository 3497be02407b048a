"""What was tried on the peers stands where the report and a reader look for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.peers.catalogue import PEERS
from benchmarks.peers.tried import TRIED

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")


@pytest.mark.parametrize("name", TRIED)
def test_a_peer_runs_with_settings_that_were_tried(name: str) -> None:
    """Nobody changes one without trying it."""
    assert PEERS[name].settings in [trial.settings for trial in TRIED[name]]


def test_the_table_has_every_trial() -> None:
    """The same numbers for people as for the report."""
    rows = {
        f"| `{name}` | {trial.flags} | {trial.requests_per_s:,} | {trial.peer_us}, {trial.least_peer_us} "
        f"| {trial.redis_us}, {trial.least_redis_us} |"
        for name, trials in TRIED.items()
        for trial in trials
    }

    assert rows == {line for line in README.splitlines() if line.startswith("| `") and "connections" in line}
