"""One connection to one server: pipelined calls, in order, and for each what is known of it for certain.

The client's own retries are off: it would send a script again that may have run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

from hiredis import pack_command
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import BusyLoadingError, MasterDownError, ReadOnlyError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

Command = tuple[bytes | str | int, ...]
Reply = Any
"""What the server answered, or an error: its own, `NotSentError` or `LostReplyError`."""

_CLOSED_WITHIN_S: Final = 1.0
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
        self._writing = asyncio.Lock()
        self._reading = asyncio.Lock()
        self._awaited = 0
        self._connection: AbstractConnection | None = None

    async def exchange(self, commands: Sequence[Command]) -> list[Reply]:
        """Send commands in one write and give their replies in order; errors are given, not raised.

        Exchanges are pipelined: the next is sent while this one waits for its replies.
        """
        packed = b"".join(_pack(command) for command in commands)
        async with self._writing:
            try:
                async with asyncio.timeout(self._timeout_s):
                    connection = await self._connected()
            except (RedisError, OSError) as error:
                await self._drop(self._connection)
                return [NotSentError(str(error) or type(error).__name__)] * len(commands)
            deadline = asyncio.get_running_loop().time() + self._timeout_s
            lost = await self._send(connection, packed, deadline)
        if lost is not None:
            return [lost] * len(commands)
        return await self._receive(connection, len(commands), deadline)  # in the order of sending: a lock is fair

    async def close(self) -> None:
        """Close the connection, once what is under way is done; a server that takes its time over it is left."""
        async with self._writing, self._reading:
            connection, self._connection = self._connection, None
            if connection is not None:
                with suppress(TimeoutError, RedisTimeoutError):
                    async with asyncio.timeout(_CLOSED_WITHIN_S):
                        await connection.disconnect()

    async def _connected(self) -> AbstractConnection:
        """Give a connection that was alive when last heard of: an end that is already known must not cost a call."""
        connection = self._connection
        if connection is not None and connection.is_connected:
            if self._awaited or not await connection.can_read():
                return connection
            await self._drop(connection)
        connection = self._connection = self._make()
        await connection.connect()  # type: ignore[no-untyped-call]
        return connection

    async def _send(self, connection: AbstractConnection, packed: bytes, deadline: float) -> LostReplyError | None:
        try:
            async with asyncio.timeout_at(deadline):
                await connection.send_packed_command([packed], check_health=False)
        except (RedisError, OSError) as error:
            await self._drop(connection)
            return _lost(error)
        except BaseException:
            await self._drop(connection)
            raise
        return None

    async def _receive(self, connection: AbstractConnection, count: int, deadline: float) -> list[Reply]:
        replies: list[Reply] = []
        self._awaited += 1
        try:
            async with asyncio.timeout_at(deadline), self._reading:
                for _ in range(count):
                    replies.append(await _read(connection))  # noqa: PERF401 - kept up to the failure
        except (RedisError, OSError) as error:
            await self._drop(connection)
            return replies + [_lost(error)] * (count - len(replies))
        except BaseException:
            await self._drop(connection)
            raise
        finally:
            self._awaited -= 1
        if any(isinstance(reply, _ELSEWHERE) for reply in replies):
            await self._drop(connection)
        return replies

    async def _drop(self, connection: AbstractConnection | None) -> None:
        """Close a connection for good: whoever still waits for a reply from it has lost that."""
        if connection is self._connection:
            self._connection = None
        if connection is not None:
            await connection.disconnect(nowait=True)


def _lost(error: Exception) -> LostReplyError:
    return LostReplyError(str(error) or type(error).__name__)


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
