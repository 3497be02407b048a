"""Closes the gate of a chat on the log, as a client does who deletes it."""

from __future__ import annotations

from typing import Final

from parley.domain.errors import UnavailableError
from parley.domain.events import ChatDeleted, Entry
from parley.domain.grants import Need, ScopeName
from parley.domain.numbering import Outcome, Reason, Refused
from parley.ingest.lives import PresentLives
from parley.log.batch import FixedBatch
from parley.log.port import Feeding, Log
from parley.storage.sharing import Scopes

_TRIES: Final = 3
"""The log may let go of the application while it is told of it."""

_CLOSED: Final = frozenset({Reason.CHAT_GONE, Reason.APPLICATION_GONE})


async def close_gate(log: Log, feeding: Feeding, scopes: Scopes, chat: ScopeName) -> None:
    """Refuse every later entry of a chat that has no row. Repeating it changes nothing.

    A log that knows the application and does not know the chat lets nobody in either: it would ask the database.

    Raises:
        UnavailableError: the log is away, or between two lives; the gate is as it was.
        OutcomeUnknownError: nobody can tell; it may be repeated at will.
    """
    lives = PresentLives(scopes, feeding)
    await lives.renew()
    need = Need(ScopeName(chat.token, None), lives.epoch(chat.token), 0, 0)
    stamp = None
    for _ in range(_TRIES):
        outcome = await _append(log, chat)
        if not isinstance(outcome, Refused) or outcome.reason in _CLOSED:
            return
        if outcome.reason is not Reason.COLD:
            break
        if outcome.stamp == stamp:  # it has the application by now
            return
        stamp = outcome.stamp
        known = await scopes.provide([need])
        await feeding.restore(lives.partition(chat.token), stamp, list(known.values()))
    raise UnavailableError("The log is away, and with it the chat's gate", code="log_unavailable")


async def _append(log: Log, chat: ScopeName) -> Outcome:
    (outcome,) = await log.append(FixedBatch([Entry(*chat, ChatDeleted())]))
    return outcome
