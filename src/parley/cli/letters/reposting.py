"""Posts what a dead letter says once more, under new numbers that the log gives."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

import msgspec

from parley.bootstrap.ports import Beside
from parley.domain.errors import ConflictError, ParleyError
from parley.domain.events import Entry, IdempotencyKey, MessagesPosted
from parley.domain.model import Draft
from parley.domain.numbering import Appended, Outcome, Replayed
from parley.ingest.batch import BatchLimits
from parley.ingest.batcher import Batcher
from parley.ingest.lives import PresentLives
from parley.ingest.recovery import Recovery
from parley.ingest.storing import Storing
from parley.log.port import Log
from parley.storage.sharing import DeadLetter
from parley.telemetry.clock import Clock

_ROUTE: Final = "letters"
"""Of the idempotency key, so that no client's is like it."""


class Reposting:
    """Appends as a writer does, with an idempotency key of the letter: who repeats it posts nothing twice."""

    def __init__(self, log: Log, beside: Beside, clock: Clock, timeout_s: float) -> None:
        """Append to ``log``, and wait so long for the outcome, and as long until it is stored."""
        scopes, feeding = beside.database.scopes, beside.log.feeding
        self._lives = PresentLives(scopes, feeding)
        self._batcher = Batcher(log, BatchLimits(1, 1), clock, _observe_nothing, Recovery(scopes, feeding, self._lives))
        self._storing = Storing(scopes, clock)
        self._timeout_s = timeout_s

    async def post(self, letter: DeadLetter, drafts: Sequence[Draft]) -> tuple[int, bool]:
        """Post messages into the letter's chat; give the first number, and whether persist has passed them.

        Raises:
            ConflictError: the log refused them, as its chat is deleted.
            UnavailableError: the log is away; nothing was written.
            OutcomeUnknownError: nobody can tell; it may be repeated.
        """
        await self._lives.renew()
        what = MessagesPosted(tuple(drafts))
        fingerprint = blake2b(msgspec.msgpack.encode(what), digest_size=16).digest()
        key = IdempotencyKey(_ROUTE, f"{letter.position.epoch}-{letter.position.id}", fingerprint)
        outcome = await self._append(Entry(letter.token, letter.chat, what, None, key))
        if isinstance(outcome, ParleyError):
            raise outcome
        if not isinstance(outcome, Appended | Replayed):
            raise ConflictError(
                f"the log refused it: {outcome.reason.value}; letter {letter.id} is kept", code="refused"
            )
        stored: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._storing.wait(letter.token, outcome.position, self._timeout_s, stored.set_result)
        return outcome.number, await stored

    async def _append(self, entry: Entry) -> Outcome | ParleyError:
        done: asyncio.Future[Outcome | ParleyError] = asyncio.get_running_loop().create_future()
        self._batcher.submit(entry, 0, self._timeout_s, done.set_result)
        return await done


def _observe_nothing(entries: Sequence[Entry], results: Sequence[Outcome | ParleyError], seconds: float) -> None:
    """Count nothing: a command has no metrics."""
    del entries, results, seconds
