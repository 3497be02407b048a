"""Gives a log its next numbers before it needs them, so that it goes on numbering while the database is away."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final, NamedTuple

import structlog

from parley.domain.errors import ParleyError
from parley.domain.events import ChatCreated, Event, MessagesPosted
from parley.domain.grants import FIRST_GRANT, Need, ScopeName
from parley.log.port import Feeding
from parley.storage.sharing import Scopes

_MOST_KNOWN: Final = 50_000

_log = structlog.get_logger(__name__)


class _Grant(NamedTuple):
    first: int
    until: int

    def is_half_used(self, last: int) -> bool:
        return 2 * last > self.first + self.until


class Granting:
    """Extends a scope's grant once half of it is stored; a writer that is told ``exhausted`` does so itself."""

    def __init__(self, scopes: Scopes, feeding: Feeding) -> None:
        """Ask ``scopes``, tell ``feeding``."""
        self._scopes = scopes
        self._feeding = feeding
        self._grants: OrderedDict[ScopeName, _Grant] = OrderedDict()

    async def follow(self, partition: int, epoch: int, events: Iterable[Event]) -> None:
        """Look at the numbers of stored events; what cannot be granted now is asked for again later."""
        needs = [
            Need(name, epoch, self._grant(name).until)
            for name, last in _last_numbers(events).items()
            if self._grant(name).is_half_used(last)
        ]
        if not needs:
            return
        try:
            known = await self._scopes.provide(needs)
            await self._feeding.restore(partition, None, list(known.values()))
        except ParleyError as error:
            _log.info("numbers not granted ahead", partition=partition, reason=error.detail)
            return
        for name, scope in known.items():
            self._grants[name] = _Grant(scope.first, scope.until)
            self._grants.move_to_end(name)
        while len(self._grants) > _MOST_KNOWN:
            self._grants.popitem(last=False)

    def _grant(self, name: ScopeName) -> _Grant:
        return self._grants.get(name, _Grant(1, FIRST_GRANT))


def _last_numbers(events: Iterable[Event]) -> dict[ScopeName, int]:
    """Give the highest number that the events took in each scope."""
    last: dict[ScopeName, int] = {}
    for event in events:
        what = event.entry.what
        if isinstance(what, MessagesPosted):
            last[ScopeName(event.entry.token, event.entry.chat)] = event.number + len(what.messages) - 1
        elif isinstance(what, ChatCreated):
            last[ScopeName(event.entry.token, None)] = event.number
    return last
