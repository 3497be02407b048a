"""Following a log of its own: whoever asks gets everything from before the asking, or is told that it cannot be had."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from parley.domain.errors import OutcomeUnknownError, UnavailableError
from parley.domain.events import Event
from parley.queries import following
from parley.queries.following import LOOK_EVERY_S, RETRY_AFTER_S
from tests.unit.queries.watching import Watch


@pytest.fixture
async def watch() -> Watch:
    """Give a follower that has begun."""
    made = Watch()
    assert await made.follower.start() == 2
    return made


async def test_a_follower_begins_behind_what_is_stored() -> None:
    """In every partition where the database is."""
    watch = Watch()
    stored, other, after = watch.post(0), watch.post(1), watch.post(0)
    watch.rows.move(stored.position, 0)
    watch.rows.move(other.position, 1)
    await watch.follower.start()

    assert await watch.caught_up()
    assert watch.numbers() == [3]
    assert [each for each in watch.told if each] == [after.event]


async def test_callers_of_one_turn_share_a_round(watch: Watch) -> None:
    """One round trip for all of them."""
    watch.post()

    assert await asyncio.gather(*(watch.caught_up() for _ in range(50))) == [True] * 50
    assert len(watch.stream.asked) == 1
    assert watch.numbers() == [1]


async def test_a_caller_never_gets_a_round_that_began_before_its_call(watch: Watch) -> None:
    """What was appended after the log was looked at, and before the call, is there after the call."""
    watch.stream.gate = asyncio.Event()
    first = asyncio.ensure_future(watch.caught_up())
    await watch.until(lambda: len(watch.stream.asked) == 1)
    watch.post()
    later = [asyncio.ensure_future(watch.caught_up()) for _ in range(3)]
    await asyncio.sleep(0)

    gate, watch.stream.gate = watch.stream.gate, asyncio.Event()
    gate.set()
    await first
    await watch.until(lambda: len(watch.stream.asked) == 2)
    after_first = watch.numbers(), [each.done() for each in later]
    watch.stream.gate.set()
    await asyncio.gather(*later)

    assert after_first == ([], [False] * 3)
    assert watch.numbers() == [1]
    assert len(watch.stream.asked) == 2


async def test_a_caller_that_goes_away_disturbs_nobody(watch: Watch) -> None:
    """Its round goes on for the others."""
    watch.stream.gate = asyncio.Event()
    one, other = asyncio.ensure_future(watch.caught_up()), asyncio.ensure_future(watch.caught_up())
    await watch.until(lambda: len(watch.stream.asked) == 1)

    one.cancel()
    watch.stream.gate.set()

    assert await other
    assert one.cancelled()
    assert await watch.caught_up()


async def test_entries_that_arrive_while_it_reads_are_read_on_next_time(watch: Watch) -> None:
    """Each once, in order."""
    for _ in range(20):
        watch.post()
        await watch.caught_up()
    watch.stream.on_read = watch.post
    for _ in range(20):
        await watch.caught_up()
    watch.stream.on_read = lambda: None
    await watch.caught_up()

    assert watch.numbers() == list(range(1, 41))
    assert [event.number for event in watch.told if event] == watch.numbers()


async def test_a_follower_that_is_far_behind_reads_on_to_the_end(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one call, as many round trips as it takes; partitions that are read to their end are not asked again."""
    monkeypatch.setattr(following, "READ_LIMIT", 10)
    watch.follower._limit = 10
    for _ in range(35):
        watch.post(0)
    watch.post(1)

    assert await watch.caught_up()
    assert len(watch.numbers()) == 36
    assert [sorted(asked) for asked in watch.stream.asked] == [[0, 1], [0], [0], [0]]


@pytest.mark.parametrize(
    "error",
    [
        UnavailableError("away"),
        OutcomeUnknownError("odd"),
        KeyError("a bug"),
        OSError("reset"),
        asyncio.CancelledError(),
    ],
)
async def test_nobody_waits_for_ever_when_the_log_fails(watch: Watch, error: BaseException) -> None:
    """Whatever the log fails with: those who wait are told, and those who come later get what they ask for."""
    watch.stream.gate = asyncio.Event()
    first = asyncio.ensure_future(watch.caught_up())
    await watch.until(lambda: len(watch.stream.asked) == 1)
    later = [asyncio.ensure_future(watch.caught_up()) for _ in range(3)]
    await asyncio.sleep(0)
    watch.stream.error = error
    watch.stream.gate.set()
    await first
    await watch.until(lambda: len(watch.stream.asked) == 2)
    await asyncio.sleep(0)
    watch.stream.error = None
    watch.post()
    watch.clock.move(RETRY_AFTER_S)

    assert await watch.caught_up()
    assert not watch.follower.is_away
    assert set(await asyncio.gather(*later)) <= {False, True}
    assert watch.numbers() == [1]


async def test_a_log_that_is_away_is_asked_again_after_a_pause(watch: Watch) -> None:
    """Until then readers are told at once."""
    watch.stream.error = UnavailableError("away")
    told = [await watch.caught_up() for _ in range(3)]
    asked = len(watch.stream.asked)
    watch.stream.error = None
    watch.clock.move(RETRY_AFTER_S / 2)
    told.append(await watch.caught_up())
    away = watch.follower.is_away
    watch.clock.move(RETRY_AFTER_S / 2)

    assert told == [False] * 4
    assert asked == 1
    assert away
    assert await watch.caught_up()
    assert not watch.follower.is_away


async def test_a_log_that_does_not_answer_is_waited_for_only_so_long(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And asked for less at a time, as long as nothing comes: a thousand large entries take their time."""
    monkeypatch.setattr(following, "PATIENCE_S", 0.01)
    watch.stream.gate = asyncio.Event()
    limits = []
    for _ in range(5):
        assert not await watch.caught_up()
        limits.append(watch.follower._limit)
        watch.clock.move(RETRY_AFTER_S)
    watch.stream.gate.set()
    for _ in range(20):
        watch.post()

    assert limits == [250, 31, 3, 1, 1]
    assert await watch.caught_up()
    assert watch.numbers() == list(range(1, 21))


async def test_what_was_read_before_a_timeout_stays_read(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """A follower far behind gets on, round by round, with the same portions."""
    monkeypatch.setattr(following, "PATIENCE_S", 0.05)
    monkeypatch.setattr(following, "READ_LIMIT", 10)
    watch.follower._limit = 10
    for _ in range(25):
        watch.post()
    stuck = asyncio.Event()
    watch.stream.on_read = lambda: setattr(watch.stream, "gate", stuck if len(watch.stream.asked) == 2 else None)

    assert not await watch.caught_up()
    assert watch.numbers() == list(range(1, 11))
    assert watch.follower._limit == 10
    watch.clock.move(RETRY_AFTER_S)
    assert await watch.caught_up()
    assert watch.numbers() == list(range(1, 26))


async def test_an_entry_that_cannot_be_remembered_is_not_passed_over(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers are told that something is missing, until it can be."""
    watch.post()
    add = watch.unstored.add

    def fail(partition: int, event: Event) -> None:
        del partition, event
        raise ValueError

    monkeypatch.setattr(watch.unstored, "add", fail)
    assert not await watch.caught_up()
    monkeypatch.setattr(watch.unstored, "add", add)
    watch.clock.move(RETRY_AFTER_S)

    assert await watch.caught_up()
    assert watch.numbers() == [1]


async def test_a_follower_keeps_up_while_nobody_reads(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """It reads, lets go of what is stored, outlives every failure of log and database, and stops when it is told to."""
    monkeypatch.setattr(following, "FOLLOW_EVERY_S", 0.001)
    stop = asyncio.Event()
    task = asyncio.create_task(watch.follower.follow(stop))

    async def after(step: Callable[[], object], is_so: Callable[[], bool]) -> None:
        step()
        watch.clock.move(max(LOOK_EVERY_S, RETRY_AFTER_S))
        await watch.until(is_so)

    await after(watch.post, lambda: watch.numbers() == [1])
    await after(lambda: setattr(watch.stream, "error", KeyError("a bug")), lambda: watch.follower.is_away)
    await after(lambda: setattr(watch.stream, "error", None), lambda: not watch.follower.is_away)
    looks = watch.rows.looks
    for error in (UnavailableError("away"), KeyError("a bug")):
        watch.rows.error = error
        await after(lambda: None, lambda before=looks: watch.rows.looks > before)  # type: ignore[misc]
        looks = watch.rows.looks
    watch.rows.error = None
    await after(lambda: watch.store(watch.post()), lambda: len(watch.unstored) == 0)
    stop.set()

    await asyncio.wait_for(task, 5)
    assert not watch.follower.is_away


async def test_a_follower_cannot_begin_without_the_database() -> None:
    """Where to begin is written there."""
    watch = Watch()
    watch.rows.error = UnavailableError("away")

    with pytest.raises(UnavailableError):
        await watch.follower.start()
