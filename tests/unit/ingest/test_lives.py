"""Which lives the logs are in, and which partitions the database numbers: read from its rows, told to the log."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from parley.domain.errors import UnavailableError
from parley.domain.grants import STANDBY, Life
from parley.ingest import lives as lives_module
from parley.ingest.lives import PresentLives
from tests.unit.ingest.doubles_recovery import DictFeeding, DictScopes


class DictSwitch:
    """A switch that remembers what it was told."""

    def __init__(self) -> None:
        """Have been told nothing."""
        self.told: list[Mapping[int, int]] = []
        self.cut_off: frozenset[int] = frozenset()

    def stand_by(self, epochs: Mapping[int, int]) -> None:
        """Remember."""
        self.told.append(dict(epochs))


class Ward:
    """Lives over doubles."""

    def __init__(self) -> None:
        """Know two partitions in their first epoch."""
        self.scopes, self.feeding, self.switch = DictScopes(), DictFeeding(), DictSwitch()
        self.lives = PresentLives(self.scopes, self.feeding, self.switch)


async def test_a_standby_is_told_with_its_epoch_when_it_begins_and_when_it_ends() -> None:
    """And nothing is told while nothing changes."""
    ward = Ward()
    changed = [await ward.lives.renew() for _ in range(2)]
    ward.scopes.rows[1] = ward.scopes.rows[1]._replace(life=Life(2, "run"), mode=STANDBY)
    changed += [await ward.lives.renew() for _ in range(2)]
    ward.scopes.begin_life(3)
    ward.scopes.rows = [row._replace(mode="log") for row in ward.scopes.rows]
    changed.append(await ward.lives.renew())

    assert changed == [True, False, True, False, True]
    assert ward.switch.told == [{}, {1: 2}, {}]
    assert ward.feeding.lives[1] == {0: Life(1, "run"), 1: Life(2, "run")}


async def test_a_database_that_is_away_changes_nothing() -> None:
    """What was last known holds."""
    ward = Ward()
    await ward.lives.renew()
    ward.scopes.is_away = True

    with pytest.raises(UnavailableError):
        await ward.lives.renew()
    assert len(ward.switch.told) == 1


async def test_one_who_is_cut_off_looks_more_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A standby may begin any moment."""
    monkeypatch.setattr(lives_module, "LOOK_EVERY_S", 3_600.0)
    monkeypatch.setattr(lives_module, "AWAY_LOOK_S", 0.0)
    ward, stop = Ward(), asyncio.Event()
    ward.switch.cut_off = frozenset({0})
    watching = asyncio.create_task(ward.lives.watch(stop))

    async with asyncio.timeout(5):
        while ward.scopes.looks < 5:  # noqa: ASYNC110 - no event says so
            await asyncio.sleep(0)

    stop.set()
    await watching
