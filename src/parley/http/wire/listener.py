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
    bound = _take(host, port, reuse_port=reuse_port)
    try:
        bound.listen(_BACKLOG)
    except OSError as error:
        bound.close()
        raise _refused(host, port, error) from None
    bound.setblocking(False)  # noqa: FBT003 - the socket's own signature
    return bound


def bind_shared(host: str, port: int, count: int) -> list[socket.socket]:
    """Take one port ``count`` times, for as many processes; the kernel spreads new connections over the sockets.

    Raises:
        ConfigurationError: somebody listens there, who would otherwise share the port without a word.
    """
    with _take(host, port, reuse_port=False) as alone:
        port = alone.getsockname()[1]
    sockets: list[socket.socket] = []
    try:
        sockets.extend(bind(host, port, reuse_port=True) for _ in range(count))
    except ConfigurationError:
        for each in sockets:
            each.close()
        raise
    return sockets


def _take(host: str, port: int, *, reuse_port: bool) -> socket.socket:
    """Bind without listening."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _refused(host, port, error) from None
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BUFFER_BYTES)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SOCKET_BUFFER_BYTES)
        if reuse_port:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise _refused(host, port, error) from None
    return bound


def _refused(host: str, port: int, error: OSError) -> ConfigurationError:
    return ConfigurationError(f"Cannot listen on {host}:{port}: {error.strerror}")


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
        """Stop accepting, let what is in flight finish, close all; give how many had to be cut after ``limit_s``.

        Whoever keeps a connection open may send one more request for a moment: its answer says that it was the last.
        """
        for server in self._servers:
            server.close()
        return await self._roster.drain(limit_s)
