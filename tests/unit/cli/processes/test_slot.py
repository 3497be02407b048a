"""One slot: its process started again after a death, and handed on without a gap."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from parley.cli.processes.asking import Told
from parley.cli.processes.backoff import Backoff
from parley.cli.processes.child import Child
from parley.cli.processes.slot import READY_WITHIN_S, Care, Slot
from parley.domain.errors import ConfigurationError

READY, NOT_READY = Told(200, b"{}"), Told(503, b"{}")


class Hands:
    """A clock that moves when somebody waits, and notes how long."""

    def __init__(self) -> None:
        """Begin at 0."""
        self.now = 0.0
        self.pauses: list[float] = []

    def now_ms(self) -> int:
        """Give the time in milliseconds."""
        return int(self.now * 1000)

    def monotonic(self) -> float:
        """Give the time."""
        return self.now

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        """Let the time pass at once, unless the event is set."""
        self.pauses.append(seconds)
        await asyncio.sleep(0)
        if not event.is_set():
            self.now += seconds


class Actor(Child):
    """A process that is none: it is ready when told to, and ends when told to."""

    def __init__(self, slot: int, born: float, told: Told | None = READY) -> None:
        """Answer ``told`` when asked."""
        self.slot = slot
        self.pid = 100
        self.born = born
        self.was_ready = False
        self.answers = True
        self.exposition = b""
        self.exit_code = None
        self.ended = asyncio.Event()
        self.told = told
        self.was_ended = False

    async def ask(self, page: str) -> Told | None:
        """Answer, or not."""
        assert page == "/ready"
        await asyncio.sleep(0)
        return self.told

    async def end(self, within_s: float) -> None:
        """End as it should."""
        assert within_s > 0
        self.was_ended = True
        self.die(0)

    def die(self, code: int) -> None:
        """End with ``code``."""
        self.exit_code = code
        self.ended.set()


class Stage:
    """A slot with actors."""

    def __init__(self) -> None:
        """Nobody is there yet."""
        self.hands = Hands()
        self.stop = asyncio.Event()
        self.actors: list[Actor] = []
        self.told: Told | None = READY
        self.fails: list[OSError] = []
        care = Care(self._start, self.stop, 25, self.hands, self.hands.wait)
        self.slot = Slot(2, Backoff(lambda: 1.0), care)

    async def _start(self, number: int) -> Child:
        assert number == 2
        if self.fails:
            raise self.fails.pop()
        self.actors.append(Actor(number, self.hands.now, self.told))
        return self.actors[-1]

    async def until(self, condition: Callable[[], object]) -> None:
        """Let the loop turn until the condition holds."""
        async with asyncio.timeout(5):
            while not condition():  # noqa: ASYNC110 - whatever it looks at has no event to wait for
                await asyncio.sleep(0)

    def serves(self, count: int) -> Callable[[], bool]:
        """Tell whether the process number ``count`` does its job."""
        return lambda: len(self.actors) == count and self.slot.trouble is None

    def has(self, count: int) -> Callable[[], bool]:
        """Tell whether so many processes were started."""
        return lambda: len(self.actors) == count

    async def close(self, keeper: asyncio.Task[None]) -> None:
        """End all."""
        self.stop.set()
        for actor in self.actors:
            actor.die(0)
        await keeper


async def test_slot_starts_a_process_again_after_each_death() -> None:
    """After pauses that double, and it says how often in a row."""
    stage = Stage()
    assert stage.slot.trouble == "starting"
    keeper = asyncio.create_task(stage.slot.keep())
    said = []

    for count in (1, 2, 3):
        await stage.until(stage.serves(count))
        stage.told = NOT_READY
        stage.actors[-1].die(-9)
        await stage.until(stage.has(count + 1))
        said.append(stage.slot.trouble)
        stage.actors[-1].told = stage.told = READY
    await stage.until(stage.serves(4))

    assert said == [f"restarting, exited with -9 ({count} in a row)" for count in (1, 2, 3)]
    assert [pause for pause in stage.hands.pauses if pause >= 0.1] == [0.1, 0.2, 0.4]
    assert stage.slot.restarts == 3
    await stage.close(keeper)


async def test_slot_tries_again_when_the_system_gives_no_process() -> None:
    """That counts as a death."""
    stage = Stage()
    stage.fails = [OSError(11, "Resource temporarily unavailable"), OSError(11, "Resource temporarily unavailable")]
    keeper = asyncio.create_task(stage.slot.keep())

    await stage.until(lambda: len(stage.hands.pauses) == 1)
    said = stage.slot.trouble
    await stage.until(stage.serves(1))

    assert said == "restarting, it could not be started (1 in a row)"
    assert stage.hands.pauses[:2] == [0.1, 0.2]
    await stage.close(keeper)


async def test_successor_takes_over_once_it_is_ready() -> None:
    """The old one is told to end only then, and its end is no death."""
    stage = Stage()
    keeper = asyncio.create_task(stage.slot.keep())
    await stage.until(stage.serves(1))
    stage.told = NOT_READY

    round_ = asyncio.create_task(stage.slot.replace())
    await stage.until(lambda: len(stage.actors) == 2)
    await stage.until(lambda: len(stage.hands.pauses) > 3)
    early = (stage.slot.current, stage.actors[0].was_ended, stage.slot.trouble)
    stage.actors[1].told = READY
    await round_

    assert early == (stage.actors[0], False, None)
    assert stage.actors[0].was_ended
    assert stage.slot.current is stage.actors[1]
    await stage.until(stage.serves(2))
    assert stage.slot.restarts == 0
    stage.told = READY
    stage.actors[1].die(1)
    await stage.until(stage.serves(3))
    assert stage.slot.restarts == 1
    await stage.close(keeper)


async def test_old_process_stays_when_its_successor_is_not_ready_in_time() -> None:
    """The successor is ended, and the round is told why."""
    stage = Stage()
    keeper = asyncio.create_task(stage.slot.keep())
    await stage.until(stage.serves(1))
    stage.told = NOT_READY

    with capture_logs() as logged, pytest.raises(ConfigurationError, match="it was not ready in time"):
        await stage.slot.replace()

    assert [(line["event"], line["said"]) for line in logged] == [("process not ready", "{}")]
    assert stage.hands.now >= READY_WITHIN_S
    assert [actor.was_ended for actor in stage.actors] == [False, True]
    assert stage.slot.current is stage.actors[0]
    await stage.close(keeper)


async def test_old_process_stays_when_its_successor_dies() -> None:
    """As one that finds its configuration wrong does."""
    stage = Stage()
    keeper = asyncio.create_task(stage.slot.keep())
    await stage.until(stage.serves(1))
    stage.told = NOT_READY
    round_ = asyncio.create_task(stage.slot.replace())
    await stage.until(lambda: len(stage.actors) == 2)

    stage.actors[1].die(1)

    with pytest.raises(ConfigurationError, match="it exited with 1"):
        await round_
    stage.fails = [OSError(12, "Cannot allocate memory")]
    with pytest.raises(ConfigurationError, match="it could not be started: Cannot allocate memory"):
        await stage.slot.replace()
    assert stage.slot.trouble is None
    await stage.close(keeper)


async def test_successor_fills_a_slot_whose_process_is_dead() -> None:
    """A replacement during the pause ends the pause's reason."""
    stage = Stage()
    keeper = asyncio.create_task(stage.slot.keep())
    await stage.until(stage.serves(1))
    held = asyncio.Event()
    stage.slot._care = stage.slot._care._replace(wait=lambda _event, _seconds: _wait(held))
    stage.actors[0].die(-11)
    await stage.until(lambda: stage.slot.current is None)

    await stage.slot.replace()
    held.set()

    await stage.until(stage.serves(2))
    assert stage.slot.restarts == 0
    await stage.close(keeper)


async def _wait(event: asyncio.Event) -> None:
    await event.wait()


async def test_process_that_gives_no_answer_is_told() -> None:
    """It runs, but nobody knows what it does."""
    stage = Stage()
    keeper = asyncio.create_task(stage.slot.keep())
    await stage.until(stage.serves(1))

    stage.actors[0].answers = False

    assert stage.slot.trouble == "no answer"
    await stage.close(keeper)
