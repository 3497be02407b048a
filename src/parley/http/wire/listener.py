"""The ports of a process: opened, served, and drained together."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from parley.domain.errors import ConfigurationError
from parley.http.wire.connection import Connection
from parley.http.wire.limits import Limits
from parley.http.wire.request import Application
from parley.http.wire.roster import Roster
from parley.http.wire.unanswered import Observe
from parley.telemetry.clock import Clock

_BACKLOG = 2048
_SOCKET_BUFFER_BYTES = 256 * 1024
"""The kernel would grow each to megabytes: too much for thousands of slow clients, and it hides who reads nothing."""


def bind(host: str, port: int, *, reuse_port: bool = False) -> socket.socket:
    """Take a port, so that nobody else can, before anything else is started; port 0 takes a free one.

    Clients may connect from now on; they are answered once a `Listener` serves the socket.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ConfigurationError(f"Cannot listen on {host}:{port}: {error.strerror}") from None
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BUFFER_BYTES)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SOCKET_BUFFER_BYTES)
        if reuse_port:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind(address)
        bound.listen(_BACKLOG)
    except OSError as error:
        bound.close()
        raise ConfigurationError(f"Cannot listen on {host}:{port}: {error.strerror}") from None
    bound.setblocking(False)  # noqa: FBT003 - the socket's own signature
    return bound


class Listener:
    """Serves any number of ports under one set of bounds."""

    def __init__(
        self, limits: Limits, clock: Clock, new_id: Callable[[], str], on_refused: Callable[[], None] = lambda: None
    ) -> None:
        """Take the bounds, the clock, and the source of request ids; ``on_refused`` counts refused connections."""
        self._limits = limits
        self._roster = Roster(limits, clock, new_id, on_refused)
        self._servers: list[asyncio.Server] = []

    @property
    def connections(self) -> int:
        """How many clients are connected, on all ports."""
        return len(self._roster)

    async def serve(
        self,
        bound: socket.socket,
        application: Application,
        *,
        at_once: int | None = None,
        observe: Observe = lambda _request, _status, _spent_ms: None,
    ) -> None:
        """Answer the clients of one port with one application; ``observe`` is told of each answer.

        ``at_once`` bounds the unanswered requests of a connection more narrowly than the limits do;
        it should be 1 where each answer may be large.
        """
        most = min(at_once or self._limits.max_pipelined, self._limits.max_pipelined)
        server = await asyncio.get_running_loop().create_server(
            lambda: Connection(self._roster, application, most, observe), sock=bound, backlog=_BACKLOG
        )
        self._servers.append(server)

    async def drain(self, limit_s: float) -> int:
        """Stop accepting, let what is in flight finish, close all; give how many had to be cut after ``limit_s``."""
        for server in self._servers:
            server.close()
        return await self._roster.drain(limit_s)
