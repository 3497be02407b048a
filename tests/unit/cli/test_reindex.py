"""Watching a new index: until it is searched, through troubles, but not for ever."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from parley.cli import reindex
from parley.cli.reindex import STANDSTILL_S
from parley.domain.errors import UnavailableError
from parley.search.opensearch.renewal import OpenSearchRenewal
from parley.search.port import Filling
from tests.unit.workers.doubles import StillClock

STEP_S = 10
AWAY = UnavailableError("The search engine does not answer")


class Told(OpenSearchRenewal):
    """Tells what the test says, a look after the other, and then the last for ever; time passes between looks."""

    def __init__(self, clock: StillClock, told: Sequence[Filling | UnavailableError | None]) -> None:
        """Take what is told."""
        self._clock = clock
        self._told = list(told)

    async def filling(self) -> Filling | None:
        """Tell the next."""
        self._clock.move(STEP_S)
        told = self._told.pop(0) if len(self._told) > 1 else self._told[0]
        if isinstance(told, UnavailableError):
            raise told
        return told


async def watch(monkeypatch: pytest.MonkeyPatch, *told: Filling | UnavailableError | None) -> float:
    """Watch what is told."""
    monkeypatch.setattr(reindex, "POLL_S", 0)
    clock = StillClock()
    return await reindex._watch(Told(clock, told), clock)


async def test_a_watch_ends_when_nothing_is_wanted_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it takes, as long as it moves."""
    moving = [Filling(done, 1_000) for done in range(1, 40)]

    assert await watch(monkeypatch, *moving, None) == 40 * STEP_S


async def test_a_watch_goes_on_while_the_engine_is_busy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says what the trouble is."""
    await watch(monkeypatch, Filling(5, 10), AWAY, AWAY, Filling(10, 10), None)

    assert "5 of 10 messages" in (shown := capsys.readouterr().err)
    assert "trying again: The search engine does not answer" in shown


@pytest.mark.parametrize(
    ("told", "sentence"), [(Filling(5, 10), "look at the log lines of the worker"), (AWAY, AWAY.detail)]
)
async def test_a_watch_ends_when_nothing_moves(
    monkeypatch: pytest.MonkeyPatch, told: Filling | UnavailableError, sentence: str
) -> None:
    """The operator is told where to look."""
    with pytest.raises(UnavailableError, match=sentence):
        await watch(monkeypatch, Filling(5, 10), told)

    assert STANDSTILL_S > STEP_S
