"""How a use case puts one entry on the log and reads its outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from parley.domain.errors import KeyReusedError, ParleyError, UnavailableError
from parley.domain.events import Entry
from parley.domain.numbering import Appended, Outcome, Reason, Refused
from parley.ingest.admission import Admission
from parley.ingest.batcher import Batcher
from parley.ingest.parents import Parents
from parley.log.port import Log


class Accepted(NamedTuple):
    """The write has its (first) number and time; ``replayed`` if an earlier request made it."""

    number: int
    at: int
    replayed: bool


Reply = Callable[[Accepted | ParleyError], None]


class Writes:
    """The one way to the log: admission, parents, batcher."""

    def __init__(
        self, log: Log, admission: Admission, parents: Parents, batcher: Batcher, answer_timeout_s: float
    ) -> None:
        """Send entries through ``batcher``; an answer takes at most ``answer_timeout_s`` by default."""
        self.admission = admission
        self.parents = parents
        self._log = log
        self._batcher = batcher
        self._answer_timeout_s = answer_timeout_s

    @property
    def durability(self) -> str:
        """What an answer may claim: ``stored``, ``queued`` or ``relaxed``."""
        return self._log.durability

    def send(self, entry: Entry, size: int, wait_s: int | None, reply: Reply) -> None:
        """Append ``entry`` (about ``size`` bytes) and call ``reply`` once, in the loop.

        ``wait_s`` is the client's ``Prefer: wait``, if it sent one.
        """

        def done(result: Outcome | ParleyError) -> None:
            reply(self._accepted(entry, result))

        self._batcher.submit(entry, size, wait_s or self._answer_timeout_s, done)

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

    def _accepted(self, entry: Entry, result: Outcome | ParleyError) -> Accepted | ParleyError:
        if isinstance(result, ParleyError):
            return result
        if isinstance(result, Refused):
            gone = self.parents.refused(entry.token, entry.chat, result.reason)
            return gone or _REFUSALS[result.reason]()
        return Accepted(result.number, result.position.at, replayed=not isinstance(result, Appended))


def _exhausted() -> UnavailableError:
    return UnavailableError("This scope has no numbers left", code="numbers_exhausted", retry_after_s=60)


_REFUSALS: dict[Reason, Callable[[], ParleyError]] = {
    Reason.KEY_REUSED: KeyReusedError,
    Reason.EXHAUSTED: _exhausted,
}
