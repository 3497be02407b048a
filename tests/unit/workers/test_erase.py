"""The jobs that remove what was deleted and what expired."""

from __future__ import annotations

from structlog.testing import capture_logs

from parley.workers.erase import POLL_S, SCRUB_EVERY_S, SLICE_ROWS, EraseJob
from parley.workers.reconcile import SLICE_KEYS, SWEEP_EVERY_S, ReconcileJob
from tests.unit.workers.doubles import BEGAN_AT, StillClock


class Slices:
    """An erasure that has some rows and keys left."""

    def __init__(self, rows: int, keys: int) -> None:
        """Take how many."""
        self.rows = rows
        self.keys = keys
        self.befores: set[int] = set()
        self.scrubs = 0

    async def erase(self, limit: int) -> int:
        """Erase a slice."""
        erased = min(self.rows, limit)
        self.rows -= erased
        return erased

    async def scrub(self) -> None:
        """Count."""
        self.scrubs += 1

    async def expire_keys(self, before: int, limit: int) -> int:
        """Expire a slice."""
        self.befores.add(before)
        expired = min(self.keys, limit)
        self.keys -= expired
        return expired


async def test_an_eraser_goes_on_until_nothing_is_left() -> None:
    """Slice after slice without a wait, then it waits to be woken."""
    erased: list[int] = []
    job = EraseJob(Slices(rows=2 * SLICE_ROWS + 1, keys=0), StillClock(), erased.append)

    assert [await job.step() for _ in range(5)] == [0, 0, 0, POLL_S, POLL_S]
    assert sum(erased) == 2 * SLICE_ROWS + 1


async def test_an_eraser_scrubs_the_files_now_and_then() -> None:
    """What was overwritten leaves the files soon after nothing more is to be erased, and not at every look."""
    erasure, clock = Slices(rows=SLICE_ROWS, keys=0), StillClock()
    job = EraseJob(erasure, clock, lambda _: None)
    scrubs: list[int] = []

    for _ in range(4):
        clock.move(SCRUB_EVERY_S / 2)
        await job.step()
        scrubs.append(erasure.scrubs)

    assert scrubs == [0, 1, 1, 2]


async def test_a_reconciler_sweeps_all_keys_and_says_so() -> None:
    """Keys older than their time go slice by slice, one line tells how many, and it comes back in an hour."""
    erasure = Slices(rows=0, keys=2 * SLICE_KEYS + 1)
    swept: list[int] = []
    job = ReconcileJob(erasure, StillClock(), key_ttl_s=60, on_swept=swept.append)

    with capture_logs() as lines:
        waits = [await job.step() for _ in range(5)]

    assert waits == [0, 0, 0, SWEEP_EVERY_S, SWEEP_EVERY_S]
    assert erasure.befores == {BEGAN_AT - 60_000}
    assert sum(swept) == 2 * SLICE_KEYS + 1
    assert [line["keys"] for line in lines] == [2 * SLICE_KEYS + 1]
