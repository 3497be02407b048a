"""Finding the server that has a partition, and connecting to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, Protocol

from redis.asyncio.connection import (
    AbstractConnection,
    Connection,
    RedisSSLContext,
    SSLConnection,
    UnixDomainSocketConnection,
)
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.exceptions import RedisError

from parley.log.redis.names import partition_keys
from parley.log.redis.urls import Host, Kind, Target

_ASK_S: Final = 1.0
"""How long one sentinel or node may take to say where a partition is."""

_OPTIONS: Final[dict[str, Any]] = {
    "protocol": 2,
    "retry": Retry(NoBackoff(), 0),
    "health_check_interval": 0,
    "socket_timeout": None,  # whoever talks sets one for the whole exchange
    "driver_info": None,
}


class Servers(Protocol):
    """Where the partitions are."""

    def known(self, partition: int) -> Host | None:
        """Say which server has a partition, as far as that is known; ``None`` if somebody must be asked."""

    async def locate(self, partition: int) -> Host:
        """Say which server has a partition.

        Raises:
            RedisError: nobody who knows could be asked.
        """

    def forget(self) -> None:
        """Ask again at the next call: what was known has turned out to be wrong."""

    def connection(self, host: Host) -> AbstractConnection:
        """Make a connection to a server that is not open yet."""


class SingleServer:
    """One server has all partitions."""

    def __init__(self, target: Target) -> None:
        """Take the server that the URL names."""
        self._target = target
        self._tls: RedisSSLContext | None = None

    def known(self, partition: int) -> Host:
        """Give the one server."""
        del partition
        return self._target.hosts[0]

    async def locate(self, partition: int) -> Host:
        """Give the one server."""
        return self.known(partition)

    def forget(self) -> None:
        """Do nothing."""

    def connection(self, host: Host) -> AbstractConnection:
        """Make a connection over TCP, TLS or a Unix socket; all share one context, which is costly to make."""
        connection = _connection(host, self._target)
        if isinstance(connection, SSLConnection):
            self._tls = connection.ssl_context = self._tls or connection.ssl_context
        return connection


class SentinelServers:
    """Sentinels name the server that is the primary at present; asked again after every failure."""

    def __init__(self, target: Target) -> None:
        """Take the sentinels that the URL names."""
        self._target = target
        self._primary: Host | None = None

    def known(self, partition: int) -> Host | None:
        """Give the primary that was named last."""
        del partition
        return self._primary

    async def locate(self, partition: int) -> Host:
        """Ask the sentinels in turn; the first who knows is believed."""
        del partition
        if self._primary is not None:
            return self._primary
        for host in self._target.hosts:
            sentinel = Connection(**_address(host), **_OPTIONS, **(self._target.sentinel_credentials or {}))
            found = await _ask_once(sentinel, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._target.service)
            if found:
                self._primary = Host(found[0].decode(), int(found[1]))
                return self._primary
        raise RedisError(f"no sentinel names a primary of {self._target.service!r}")

    def forget(self) -> None:
        """Ask the sentinels at the next call."""
        self._primary = None

    def connection(self, host: Host) -> AbstractConnection:
        """Make a connection over TCP."""
        return _connection(host, self._target)


class ClusterServers:
    """Every partition lies in one slot of a cluster."""

    def __init__(self, target: Target) -> None:
        """Take the nodes that the URL names."""
        self._target = target
        self._known: list[tuple[int, int, Host]] = []
        self._slots: dict[int, int] = {}

    def known(self, partition: int) -> Host | None:
        """Look the slot up in the cluster's own map, as it was read last."""
        slot = self._slot(partition)
        return next((host for first, last, host in self._known if first <= slot <= last), None)

    async def locate(self, partition: int) -> Host:
        """Look the slot up in the cluster's own map; read that first if it has none."""
        if self.known(partition) is None:
            await self._learn()
        host = self.known(partition)
        if host is None:
            raise RedisError(f"no node of the cluster has slot {self._slot(partition)}")
        return host

    def forget(self) -> None:
        """Read the map again at the next call."""
        self._known = []

    def connection(self, host: Host) -> AbstractConnection:
        """Make a connection over TCP."""
        return _connection(host, self._target)

    def _slot(self, partition: int) -> int:
        if partition not in self._slots:
            self._slots[partition] = key_slot(partition_keys(self._target.prefix, partition).epoch.encode())
        return self._slots[partition]

    async def _learn(self) -> None:
        nodes = dict.fromkeys([*self._target.hosts, *(host for _, _, host in self._known)])
        for asked in nodes:
            ranges = await _ask_once(_connection(asked, self._target), "CLUSTER", "SLOTS")
            if ranges:
                self._known = [
                    (first, last, Host(primary[0].decode() or asked.name, primary[1]))
                    for first, last, primary, *_ in ranges
                ]
                return


def build_servers(target: Target) -> SingleServer | SentinelServers | ClusterServers:
    """Give what finds the servers of a URL."""
    kinds: dict[Kind, type[SingleServer | SentinelServers | ClusterServers]] = {
        Kind.SINGLE: SingleServer,
        Kind.SENTINEL: SentinelServers,
        Kind.CLUSTER: ClusterServers,
    }
    return kinds[target.kind](target)


def _connection(host: Host, target: Target) -> AbstractConnection:
    options = _OPTIONS | target.credentials
    if not host.port:
        return UnixDomainSocketConnection(path=host.name, **options)
    if target.tls is not None:
        return SSLConnection(**_address(host), **options, **target.tls)
    return Connection(**_address(host), **options)


def _address(host: Host) -> dict[str, Any]:
    return {"host": host.name, "port": host.port}


@asynccontextmanager
async def opened(servers: Servers, partition: int) -> AsyncIterator[AbstractConnection]:
    """Give a connection to a partition's server that is open and stays the same; it never connects again by itself."""
    connection = servers.connection(await servers.locate(partition))
    try:
        await connection.connect()  # type: ignore[no-untyped-call]
        yield connection
    finally:
        await connection.disconnect(nowait=True)


async def ask(connection: AbstractConnection, *command: str | bytes) -> Any:  # noqa: ANN401 - whatever was asked
    """Send one command over an open connection and give its reply.

    Raises:
        RedisError: the server answered with an error, or not at all.
    """
    await connection.send_command(*command)
    return await connection.read_response()


async def _ask_once(connection: AbstractConnection, *command: str) -> Any:  # noqa: ANN401 - whatever was asked
    """Give one server's answer, ``None`` if it has none."""
    try:
        async with asyncio.timeout(_ASK_S):
            await connection.connect()  # type: ignore[no-untyped-call]
            return await ask(connection, *command)
    except (RedisError, OSError):
        return None
    finally:
        await connection.disconnect(nowait=True)
