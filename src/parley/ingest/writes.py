"""How a use case puts one entry on the log and reads its outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

import msgspec

from parley.domain.errors import KeyReusedError, ParleyError, UnavailableError
from parley.domain.events import Entry
from parley.domain.numbering import Appended, Outcome, Reason, Replayed
from parley.ingest.admission import Admission
from parley.ingest.batcher import Batcher
from parley.ingest.deadline import time_to_write
from parley.ingest.parents import Parents
from parley.ingest.storing import Storing
from parley.log.port import Log

STORED: Final = "stored"


class Accepted(msgspec.Struct, frozen=True):
    """The write has its (first) number and time; ``replayed`` if an earlier request made it."""

    number: int
    at: int
    replayed: bool
    durability: str
    """What an answer may claim: ``stored``, ``queued`` or ``relaxed``."""
    by_standby: bool = False
    """Whether the number is the standby's: it may be above one that the log gives later."""


Reply = Callable[[Accepted | ParleyError], None]


class Patience(NamedTuple):
    """How long an answer may take unless its client says so, and who waits until a log of its own is stored."""

    answer_timeout_s: float
    storing: Storing | None = None


class Writes:
    """The one way to the log: admission, parents, batcher."""

    def __init__(
        self,
        log: Log,
        admission: Admission,
        parents: Parents,
        batcher: Batcher,
        patience: Patience,
    ) -> None:
        """Send entries through ``batcher`` to ``log``."""
        self.admission = admission
        self.parents = parents
        self._log = log
        self._batcher = batcher
        self._answer_timeout_s, self._storing = patience

    def send(self, entry: Entry, size: int, wait_s: int | None, reply: Reply) -> None:
        """Append ``entry`` (about ``size`` bytes) and call ``reply`` once, in the loop.

        ``wait_s`` is the client's ``Prefer: wait``, if it sent one.
        """
        left_s = time_to_write(self._answer_timeout_s)
        if wait_s is None or self._storing is None:
            self._batcher.submit(entry, size, wait_s or left_s, partial(self._done, entry, reply))
        else:
            done = partial(self._wait, self._storing, entry, reply, asyncio.get_running_loop().time() + wait_s)
            self._batcher.submit(entry, size, wait_s, done)

    async def append(self, entry: Entry, size: int, wait_s: int | None = None) -> Accepted:
        """Append ``entry`` and give what became of it, or raise its error."""
        future: asyncio.Future[Accepted] = asyncio.get_running_loop().create_future()

        def reply(result: Accepted | ParleyError) -> None:
            if future.cancelled():
                return
            if isinstance(result, ParleyError):
                future.set_exception(result)
            else:
                future.set_result(result)

        self.send(entry, size, wait_s, reply)
        return await future

    async def drained(self) -> None:
        """Wait until every entry has its outcome."""
        await self._batcher.drained()

    def _done(self, entry: Entry, reply: Reply, result: Outcome | ParleyError) -> None:
        reply(self._accepted(entry, result, self._log.durability))

    def _wait(
        self, storing: Storing, entry: Entry, reply: Reply, deadline: float, result: Outcome | ParleyError
    ) -> None:
        """Let ``reply`` wait until what was appended is stored; what was refused, or is stored, is told at once."""
        if not isinstance(result, Appended | Replayed) or result.by_standby:
            self._done(entry, reply, result)
            return

        def stored(is_stored: bool) -> None:  # noqa: FBT001 - what Storing tells
            reply(self._accepted(entry, result, STORED if is_stored else self._log.durability))

        storing.wait(entry.token, result.position, deadline - asyncio.get_running_loop().time(), stored)

    def _accepted(self, entry: Entry, result: Outcome | ParleyError, durability: str) -> Accepted | ParleyError:
        if isinstance(result, Appended | Replayed):
            durability = STORED if result.by_standby else durability
            is_replay = isinstance(result, Replayed)
            return Accepted(result.number, result.position.at, is_replay, durability, result.by_standby)
        if isinstance(result, ParleyError):
            return result
        return self.parents.refused(entry.token, entry.chat, result.reason) or _REFUSALS[result.reason]()


def _exhausted() -> UnavailableError:
    return UnavailableError("This scope has no numbers left", code="numbers_exhausted", retry_after_s=60)


def _away() -> UnavailableError:
    return UnavailableError("The log is away; nothing was written", code="log_unavailable")


_REFUSALS: dict[Reason, Callable[[], ParleyError]] = {
    Reason.AWAY: _away,
    Reason.KEY_REUSED: KeyReusedError,
    Reason.EXHAUSTED: _exhausted,
}
