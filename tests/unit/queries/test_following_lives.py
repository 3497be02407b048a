"""Following a log through its lives, beside persist: what is stored, trimmed or lost meanwhile is seen to be so."""

from __future__ import annotations

import asyncio

import pytest

from parley.domain.errors import UnavailableError
from parley.domain.events import Entry as LogEntry
from parley.domain.events import Logged, MessageDeleted, MessageEdited, Position
from parley.queries.following import RETRY_AFTER_S
from tests.unit.queries.doubles import say
from tests.unit.queries.watching import PLACE, Watch


@pytest.fixture
async def watch() -> Watch:
    """Give a follower that has begun."""
    made = Watch()
    assert await made.follower.start() == 2
    return made


async def test_a_new_epoch_is_followed_in_the_call_that_finds_it(watch: Watch) -> None:
    """What the old life had and the database has is let go of, and what the new one has is there."""
    watch.post(0)
    watch.post(1)
    await watch.caught_up()
    watch.stream.open[0] = 2
    watch.rows.move(Position(2, 7), 0)
    new = watch.post(0)

    assert await watch.caught_up()
    assert watch.numbers() == [2, 3]
    assert watch.told[-2:] == [None, new.event]
    assert new.position.epoch == 2


async def test_a_sealed_log_is_read_to_its_end(watch: Watch) -> None:
    """Between two lives nothing is acknowledged, so what is there is all."""
    watch.post()
    watch.stream.open[0] = None

    assert await watch.caught_up()
    assert watch.numbers() == [1]
    assert watch.rows.looks == 1


async def test_a_new_epoch_is_not_known_while_the_database_is_away(watch: Watch) -> None:
    """Readers are told; afterwards it goes on."""
    await watch.caught_up()
    watch.stream.open[0] = 2
    watch.rows.move(Position(2, 7), 0)
    watch.post()
    watch.rows.error = UnavailableError("away")

    assert not await watch.caught_up()
    watch.rows.error = None
    watch.clock.move(RETRY_AFTER_S)
    assert await watch.caught_up()
    assert watch.numbers() == [1]


async def test_a_look_that_finds_the_new_epoch_first_costs_nobody_an_entry(watch: Watch) -> None:
    """It moves on while a round is reading the old one: the round reads the new one, too."""
    watch.post()
    await watch.caught_up()
    watch.stream.gate = asyncio.Event()
    watch.stream.open[0] = 2
    watch.rows.move(Position(2, 7), 0)
    watch.post()

    reading = asyncio.ensure_future(watch.caught_up())
    await watch.until(lambda: len(watch.stream.asked) == 2)
    await watch.follower._look()
    watch.stream.gate.set()

    assert await reading
    assert watch.numbers() == [2]


async def test_entries_that_are_stored_while_they_are_read_are_not_remembered_for_ever(watch: Watch) -> None:
    """The look comes between the log's answer and its taking."""
    watch.stream.gate = asyncio.Event()
    reading = asyncio.ensure_future(watch.caught_up())
    posts = [watch.post() for _ in range(3)]
    await watch.until(lambda: len(watch.stream.asked) == 1)
    watch.rows.move(posts[1].position)

    await watch.follower._look()
    watch.stream.gate.set()

    assert await reading
    assert watch.numbers() == [3]
    watch.rows.move(posts[2].position)
    await watch.follower._look()
    assert (len(watch.unstored), watch.unstored.bytes) == (0, 0)


async def test_what_was_stored_before_it_was_read_may_have_been_anything(watch: Watch) -> None:
    """A look finds the database ahead of what was read."""
    watch.post()
    await watch.caught_up()
    watch.told.clear()
    watch.store(watch.post())

    await watch.follower._look()

    assert watch.told == [None]
    assert len(watch.unstored) == 0


async def test_entries_that_were_trimmed_unread_are_noticed_by_the_next_one(watch: Watch) -> None:
    """The database knows better than what is remembered, which is stored, too: a deleted message is not shown again."""
    watch.post()
    watch.stream.put(LogEntry(*PLACE, MessageEdited("read"), 1), 1)
    await watch.caught_up()
    watch.told.clear()
    watch.stream.put(LogEntry(*PLACE, MessageEdited("not read"), 1), 1)
    watch.store(watch.stream.put(LogEntry(*PLACE, MessageDeleted(), 1), 1))
    last = watch.post()

    assert await watch.caught_up()
    assert watch.numbers() == [2]
    assert watch.told == [None, last.event]
    assert len(watch.unstored) == 1


async def test_entries_that_were_trimmed_unread_at_the_end_are_noticed_at_once(watch: Watch) -> None:
    """Nothing follows them: the log's count says that they were there, once."""
    watch.post()
    await watch.caught_up()
    watch.told.clear()
    watch.store(watch.stream.put(LogEntry(*PLACE, MessageDeleted(), 1), 1))

    assert await watch.caught_up()
    assert watch.numbers() == []
    assert await watch.caught_up()
    watch.last = 1
    last = watch.post()
    assert await watch.caught_up()
    assert watch.told == [None, last.event]


async def test_entries_without_a_gap_are_no_reason_to_forget(watch: Watch) -> None:
    """Also when all before them was trimmed, and from a new life's first entry on."""
    watch.store(watch.post())
    await watch.caught_up()
    for _ in range(3):
        last = watch.post()
        await watch.caught_up()
        watch.store(last)
    watch.stream.open[0] = 2
    watch.rows.move(Position(2, 7))
    for _ in range(3):
        watch.post()
        await watch.caught_up()

    told = [event and event.number for event in watch.told]

    assert [number for number in told if number] == [2, 3, 4, 5, 6, 7]
    assert None not in told[told.index(2) : told.index(4) + 1] + told[told.index(5) :]


async def test_an_entry_that_cannot_be_read_may_be_anything(watch: Watch) -> None:
    """It is passed over, nothing that is remembered is given up for it, and its count is not relied on."""
    watch.post()
    watch.stream.put(say(*PLACE, "?"), 2, is_readable=False)
    watch.stream.lists[0, 1][-1] = watch.stream.lists[0, 1][-1]._replace(so_far=watch.stream.lists[0, 1][0].so_far)
    watch.last = 2
    watch.post()

    assert await watch.caught_up()
    assert watch.numbers() == [1, 3]
    assert watch.told.count(None) >= 3


class Everybody:
    """Writers, persist, looks and readers of one partition, all at once."""

    def __init__(self, watch: Watch) -> None:
        """Do as many turns as find every order."""
        self.watch = watch
        self.written: list[Logged] = []
        self.lost: set[int] = set()

    async def write(self) -> None:
        """Post."""
        for _ in range(300):
            self.written.append(self.watch.post())
            await asyncio.sleep(0)

    async def persist(self) -> None:
        """Store some, trim at once or later, look."""
        watch, stored = self.watch, 0
        for turn in range(200):
            stored = min(stored + turn % 4, len(self.written))
            if stored:
                watch.rows.move(self.written[stored - 1].position)
            if stored and turn % 2:
                await asyncio.sleep(0)
                watch.stream.trim(self.written[stored - 1].position)
            if turn % 3:
                await watch.follower._look()

    async def read(self) -> None:
        """Look for everything that was written before the question, remembered or stored."""
        for _ in range(150):
            before = len(self.written)
            assert await self.watch.caught_up()
            stored_until = self.watch.rows.rows[0].position
            unstored = {
                each.event.number for each in self.written[:before] if each.event and each.position > stored_until
            }
            self.lost |= unstored - set(self.watch.numbers())


async def test_readers_writers_persist_and_looks_at_once_lose_nothing(watch: Watch) -> None:
    """Each reader finds what was written before it asked, remembered or stored."""
    everybody = Everybody(watch)

    await asyncio.gather(everybody.write(), everybody.persist(), everybody.read(), everybody.read())

    assert everybody.lost == set()
    assert watch.last == 300
    watch.rows.move(everybody.written[-1].position)
    await watch.follower._look()
    assert (len(watch.unstored), watch.unstored.bytes) == (0, 0)
