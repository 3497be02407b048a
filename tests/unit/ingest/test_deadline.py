"""The time of a request: what it reads ends with it, and what it writes is told what is left."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import cast

import pytest

from parley.domain.errors import OutcomeUnknownError, UnavailableError
from parley.domain.events import IdempotencyKey
from parley.ingest.admission import Admission, DepthBound
from parley.ingest.applications import ApplicationWrites
from parley.ingest.batch import BatchLimits
from parley.ingest.batcher import Batcher
from parley.ingest.deadline import Deadline
from parley.ingest.parents import Parents
from parley.ingest.writes import Accepted, Patience, Writes
from parley.storage.port import Tenants
from tests.support.ports import Ports
from tests.unit.ingest.doubles import HeldLog, message, turn
from tests.unit.workers.doubles import StillClock


async def test_what_has_not_begun_to_write_ends_in_time() -> None:
    """With 503; an error of its own, in time, stays what it is."""
    with pytest.raises(UnavailableError), Deadline(0.01):
        await asyncio.wait_for(asyncio.Event().wait(), 5)
    with pytest.raises(TimeoutError, match="its own"), Deadline(5):
        raise TimeoutError("its own")


async def test_who_drops_the_end_of_the_time_is_ended_again() -> None:
    """As `asyncio.wait_for` of Python 3.11 does in the turn in which it has its result."""

    async def wait_on() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await asyncio.wait_for(asyncio.Event().wait(), 5)

    with pytest.raises(UnavailableError), Deadline(0.01):
        await wait_on()


async def test_a_cancelled_task_is_cancelled_whatever_time_it_has_left() -> None:
    """Only what the deadline itself has ended is told as its end."""

    async def wait() -> None:
        with Deadline(5):
            await asyncio.Event().wait()

    waiting = asyncio.ensure_future(wait())
    await asyncio.sleep(0)
    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting


@pytest.mark.parametrize(("wait_s", "timeout_s"), [(None, 0), (30, 30)])
async def test_a_change_has_what_its_request_has_left_of_the_time(
    ports: Ports, wait_s: int | None, timeout_s: int
) -> None:
    """It is not cut, for it may be on the log: it is told that its outcome is unknown; or as late as it wanted."""
    clock, log = StillClock(), HeldLog()
    batcher = Batcher(log, BatchLimits(256, 1_000), clock, lambda _, __, ___: None)
    writes = Writes(log, Admission(log, batcher, DepthBound(9, 9)), Parents(ports.storage), batcher, Patience(5))

    async def change() -> Accepted:
        with Deadline(0):
            return await writes.append(message("a"), 1, wait_s)

    changing = asyncio.ensure_future(change())
    await turn()
    await turn()
    early = changing.done()
    clock.move(timeout_s)
    batcher._expire()

    with pytest.raises(OutcomeUnknownError):
        await asyncio.wait_for(changing, 5)
    assert not early
    await log.settle()


class HangingTenants:
    """A database that hangs in a write."""

    async def create(self, name: str, key: IdempotencyKey | None) -> None:
        """Never answer."""
        del name, key
        await asyncio.Event().wait()

    async def rename(self, token: str, name: str) -> None:
        """Never answer."""
        await self.create(token + name, None)

    async def delete(self, token: str) -> None:
        """Never answer."""
        await self.create(token, None)


@pytest.mark.parametrize("kind", ["create", "rename", "delete"])
async def test_an_application_that_takes_too_long_has_an_unknown_outcome(ports: Ports, kind: str) -> None:
    """Nobody can say whether the database has it: never 503."""
    tenants, deleted = cast("Tenants", HangingTenants()), list[str]()
    writes = ApplicationWrites(tenants, ports.log, Parents(ports.storage), deleted.append)
    write: Callable[[], Awaitable[object]] = {
        "create": lambda: writes.create_application("name", None),
        "rename": lambda: writes.rename_application("token", "name"),
        "delete": lambda: writes.delete_application("token"),
    }[kind]

    with pytest.raises(OutcomeUnknownError), Deadline(0.01):
        await write()

    assert deleted == (["token"] if kind == "delete" else [])
