"""One connection to one server: pipelined calls, in order, and for each what is known of it for certain.

The client's own retries are off: it would send a script again that may have run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

from hiredis import pack_command
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import BusyLoadingError, MasterDownError, ReadOnlyError, RedisError, ResponseError

Command = tuple[bytes | str | int, ...]
Reply = Any
"""What the server answered, or an error: its own, `NotSentError` or `LostReplyError`."""

_ELSEWHERE: Final = (ReadOnlyError, MasterDownError)
"""Said by a server that is no longer the one to write to."""


class NotSentError(Exception):
    """The server was not reached: the call certainly did nothing."""


class LostReplyError(Exception):
    """The call was sent and its reply did not come: it may have been executed."""


class Wire:
    """Connects when it is needed, and again after each failure."""

    def __init__(self, connect: Callable[[], AbstractConnection], timeout_s: float) -> None:
        """Take what makes a connection, and how long connecting may take, and then all replies of an exchange."""
        self._make = connect
        self._timeout_s = timeout_s
        self._turn = asyncio.Lock()
        self._connection: AbstractConnection | None = None

    async def exchange(self, commands: Sequence[Command]) -> list[Reply]:
        """Send commands in one write and give their replies in order; errors are given, not raised."""
        packed = b"".join(_pack(command) for command in commands)
        async with self._turn:
            try:
                async with asyncio.timeout(self._timeout_s):
                    connection = await self._connected()
            except (RedisError, OSError) as error:
                await self._drop()
                return [NotSentError(str(error) or type(error).__name__)] * len(commands)
            return await self._talk(connection, packed, len(commands))

    async def close(self) -> None:
        """Close the connection, once what is under way is done."""
        async with self._turn:
            await self._drop()

    async def _connected(self) -> AbstractConnection:
        """Give a connection that was alive when last heard of: an end that is already known must not cost a call."""
        connection = self._connection
        if connection is not None and connection.is_connected:
            if not await connection.can_read():
                return connection
            await self._drop()
        connection = self._connection = self._make()
        await connection.connect()  # type: ignore[no-untyped-call]
        return connection

    async def _talk(self, connection: AbstractConnection, packed: bytes, count: int) -> list[Reply]:
        replies: list[Reply] = []
        try:
            async with asyncio.timeout(self._timeout_s):
                await connection.send_packed_command([packed], check_health=False)
                for _ in range(count):
                    replies.append(await _read(connection))  # noqa: PERF401 - kept up to the failure
        except (RedisError, OSError) as error:
            await self._drop()
            lost = LostReplyError(str(error) or type(error).__name__)
            return replies + [lost] * (count - len(replies))
        except BaseException:
            await self._drop()
            raise
        if any(isinstance(reply, _ELSEWHERE) for reply in replies):
            await self._drop()
        return replies

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)


def _pack(command: Command) -> bytes:
    return pack_command(command)  # type: ignore[arg-type, no-any-return]  # its stub says a tuple of one


async def _read(connection: AbstractConnection) -> Reply:
    try:
        return await connection.read_response(disconnect_on_error=False)
    except (ResponseError, BusyLoadingError) as error:
        return error


async def exchange_at_once(wire: Wire, commands: Sequence[Command]) -> list[Reply]:
    """Exchange commands that the server executes together or not at all, with one sync to its disk for all of them."""
    if len(commands) == 1:
        return await wire.exchange(commands)
    _, *queued, done = await wire.exchange([("MULTI",), *commands, ("EXEC",)])
    if isinstance(done, Exception):
        return [each if isinstance(each, ResponseError) else done for each in queued]
    return list(done)
