"""What stands in front of a log: which way a batch goes, and that nothing goes two ways."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import cast

import pytest

from parley.domain.errors import OutcomeUnknownError, ParleyError, UnavailableError
from parley.domain.events import Depth, Entry, MessageDeleted, Position, position_id
from parley.domain.grants import HEARD_S
from parley.domain.numbering import Appended, Outcome, Reason, Refused, ScopeState, States
from parley.domain.partitions import partition_of
from parley.ingest.batch import BatchLimits
from parley.ingest.batcher import Batcher
from parley.log.batch import FixedBatch
from parley.log.port import Unsent
from parley.log.standby import Standby
from parley.log.switch import Switch
from tests.unit.ingest.doubles import HeldLog, message, turn
from tests.unit.workers.doubles import BEGAN_AT, StillClock

P = 2
ALL = frozenset(range(P))
AWAY = Refused(Reason.AWAY)
NOT_YET = Refused(Reason.EPOCH)

TOKENS = [next(token for token in map(str, range(1_000)) if partition_of(token, P) == wanted) for wanted in range(P)]
"""An application of each partition."""


class QueueingLog(HeldLog):
    """A log that begins with a batch only when the test says so, and gives back what it has not begun with."""

    def __init__(self) -> None:
        """Begin with everything at once."""
        super().__init__()
        self.closed: list[str] = []

    async def away(self) -> frozenset[int]:
        """Not be asked."""
        raise AssertionError

    def withdraw(self) -> list[Unsent]:
        """Give back what waits."""
        unsent = list(zip(self.open, self.futures[-len(self.open) :], strict=True)) if self.open else []
        self.open.clear()
        return unsent

    async def close_gate(self, token: str) -> None:
        """Remember."""
        self.closed.append(token)


class DictAside:
    """A database in which every application has chat 1, and some partitions stand by."""

    def __init__(self) -> None:
        """Stand by in epoch 5, in every partition."""
        self.epochs = dict.fromkeys(range(P), 5)
        self.stored: list[tuple[int, list[Entry]]] = []
        self.error: ParleyError | None = None
        self.errors: dict[int, ParleyError] = {}
        """By partition."""
        self.gate: asyncio.Event | None = None
        self._last = dict.fromkeys(TOKENS, 1_000)

    async def number(
        self,
        partition: int,
        epoch: int,
        entries: Sequence[Entry],
        decide: Callable[[Sequence[Entry], States], list[Outcome]],
    ) -> list[Outcome] | None:
        """Decide, and remember what was asked."""
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        if partition in self.errors:
            raise self.errors[partition]
        if self.epochs.get(partition) != epoch:
            return None
        positions = {partition: Position(epoch, 0)}
        applications = {token: ScopeState(place, partition, 0, closed=False) for place, token in enumerate(TOKENS)}
        chats = {
            (place, 1): ScopeState(0, partition, self._last[token], closed=False) for place, token in enumerate(TOKENS)
        }
        outcomes = decide(entries, States(positions, applications, chats, set(), {}))
        self._last |= {token: chats[place, 1].granted_until for place, token in enumerate(TOKENS)}
        self.stored.append((partition, list(entries)))
        return outcomes


class Front:
    """A switch over doubles."""

    def __init__(self) -> None:
        """Have the log there."""
        self.clock = StillClock()
        self.log, self.aside = QueueingLog(), DictAside()
        self.log.stored_later = Depth(7, 70)
        self.switch = Switch(self.log, self.log, Standby(self.aside, self.clock), P, self.clock)

    def stand_by(self, *partitions: int, heard: bool = True) -> None:
        """Let partitions stand by, and everybody have heard of it."""
        self.switch.stand_by(dict.fromkeys(partitions, 5))
        if heard:
            self.clock.move(HEARD_S)

    async def append(self, *entries: Entry) -> list[Outcome]:
        """Append what the log has no part in."""
        return await self.switch.append(FixedBatch(entries))


def say(partition: int, body: str = "x") -> Entry:
    """Ask for a message in an application of a partition."""
    return message(body, application=TOKENS[partition])


def aside(number: int, sequence: int = 0) -> Appended:
    """Give what the standby answers."""
    return Appended(number, Position(5, position_id(BEGAN_AT + round(HEARD_S * 1_000), sequence)), by_standby=True)


@pytest.fixture
def front() -> Front:
    """Give a switch."""
    return Front()


async def test_a_log_that_is_there_gets_every_batch_as_it_is(front: Front) -> None:
    """The very future of the log: nothing stands in between."""
    future = front.switch.append(FixedBatch([say(0), say(1)]))

    assert future is front.log.futures[0]
    assert front.switch.depth() == Depth(7, 70)
    assert not front.switch.is_away(TOKENS[0])


async def test_a_log_that_is_away_refuses_at_once(front: Front) -> None:
    """Where the database does not stand by: neither is asked."""
    front.switch.lose(ALL)

    assert await front.append(say(0), say(1)) == [AWAY, AWAY]
    assert (front.log.batches, front.aside.stored) == ([], [])
    assert (front.switch.cut_off, front.switch.standing) == (ALL, frozenset())
    assert front.switch.is_away(TOKENS[0])


async def test_a_partition_that_stands_by_is_numbered_aside(front: Front) -> None:
    """One transaction a partition, in the epoch that the database said."""
    front.switch.lose(ALL)
    front.stand_by(0, 1)

    outcomes = await front.append(say(0, "a"), say(1, "b"), say(0, "c"))

    assert outcomes == [aside(1_001), aside(1_001), aside(1_002, 1)]
    assert sorted(front.aside.stored, key=lambda each: each[0]) == [(0, [say(0, "a"), say(0, "c")]), (1, [say(1, "b")])]
    assert front.log.batches == []
    assert front.switch.cut_off == frozenset()
    assert front.switch.depth() == Depth()


async def test_a_standby_waits_until_readers_have_heard_of_it(front: Front) -> None:
    """Until then nothing is given, and the entry is to be sent again."""
    front.switch.lose(ALL)
    front.stand_by(0, heard=False)

    early = await front.append(say(0))
    front.clock.move(HEARD_S - 0.001)
    still = await front.append(say(0))
    front.switch.stand_by({0: 5})  # told again of the same one: no new wait
    front.clock.move(0.001)

    assert (early, still) == ([NOT_YET], [NOT_YET])
    assert await front.append(say(0)) == [aside(1_001)]
    front.switch.stand_by({0: 7})
    assert await front.append(say(0)) == [NOT_YET]


async def test_a_partition_that_stands_by_is_numbered_aside_also_where_its_log_is_there(front: Front) -> None:
    """Another process lost it; entries of other partitions go to the log."""
    front.stand_by(0)

    appending = front.switch.append(FixedBatch([say(1, "log"), say(0, "aside"), say(1, "log 2")]))
    await turn()
    await front.log.settle()

    at = Position(1, position_id(BEGAN_AT, 1)), Position(1, position_id(BEGAN_AT, 2))
    assert await appending == [Appended(1, at[0]), aside(1_001), Appended(2, at[1])]
    assert front.log.batches == [[say(1, "log"), say(1, "log 2")]]
    assert front.switch.depth() == Depth(7, 70)


async def test_one_part_that_fails_leaves_the_others_what_they_have(front: Front) -> None:
    """What certainly was not written is to be sent again; an unknown outcome is told of all."""
    front.stand_by(0)
    front.aside.error = UnavailableError("The database does not answer")
    mixed = front.switch.append(FixedBatch([say(1), say(0)]))
    await turn()
    await front.log.settle()

    assert [type(outcome) for outcome in await mixed] == [Appended, Refused]
    with pytest.raises(UnavailableError):
        await front.append(say(0))
    front.aside.error = OutcomeUnknownError("The commit was not answered")
    unknown = front.switch.append(FixedBatch([say(1), say(0)]))
    await turn()
    await front.log.settle()
    with pytest.raises(OutcomeUnknownError):
        await unknown


@pytest.mark.parametrize("of_the_unknown", range(P))
async def test_an_unknown_outcome_outweighs_one_that_is_known(front: Front, of_the_unknown: int) -> None:
    """Whoever is told that nothing was written sends again, also without a key: so nobody is told that."""
    front.stand_by(0, 1)
    front.aside.errors = {partition: UnavailableError("The database does not answer") for partition in range(P)}
    front.aside.errors[of_the_unknown] = OutcomeUnknownError("The commit was not answered")

    with pytest.raises(OutcomeUnknownError):
        await front.append(say(0), say(1))


async def test_a_standby_that_is_over_refuses_as_a_log_in_another_life(front: Front) -> None:
    """So whoever asked looks who numbers now."""
    front.stand_by(0)
    front.aside.epochs[0] = 6

    assert await front.append(say(0)) == [NOT_YET]


async def test_what_was_not_sent_goes_another_way_when_the_log_is_lost(front: Front) -> None:
    """What was sent stays with the log, whatever becomes of it: it may be written."""
    sent = front.switch.append(FixedBatch([say(0, "sent")]))
    front.log.is_busy = True
    unsent = front.switch.append(FixedBatch([say(0, "unsent")]))
    front.stand_by(0, 1)

    front.switch.lose(ALL)

    assert await unsent == [aside(1_001)]
    assert not sent.done()
    assert front.aside.stored == [(0, [say(0, "unsent")])]
    assert front.log.batches == [[say(0, "sent")]]


async def test_a_batch_that_goes_another_way_takes_its_error_with_it(front: Front) -> None:
    """Who waits for it is told."""
    front.log.is_busy = True
    unsent = front.switch.append(FixedBatch([say(0)]))
    front.stand_by(0)
    front.aside.error = UnavailableError("The database does not answer")

    front.switch.lose(ALL)

    with pytest.raises(UnavailableError):
        await unsent


async def test_creates_gather_into_a_batch_while_the_standby_is_at_work(front: Front) -> None:
    """As in front of the log: the next transaction takes all that has arrived."""
    front.switch.lose(ALL)
    front.stand_by(0, 1)
    front.aside.gate = asyncio.Event()
    batcher = Batcher(front.switch, BatchLimits(256, 1 << 20), front.clock, lambda *_: None)
    outcomes: list[object] = []
    for wave in range(3):
        for index in range(10):
            batcher.submit(say(0, f"{wave} {index}"), 1, 5, outcomes.append)
        await turn()

    front.aside.gate.set()
    await batcher.drained()

    assert [len(entries) for _, entries in front.aside.stored] == [10, 20]
    assert [cast("Appended", outcome).number for outcome in outcomes] == list(range(1_001, 1_031))


async def test_changes_are_refused_while_the_log_is_away(front: Front) -> None:
    """And gates stay open: what lies on the log may be of the same message or application."""
    front.switch.lose(ALL)
    front.stand_by(0)

    assert await front.append(Entry(TOKENS[0], 1, MessageDeleted(), 3)) == [AWAY]
    for token in TOKENS:
        with pytest.raises(UnavailableError, match="gate"):
            await front.switch.close_gate(token)
    assert front.log.closed == []


async def test_all_is_as_before_when_the_log_is_back(front: Front) -> None:
    """The log gets every batch, and gates are closed."""
    front.switch.lose(ALL)
    front.stand_by(0, 1)
    front.switch.lose(frozenset())
    while_standing = await front.append(say(0))
    front.switch.stand_by({})

    future = front.switch.append(FixedBatch([say(0)]))
    await front.switch.close_gate(TOKENS[0])

    assert while_standing == [aside(1_001)]
    assert future is front.log.futures[-1]
    assert front.log.closed == [TOKENS[0]]
    assert front.switch.depth() == Depth(7, 70)
