"""The gates of deleted applications: what can be closed is, whatever cannot."""

from __future__ import annotations

from typing import Any, cast

import pytest

from parley.domain.errors import OutcomeUnknownError, ParleyError, UnavailableError
from parley.workers.gates import LOOK_EVERY_S, GateJob


class Applications:
    """`Scopes` and `Log` of some deleted applications: some gates cannot be closed."""

    def __init__(self, errors: dict[str, ParleyError]) -> None:
        """Fail for these."""
        self.errors = errors
        self.closed: list[str] = []

    async def unclosed(self) -> list[str]:
        """Give all but the closed."""
        return [token for token in "abc" if token not in self.closed]

    async def close_gate(self, token: str) -> None:
        """Close, or fail."""
        if token in self.errors:
            raise self.errors[token]
        self.closed.append(token)


async def test_a_gate_whose_log_is_away_keeps_no_other_open() -> None:
    """It is closed when its log is back; until then the job says that it fails."""
    applications = Applications({"a": UnavailableError("away"), "b": UnavailableError("away")})
    job = GateJob(cast("Any", applications), cast("Any", applications))

    with pytest.raises(UnavailableError):
        await job.step()
    closed_at_first = list(applications.closed)
    applications.errors.clear()

    assert closed_at_first == ["c"]
    assert await job.step() == LOOK_EVERY_S
    assert applications.closed == ["c", "a", "b"]


async def test_a_gate_of_which_nobody_can_tell_ends_the_step() -> None:
    """It took as long as a reply may take, and so may the next."""
    applications = Applications({"a": OutcomeUnknownError("no reply")})

    with pytest.raises(OutcomeUnknownError):
        await GateJob(cast("Any", applications), cast("Any", applications)).step()

    assert applications.closed == []
