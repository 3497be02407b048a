"""Calls by partition, over one connection to each server that is needed."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Sequence
from typing import Final, NamedTuple

from redis.exceptions import AskError, MasterDownError, ReadOnlyError, RedisError, ResponseError

from parley.domain.errors import UnavailableError
from parley.log.redis.line import LostReplyError, Reply
from parley.log.redis.servers import Servers
from parley.log.redis.urls import Host
from parley.log.redis.wire import Command, NotSentError, Wire

_LED_ASTRAY: Final = (AskError, ReadOnlyError, MasterDownError, NotSentError, LostReplyError)
"""Said when a partition may be elsewhere by now."""


class Call(NamedTuple):
    """A command on the keys of one partition."""

    partition: int
    command: Command


class Wires:
    """A set of connections of its own: its calls wait for none of another's."""

    def __init__(self, servers: Servers, timeout_s: float, *, at_once: bool = False) -> None:
        """Find partitions through ``servers``; an exchange gets its replies within a time or not at all.

        With ``at_once`` a server executes the calls of an exchange together; a cluster cannot.
        """
        self._at_once = at_once
        self._servers = servers
        self._timeout_s = timeout_s
        self._wires: dict[Host, Wire] = {}

    def exchange(self, calls: Sequence[Call]) -> Awaitable[list[Reply]]:
        """Send calls, in one write to each server, and give their replies in order; errors are given, not raised.

        To one server whose connection is open they are sent before this returns.
        """
        hosts = {self._servers.known(call.partition) for call in calls}
        host = hosts.pop() if len(hosts) == 1 else None
        if host is None:
            return self._exchange_apart(calls)
        return self._talk(host, [call.command for call in calls])

    async def ask(self, calls: Sequence[Call]) -> list[Reply]:
        """Exchange, for what may be repeated at will.

        Raises:
            UnavailableError: a server did not answer, or with an error.
        """
        replies = await self.exchange(calls)
        for reply in replies:
            if isinstance(reply, Exception):
                raise UnavailableError(f"The log is away: {reply}", code="log_unavailable") from reply
        return replies

    async def close(self) -> None:
        """Close every connection."""
        for wire in self._wires.values():
            await wire.close()
        self._wires.clear()

    async def _exchange_apart(self, calls: Sequence[Call]) -> list[Reply]:
        places: dict[Host, list[int]] = defaultdict(list)
        try:
            for place, call in enumerate(calls):
                places[await self._servers.locate(call.partition)].append(place)
        except (RedisError, OSError) as error:
            return [NotSentError(str(error)) for _ in calls]
        parts = await asyncio.gather(
            *(self._talk(host, [calls[place].command for place in some]) for host, some in places.items())
        )
        replies: list[Reply] = [None] * len(calls)
        for some, part in zip(places.values(), parts, strict=True):
            for place, reply in zip(some, part, strict=True):
                replies[place] = reply
        return replies

    def _talk(self, host: Host, commands: Sequence[Command]) -> Awaitable[list[Reply]]:
        if self._at_once and len(commands) > 1:
            return self._wire(host).exchange([("MULTI",), *commands, ("EXEC",)], self._read_transaction)
        return self._wire(host).exchange(commands, self._read)

    def _read(self, replies: list[Reply]) -> list[Reply]:
        if any(isinstance(reply, _LED_ASTRAY) for reply in replies):
            self._servers.forget()
        return replies

    def _read_transaction(self, replies: list[Reply]) -> list[Reply]:
        """Give the replies of a transaction; one that was not executed has errors, the call's own where it has one."""
        _, *queued, done = replies
        if isinstance(done, Exception):
            return self._read([each if isinstance(each, ResponseError) else done for each in queued])
        return self._read(list(done))

    def _wire(self, host: Host) -> Wire:
        if host not in self._wires:
            self._wires[host] = Wire(lambda: self._servers.connection(host), self._timeout_s)
        return self._wires[host]
