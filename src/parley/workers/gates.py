"""Closes the gates of deleted applications that nobody came to close, because the log was away just then."""

from __future__ import annotations

from typing import Final

from parley.domain.errors import UnavailableError
from parley.log.port import Log
from parley.storage.sharing import Scopes

LOOK_EVERY_S: Final = 5.0


class GateJob:
    """A `Job`: what is deleted in the database is closed on a log of its own, and the log has said so."""

    name = "gates"

    def __init__(self, scopes: Scopes, log: Log) -> None:
        """Close on ``log`` what ``scopes`` says is open."""
        self._scopes = scopes
        self._log = log

    async def step(self) -> float:
        """Close those that are deleted and whose closing is not stored yet; repeating it changes nothing.

        Raises:
            UnavailableError: some could not be closed, as their log is away; all others are.
        """
        error: UnavailableError | None = None
        for token in await self._scopes.unclosed():
            try:
                await self._log.close_gate(token)
            except UnavailableError as away:
                error = away
        if error is not None:
            raise error
        return LOOK_EVERY_S
