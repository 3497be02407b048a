"""What all connections of a process share: limits, clocks, and the sums that are bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from email.utils import formatdate
from typing import Protocol

from parley.http.wire.limits import Limits
from parley.telemetry.clock import Clock

_SPARE_CONNECTIONS = 128
"""So many connections beyond the bound are told why they are refused; more are cut without a word."""


class Connection(Protocol):
    """A connection as the roster sees it."""

    def sweep(self, now: float) -> None:
        """Act on a time-out that has passed."""

    def drain(self) -> None:
        """Finish what is in flight, then close."""

    def abort(self) -> None:
        """Close without finishing anything."""


class Roster:
    """The connections of all ports, and the one timer that looks after them."""

    def __init__(self, limits: Limits, clock: Clock, new_id: Callable[[], str], on_refused: Callable[[], None]) -> None:
        """Take the bounds, the clock for time-outs and dates, the source of request ids, and who counts refusals."""
        self.limits = limits
        self.now = clock.monotonic
        self.new_id = new_id
        self.parting = False
        """The next answer to each client is its last."""
        self.draining = False
        """No request is taken in any more."""
        self.ended = 0
        """Connections that were told of their end."""
        self.date = b""
        self._clock = clock
        self._on_refused = on_refused
        self._connections: set[Connection] = set()
        self._held_bytes = 0
        self._kept: dict[Connection, tuple[int, float]] = {}  # bytes of answers, and since when
        self._kept_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._emptied: asyncio.Event = asyncio.Event()
        self._emptied.set()

    def __len__(self) -> int:
        """Count the connections."""
        return len(self._connections)

    def enter(self, connection: Connection) -> bool:
        """Take a new connection in; tell whether it is within the bound. Far beyond it, cut it."""
        if len(self._connections) >= self.limits.max_connections + _SPARE_CONNECTIONS:
            self._on_refused()
            connection.abort()
            return False
        self._connections.add(connection)
        self._emptied.clear()
        if self._timer is None:
            self._sweep()
        if len(self._connections) <= self.limits.max_connections:
            return True
        self._on_refused()
        return False

    def leave(self, connection: Connection) -> None:
        """Forget a connection that is gone."""
        self._connections.discard(connection)
        if not self._connections:
            self._emptied.set()

    def hold(self, change_bytes: int) -> bool:
        """Count bytes of half-sent requests; tell whether their sum is still within the bound."""
        self._held_bytes += change_bytes
        return change_bytes <= 0 or self._held_bytes <= self.limits.max_held_bytes

    def keep(self, connection: Connection, more_bytes: int) -> None:
        """Count bytes of answers that a client does not take at once; beyond the bound, cut others to make room.

        Who has had most kept for longest goes first, so nobody can keep the room from those who come. One connection
        alone may have more: the largest page does not fit into every bound.
        """
        now = self.now()
        kept_bytes, since = self._kept.get(connection, (0, now))
        self._kept[connection] = kept_bytes + more_bytes, since
        self._kept_bytes += more_bytes
        while self._kept_bytes > self.limits.max_unread_bytes and len(self._kept) > 1:
            worst = max(self._kept, key=lambda each: self._kept[each][0] * (now - self._kept[each][1]))
            self.let_go(worst)
            worst.abort()

    def let_go(self, connection: Connection) -> None:
        """Forget what was kept for a client: it has taken it, or it is gone."""
        kept_bytes, _ = self._kept.pop(connection, (0, 0.0))
        self._kept_bytes -= kept_bytes

    async def drain(self, limit_s: float) -> int:
        """Let every connection finish; cut those that have not within ``limit_s`` and count them.

        A client that keeps its connection may be sending while we close it, and could not tell whether
        that request was done. So at first each is told with its next answer, for as long as they leave
        one after the other, and only those that ask nothing are closed without a word.
        """
        self.parting = True
        until = self.now() + limit_s
        if await self._part(until - limit_s / 2):
            return 0
        self.draining = True
        for connection in list(self._connections):
            connection.drain()
        if await self._empties_within(max(0.0, until - self.now())):
            return 0
        late = list(self._connections)
        for connection in late:
            connection.abort()
        await self._emptied.wait()
        return len(late)

    async def _part(self, until: float) -> bool:
        """Wait until no connection is left, none has ended for a while, or it is late; tell whether none is left."""
        ended = -1
        while ended != self.ended and self.now() < until:
            ended = self.ended
            if await self._empties_within(min(self.limits.parting_s, until - self.now())):
                return True
        return False

    async def _empties_within(self, limit_s: float) -> bool:
        """Wait until no connection is left; tell whether that came in time."""
        try:
            await asyncio.wait_for(self._emptied.wait(), limit_s)
        except TimeoutError:
            return False
        return True

    def _sweep(self) -> None:
        """Look at every connection, and come again as long as there is one."""
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self.limits.sweep_s, self._sweep) if self._connections else None
        self.date = b"Date: %b\r\n" % formatdate(self._clock.now_ms() / 1000, usegmt=True).encode("ascii")
        now = self.now()
        for connection in list(self._connections):
            connection.sweep(now)
