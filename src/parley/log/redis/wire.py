"""One connection to one server: pipelined calls, in order, and for each what is known of it for certain.

The client's own retries are off: it would send a script again that may have run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from hiredis import pack_command
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError

from parley.log.redis.line import Line, Read, Reply

Command = tuple[bytes | str | int, ...]

_CLOSED_WITHIN_S: Final = 1.0


class NotSentError(Exception):
    """The server was not reached: the call certainly did nothing."""


class Wire:
    """Connects when it is needed, and again after each failure."""

    def __init__(self, connect: Callable[[], AbstractConnection], timeout_s: float) -> None:
        """Take what makes a connection, and how long connecting may take, and then all replies of an exchange."""
        self._make = connect
        self._timeout_s = timeout_s
        self._opening = asyncio.Lock()
        self._line: Line | None = None

    def exchange(self, commands: Sequence[Command], read: Read = list) -> Awaitable[list[Reply]]:
        """Send commands in one write and give what ``read`` makes of their replies; errors are given, not raised.

        Exchanges are pipelined: the next is sent while this one waits for its replies. On an open connection it is sent
        before this returns.
        """
        line = self._line
        if line is None or not line.is_open:
            return self._exchange_anew(commands, read)
        return self._send(line, commands, read)

    async def _exchange_anew(self, commands: Sequence[Command], read: Read) -> list[Reply]:
        try:
            line = await self._opened()
        except (RedisError, OSError) as error:
            return read([NotSentError(str(error) or type(error).__name__) for _ in commands])
        return await self._send(line, commands, read)

    def _send(self, line: Line, commands: Sequence[Command], read: Read) -> asyncio.Future[list[Reply]]:
        return line.exchange(b"".join(map(_pack, commands)), len(commands), self._timeout_s, read)

    async def close(self) -> None:
        """Close the connection, once what is under way is done; a server that takes its time over it is left."""
        async with self._opening:
            line, self._line = self._line, None
        if line is not None:
            await line.closed(_CLOSED_WITHIN_S)

    async def _opened(self) -> Line:
        """Give a line that is open; whoever comes meanwhile waits for the same one."""
        async with asyncio.timeout(self._timeout_s), self._opening:
            if self._line is None or not self._line.is_open:
                self._line = Line(await _connected(self._make()))
            return self._line


async def _connected(connection: AbstractConnection) -> AbstractConnection:
    """Open it, or leave nothing open."""
    try:
        await connection.connect()  # type: ignore[no-untyped-call]
    except BaseException:
        await connection.disconnect(nowait=True)
        raise
    return connection


def _pack(command: Command) -> bytes:
    return pack_command(command)  # type: ignore[arg-type, no-any-return]  # its stub says a tuple of one
