"""An open connection to one server: replies are given, in the order of asking, from the loop's own callback.

The client's streams take a task's turn and three awaits for each reply; a batch has six, and this is what all creates
wait for.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Final, cast

import hiredis
from redis._parsers.base import BaseParser
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import BusyLoadingError, MasterDownError, ReadOnlyError, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError

Reply = Any
"""What the server answered, or an error: its own, `NotSentError` or `LostReplyError`."""

Read = Callable[[list[Reply]], list[Reply]]
"""Makes of the replies to what was sent those to what was asked."""

_TURN_S: Final = 0.01
_NOTHING_YET: Final = object()
_ELSEWHERE: Final = (ReadOnlyError, MasterDownError)
"""Said by a server that is no longer the one to write to: what others sent on the line has its own replies to come."""


class LostReplyError(Exception):
    """The call was sent and its reply did not come: it may have been executed."""


class _Exchange:
    """So many replies that somebody waits for, not longer than a time."""

    __slots__ = ("_read", "count", "future", "replies", "timer")

    def __init__(self, count: int, read: Read, future: asyncio.Future[list[Reply]]) -> None:
        self.count = count
        self.future = future
        self.replies: list[Reply] = []
        self.timer: asyncio.TimerHandle | None = None
        self._read = read

    def settle(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
        if not self.future.done():
            self.future.set_result(self._read(self.replies))


class Line:
    """Carries exchanges, several at a time, until it is lost; then nothing more is sent on it."""

    def __init__(self, connection: AbstractConnection) -> None:
        """Take over what the client has opened, with its handshake done; the client does not know it any more."""
        self.is_open = True
        self._waiting: deque[_Exchange] = deque()
        self._is_retired = False
        self._gone = asyncio.Event()
        self._reader = hiredis.Reader(
            protocolError=RedisConnectionError, replyError=BaseParser.parse_error, notEnoughData=_NOTHING_YET
        )
        self._writer = _take_over(connection)  # kept, for it closes its transport when it goes
        self._transport = self._writer.transport
        self._transport.set_protocol(cast("asyncio.Protocol", self))

    def exchange(self, packed: bytes, count: int, timeout_s: float, read: Read = list) -> asyncio.Future[list[Reply]]:
        """Send commands in one write and give what ``read`` makes of their replies.

        After the time all that wait have lost theirs. Who gives up before leaves replies behind that nobody gets.
        """
        loop = asyncio.get_running_loop()
        waiting = _Exchange(count, read, loop.create_future())
        waiting.timer = loop.call_later(timeout_s, self._read_on, waiting)
        self._waiting.append(waiting)
        self._transport.write(packed)
        return waiting.future

    def retire(self) -> None:
        """Take no more exchanges, and close when those under way have their replies."""
        self.is_open = False
        self._is_retired = True
        if not self._waiting:
            self._transport.close()

    async def closed(self, timeout_s: float) -> None:
        """Retire, and wait until the connection is closed; a server that takes its time over that is left."""
        self.retire()
        if self._waiting:
            await asyncio.wait([waiting.future for waiting in self._waiting])
        try:
            async with asyncio.timeout(timeout_s):
                await self._gone.wait()
        except TimeoutError:
            self._transport.abort()

    def _read_on(self, waiting: _Exchange) -> None:
        """Let what lies in the socket be read before it is lost: if this process stood still, the reply is there."""
        waiting.timer = asyncio.get_running_loop().call_later(_TURN_S, self.lose, "no reply in time")

    def lose(self, why: object) -> None:
        """Drop the connection: whoever still waits for a reply from it has lost that."""
        self.is_open = False
        self._transport.abort()
        waiting, self._waiting = self._waiting, deque()
        for exchange in waiting:
            missing = exchange.count - len(exchange.replies)
            exchange.replies += [LostReplyError(str(why) or type(why).__name__)] * missing
            exchange.settle()

    # Called by the event loop

    def data_received(self, data: bytes) -> None:
        """Hand replies on."""
        self._reader.feed(data)
        gets: Callable[[], Reply] = self._reader.gets
        waiting = self._waiting
        try:
            while (reply := gets()) is not _NOTHING_YET:
                if not waiting or _is_end(reply):
                    self.lose(reply)
                    return
                if isinstance(reply, _ELSEWHERE):
                    self.is_open, self._is_retired = False, True
                exchange = waiting[0]
                exchange.replies.append(reply)
                if len(exchange.replies) == exchange.count:
                    waiting.popleft()
                    exchange.settle()
        except RedisError as error:
            self.lose(error)
        if self._is_retired and not waiting:
            self._transport.close()

    def eof_received(self) -> None:
        """Take the server's end for ours."""
        self.lose("the server closed the connection")

    def connection_lost(self, exc: Exception | None) -> None:
        """Be over."""
        self.lose(exc or "the connection was closed")
        self._gone.set()

    def pause_writing(self) -> None:
        """Go on: what may be under way is bounded elsewhere."""

    def resume_writing(self) -> None:
        """Go on."""


def _take_over(connection: AbstractConnection) -> asyncio.StreamWriter:
    """Take the stream out of the client's hands, which would close it, or complain that nobody did."""
    writer = connection._writer  # noqa: SLF001 - the client lends it to nobody
    if writer is None:
        raise RedisConnectionError("the connection is not open")
    connection._reader = connection._writer = None  # noqa: SLF001
    return writer


def _is_end(reply: Reply) -> bool:
    """Tell whether the server says with an error that it serves this connection no more."""
    return isinstance(reply, RedisConnectionError) and not isinstance(reply, BusyLoadingError)
