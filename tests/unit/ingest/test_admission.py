"""Admission: the bounds of what may wait, and what is said beyond them."""

from __future__ import annotations

import pytest

from parley.domain.errors import UnavailableError
from parley.domain.events import Depth
from parley.ingest.admission import Admission, DepthBound
from parley.ingest.batch import BatchLimits
from parley.ingest.batcher import Batcher
from tests.unit.ingest.doubles import HeldLog, message, turn
from tests.unit.workers.doubles import StillClock


class Door:
    """An admission with a bound of 3 messages and 1,000 bytes."""

    def __init__(self) -> None:
        """Begin empty."""
        self.log = HeldLog()
        self.batcher = Batcher(self.log, BatchLimits(256, 1_000), StillClock(), lambda _, __, ___: None)
        self.admission = Admission(self.log, self.batcher, DepthBound(3, 1_000))

    def put(self, size: int = 1) -> None:
        """Let one entry wait."""
        self.batcher.submit(message("a"), size, 5, lambda _: None)

    def is_open(self) -> bool:
        """Tell whether a write may start, and that the reasons say the same."""
        refusals = self.admission.refusals()
        if not refusals:
            self.admission.check()
            return True
        with pytest.raises(UnavailableError) as refused:
            self.admission.check()
        assert refused.value.code == "overloaded"
        return False


async def test_messages_that_wait_are_bounded() -> None:
    """At the bound and not before; what is stored makes room."""
    door = Door()
    seen = []
    for _ in range(3):
        seen.append(door.is_open())
        door.put()
    seen.append(door.is_open())
    await turn()
    await door.log.settle()

    assert seen == [True, True, True, False]
    assert door.is_open()
    assert door.admission.depth() == Depth(0, 0)


async def test_those_who_are_refused_together_are_told_to_come_at_different_times() -> None:
    """A crowd that came back as one would be refused as one."""
    door = Door()
    door.log.stored_later = Depth(3, 0)
    told = []
    for _ in range(6):
        with pytest.raises(UnavailableError) as refused:
            door.admission.check()
        told.append(refused.value.retry_after_s)

    assert told == [1, 2, 3, 1, 2, 3]


async def test_the_logs_depth_counts() -> None:
    """What the log has and the storage has not is waiting, too."""
    door = Door()
    door.put()
    door.log.stored_later = Depth(1, 10)
    before = door.is_open()
    door.log.stored_later = Depth(2, 20)

    assert before
    assert door.admission.depth() == Depth(3, 21)
    assert not door.is_open()


async def test_the_logs_bytes_count() -> None:
    """Few messages close the door if the log holds bytes enough with those that wait here."""
    door = Door()
    door.put(400)
    door.log.stored_later = Depth(1, 599)
    before = door.is_open()
    door.log.stored_later = Depth(1, 600)

    assert before
    assert not door.is_open()


async def test_bytes_that_wait_are_bounded() -> None:
    """A few large messages close the door as many small ones do."""
    door = Door()
    door.put(999)
    before = door.is_open()
    door.put(1)

    assert before
    assert not door.is_open()
