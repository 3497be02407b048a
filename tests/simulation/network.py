"""The way between a process and the log's engine: what is sent may be late, lost, or executed and never answered."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Any, NamedTuple

from redis.exceptions import ConnectionError as RedisConnectionError

from parley.log.redis.line import LostReplyError, Reply
from parley.log.redis.urls import Host
from parley.log.redis.wire import NotSentError
from parley.log.redis.wires import Call, Wires
from tests.simulation.engine import Command, Engine
from tests.simulation.loop import Node, VirtualLoop

HOP_S = 0.002
Watch = Callable[[Node, str, Sequence[Any]], None]
"""Hears what becomes of commands: ``send`` before and ``sent`` after they leave a process, ``done`` in the engine, and
``told`` when their replies have come, which are then the last of what is given."""


class Network:
    """Draws how long things take and what gets lost."""

    def __init__(self, loop: VirtualLoop, engine: Engine, rng: Random, watch: Watch) -> None:
        """Begin without faults."""
        self.loop = loop
        self.engine = engine
        self.watch = watch
        self._random = rng.random
        self.loss = 0.0
        """How many exchanges of a thousand million meet a fault, as a share."""
        self.met: set[str] = set()
        self.lines: dict[MemoryLine, None] = {}
        self.unreachable_from = ""
        """From which kind of process nobody reaches the engine at present."""

    def reaches(self, node: Node) -> bool:
        """Tell whether a process reaches the engine at present."""
        return self.engine.is_up and not (self.unreachable_from and node.name.startswith(self.unreachable_from))

    def hop_s(self) -> float:
        """Draw the time of one way."""
        return HOP_S * (0.1 + self._random())

    async def hop(self, node: Node) -> None:
        """Pass the time of one way."""
        future = self.loop.create_future()
        self.loop.on(node, self.hop_s(), arrive, future)
        await future

    def fate(self) -> str | None:
        """Draw what goes wrong with an exchange, if anything."""
        if self._random() >= self.loss:
            return None
        fate = ("request lost", "reply lost", "slow")[int(self._random() * 3)]
        self.met.add(fate)
        return fate

    def cut(self) -> None:
        """Let every connection know that the engine's run is over."""
        for line in list(self.lines):
            self.loop.on(line.node, self.hop_s(), line.lose, "the server closed the connection")


def arrive(future: asyncio.Future[None]) -> None:
    """Let go on who waits for it, unless he gave up."""
    if not future.done():
        future.set_result(None)


async def _nothing() -> list[Reply]:
    return []


class _Exchange(NamedTuple):
    future: asyncio.Future[list[Reply]]
    size: int
    deadline: float


class MemoryLine:
    """A connection to one run of the engine: commands arrive in order, and so do replies."""

    def __init__(self, network: Network, node: Node, patience_s: float) -> None:
        """Open it; after ``patience_s`` without a reply it is lost."""
        self.node = node
        self.is_open = True
        self._network = network
        self._patience_s = patience_s
        self._run = network.engine.run
        self._waiting: deque[_Exchange] = deque()
        self._arrival = self._return = 0.0
        self._watching = False
        network.lines[self] = None

    def exchange(self, commands: Sequence[Command]) -> asyncio.Future[list[Reply]]:
        """Send commands and give their replies, which are errors if the connection is lost before they come."""
        network, loop = self._network, self._network.loop
        exchange = _Exchange(loop.create_future(), len(commands), loop.time() + self._patience_s)
        self._waiting.append(exchange)
        network.watch(self.node, "send", commands)
        if not self.node.is_alive:
            return exchange.future
        fate = network.fate() if network.reaches(self.node) or not network.engine.is_up else "request lost"
        delay_s = network.hop_s() + (1.2 * network._random() if fate == "slow" else 0)
        self._arrival = max(self._arrival, loop.time() + delay_s)
        if fate == "request lost":
            loop.on(self.node, delay_s, self.lose, "connection reset")
        else:
            loop.on(loop.outside, self._arrival - loop.time(), self._arrive, exchange, commands, fate)
        self._watch()
        network.watch(self.node, "sent", commands)
        return exchange.future

    def lose(self, why: str) -> None:
        """End it: whoever waits for a reply has lost that; what is on its way may still arrive."""
        self.is_open = False
        self._network.lines.pop(self, None)
        waiting, self._waiting = self._waiting, deque()
        for exchange in waiting:
            if not exchange.future.done():
                exchange.future.set_result([LostReplyError(why)] * exchange.size)

    def _arrive(self, exchange: _Exchange, commands: Sequence[Command], fate: str | None) -> None:
        network, engine, loop = self._network, self._network.engine, self._network.loop
        if not engine.is_up or engine.run != self._run:
            return
        replies = [engine.execute(command) for command in commands]
        network.watch(self.node, "done", commands)
        if not engine.is_up:
            return
        if fate == "reply lost":
            loop.on(self.node, network.hop_s(), self.lose, "connection reset")
            return
        if engine.machine.unwritten:
            rest, engine.machine.unwritten = engine.machine.unwritten, []
            loop.on(self.node, 2 * network.hop_s(), engine.finish, rest)
        self._return = max(self._return, loop.time() + network.hop_s())
        loop.on(self.node, self._return - loop.time(), self._answer, exchange, commands, replies)

    def _answer(self, exchange: _Exchange, commands: Sequence[Command], replies: list[Reply]) -> None:
        if not self._waiting or self._waiting[0] is not exchange:
            return  # it was lost meanwhile
        self._waiting.popleft()
        self._network.watch(self.node, "told", [*commands, replies])
        if self.node.is_alive and not exchange.future.done():
            exchange.future.set_result(replies)

    def _watch(self) -> None:
        if not self._watching:
            self._watching = True
            self._network.loop.on(self.node, self._patience_s, self._look)

    def _look(self) -> None:
        self._watching = False
        if self._waiting and self._waiting[0].deadline <= self._network.loop.time():
            self.lose("no reply in time")
        elif self._waiting:
            self._watch()


class MemoryWires(Wires):
    """The product's wires over a `MemoryLine`: connects when it is needed, and again after each failure."""

    def __init__(self, network: Network, node: Node, patience_s: float) -> None:
        """Belong to a process."""
        self._network = network
        self._node = node
        self._patience_s = patience_s
        self._opening = asyncio.Lock()
        self._line: MemoryLine | None = None

    def exchange(self, calls: Sequence[Call]) -> Awaitable[list[Reply]]:
        """Send calls and give their replies in order; errors are given, not raised."""
        commands = [call.command for call in calls]
        if not commands:
            return _nothing()
        if self._line is not None and self._line.is_open:
            return self._line.exchange(commands)
        return self._exchange_anew(commands)

    async def _exchange_anew(self, commands: Sequence[Command]) -> list[Reply]:
        async with self._opening:
            if self._line is None or not self._line.is_open:
                await self._network.hop(self._node)
                if not self._network.reaches(self._node):
                    return [NotSentError("connection refused") for _ in commands]
                self._line = MemoryLine(self._network, self._node, self._patience_s)
        return await self._line.exchange(commands)


class MemoryServers:
    """The one server, and connections to it that never connect again by themselves."""

    def __init__(self, network: Network, node: Node) -> None:
        """Belong to a process."""
        self._network = network
        self._node = node

    def known(self, partition: int) -> Host:
        """Give the one server."""
        del partition
        return Host("memory", 1)

    async def locate(self, partition: int) -> Host:
        """Give the one server."""
        return self.known(partition)

    def forget(self) -> None:
        """Do nothing."""

    def connection(self, host: Host) -> Any:  # noqa: ANN401 - as much of a connection as is used
        """Make one."""
        del host
        return _Connection(self._network, self._node)


class _Connection:
    def __init__(self, network: Network, node: Node) -> None:
        self._network = network
        self._node = node
        self._line: MemoryLine | None = None
        self._reply: asyncio.Future[list[Reply]] | None = None

    async def connect(self) -> None:
        await self._network.hop(self._node)
        if not self._network.reaches(self._node):
            raise RedisConnectionError("connection refused")
        self._line = MemoryLine(self._network, self._node, 5.0)

    async def disconnect(self, *, nowait: bool) -> None:
        del nowait
        if self._line is not None:
            self._line.lose("closed")

    async def send_command(self, *command: Any) -> None:  # noqa: ANN401
        if self._line is None or not self._line.is_open:
            raise RedisConnectionError("the connection is lost")
        self._reply = self._line.exchange([command])

    async def read_response(self) -> Reply:
        if self._reply is None:
            raise RedisConnectionError("nothing was asked")
        (reply,) = await self._reply
        if isinstance(reply, LostReplyError):
            raise RedisConnectionError(str(reply))
        if isinstance(reply, Exception):
            raise reply
        return reply
