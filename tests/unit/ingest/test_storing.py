"""Waiting until something is stored: told once, in time, and never more than is true."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from parley.domain.errors import UnavailableError
from parley.domain.events import Position
from parley.ingest import storing as module
from parley.ingest.storing import Storing
from tests.unit.ingest.doubles_recovery import DictScopes, position
from tests.unit.workers.doubles import StillClock


class Hall:
    """Somewhere to wait."""

    def __init__(self) -> None:
        """Begin empty."""
        self.scopes, self.clock = DictScopes(), StillClock()
        self.storing = Storing(self.scopes, self.clock)
        self.told: dict[str, list[bool]] = {}

    def wait(self, name: str, until: Position, timeout_s: float = 5) -> None:
        """Wait under a name."""
        told = self.told.setdefault(name, [])
        self.storing.wait("t", until, timeout_s, told.append)

    async def looked(self, times: int = 2) -> None:
        """Let it look again, and tell."""
        until = self.scopes.looks + times
        async with asyncio.timeout(5):
            while self.scopes.looks < until and self.storing._looking is not None:  # noqa: ASYNC110 - no event says so
                await asyncio.sleep(0.001)
        await asyncio.sleep(0)


@pytest.fixture
async def hall(monkeypatch: pytest.MonkeyPatch) -> Hall:
    """Give a hall that looks often."""
    monkeypatch.setattr(module, "_LOOK_S", 0.001)
    return Hall()


async def test_whoever_waits_is_told_when_it_is_stored(hall: Hall) -> None:
    """At its own position, once; one question for all, and none when nobody waits."""
    hall.wait("first", position(1))
    hall.wait("second", position(2))
    await hall.looked()
    before = {name: list(told) for name, told in hall.told.items()}
    hall.scopes.store(position(1))
    await hall.looked()
    between = {name: list(told) for name, told in hall.told.items()}
    hall.scopes.store(position(3))
    await hall.looked()
    looks = hall.scopes.looks
    for _ in range(20):
        await asyncio.sleep(0)

    assert before == {"first": [], "second": []}
    assert between == {"first": [True], "second": []}
    assert hall.told == {"first": [True], "second": [True]}
    assert hall.storing._looking is None
    assert hall.scopes.looks == looks


async def test_whoever_waited_long_enough_is_told_so(hall: Hall) -> None:
    """Not stored as far as anybody knows; others wait on."""
    hall.wait("hasty", position(1), 1)
    hall.wait("patient", position(1), 30)
    hall.clock.move(0.9)
    await hall.looked()
    early = list(hall.told["hasty"])
    hall.clock.move(0.1)
    await hall.looked()

    assert early == []
    assert hall.told == {"hasty": [False], "patient": []}
    hall.scopes.store(position(1))
    await hall.looked()
    assert hall.told["patient"] == [True]


@pytest.mark.parametrize("timeout_s", [0, -1])
async def test_what_is_stored_already_is_true_also_for_those_who_are_late(hall: Hall, timeout_s: float) -> None:
    """One look is had by everybody."""
    hall.scopes.store(position(1))
    hall.wait("stored", position(1), timeout_s)
    hall.wait("not stored", position(2), timeout_s)
    await hall.looked()

    assert hall.told == {"stored": [True], "not stored": [False]}


async def test_a_database_that_is_away_is_waited_for(hall: Hall) -> None:
    """Until the time is over: then nobody knows, so it is not said to be stored."""
    hall.scopes.is_away = True
    hall.wait("hasty", position(1), 1)
    hall.wait("patient", position(1), 30)
    await hall.looked()
    hall.clock.move(1)
    await hall.looked()
    hall.scopes.is_away = False
    hall.scopes.store(position(1))
    await hall.looked()

    assert hall.told == {"hasty": [False], "patient": [True]}


async def test_a_database_that_does_not_answer_keeps_nobody_longer_than_was_asked_for(hall: Hall) -> None:
    """The time of whoever is the first to go is the question's time."""
    hall.scopes.gate = asyncio.Event()
    hall.wait("hasty", position(1), 0.02)
    await hall.looked(1)
    hall.clock.move(0.02)
    await hall.looked(1)

    assert hall.told == {"hasty": [False]}


async def test_a_later_epoch_says_nothing_about_an_entry_of_an_earlier_one(hall: Hall) -> None:
    """It may be lost: it is not said to be stored, and nobody waits for what can never be known."""
    hall.wait("old", position(5), 30)
    hall.scopes.begin_life(2)
    hall.wait("new", position(1, epoch=2), 30)
    await hall.looked()

    assert hall.told == {"old": [False], "new": []}
    hall.scopes.store(position(1, epoch=2))
    await hall.looked()
    assert hall.told["new"] == [True]


async def test_who_fails_to_hear_it_fails_alone(hall: Hall) -> None:
    """The others are told, and those who come later."""
    seen: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: seen.append(context))

    def fail(is_stored: bool) -> None:  # noqa: FBT001 - what Storing tells
        raise ValueError(is_stored)

    hall.scopes.store(position(1))
    hall.storing.wait("t", position(1), 5, fail)
    hall.wait("other", position(1))
    await hall.looked()
    hall.wait("later", position(1))
    await hall.looked()

    assert hall.told == {"other": [True], "later": [True]}
    assert [type(context["exception"]) for context in seen] == [ValueError]


async def test_who_comes_while_it_looks_is_told_too(hall: Hall) -> None:
    """Between the question and its answer."""
    hall.scopes.gate = asyncio.Event()
    hall.scopes.store(position(1))
    hall.wait("before", position(1))
    await asyncio.sleep(0)
    hall.wait("meanwhile", position(1))
    hall.scopes.gate.set()
    await hall.looked()

    assert hall.told == {"before": [True], "meanwhile": [True]}


async def test_a_question_that_fails_otherwise_ends_nothing(hall: Hall) -> None:
    """Any error of ours is a database that does not say."""
    hall.scopes.errors = [UnavailableError("away")]
    hall.wait("patient", position(1))
    hall.scopes.store(position(1))
    await hall.looked()

    assert hall.told == {"patient": [True]}
