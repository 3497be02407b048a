"""A real Redis, or Valkey in its place, that syncs its append-only file before it answers."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

from redis import Redis

from tests.support.engines.cache import unpacked
from tests.support.engines.chosen import chosen
from tests.support.engines.process import HOST, Engine, program

CHOICE = chosen("redis", "valkey")
Fsync = Literal["always", "everysec", "no", "off"]


class RedisServer(Engine):
    """One server on a loopback port and on a Unix socket in its folder."""

    name: ClassVar[str] = "redis"

    def __init__(self, folder: Path, *, aof: Fsync = "always", options: Sequence[str] = ()) -> None:
        """Take a folder, when to sync (``off`` = keep nothing), and options such as ``("--maxmemory", "10mb")``.

        The folder's path may have about 90 characters: a longer one does not fit into a socket's address.
        """
        super().__init__(folder, options)
        self.aof = aof

    @property
    def url(self) -> str:
        """Give its address, database 0."""
        return f"{CHOICE.product}://{HOST}:{self.port}/0"

    @property
    def unix_url(self) -> str:
        """Give its address without a port, database 0."""
        return f"unix://{self.folder}/redis.sock?db=0"

    def prepare(self) -> None:
        """Need nothing but the folder."""

    def command(self) -> list[str]:
        """Give the command, with the settings that keep an acknowledged write."""
        keeping = ["--appendonly", "no"] if self.aof == "off" else ["--appendonly", "yes", "--appendfsync", self.aof]
        return [
            *server_program(), "--bind", HOST, "--port", str(self.port), "--dir", str(self.folder),
            "--unixsocket", str(self.folder / "redis.sock"), "--unixsocketperm", "700",
            "--save", "", *keeping, "--no-appendfsync-on-rewrite", "no", "--maxmemory-policy", "noeviction",
            *self.options,
        ]  # fmt: skip

    def is_ready(self) -> bool:
        """Tell whether this process, and not another on its port, has loaded its file and answers PONG."""
        return "Ready to accept connections" in self._this_life() and self._answers_pong()

    def version(self) -> str:
        """Give what it says that it is."""
        with Redis(port=self.port) as client:
            told = client.info("server")
        product = "Valkey" if "valkey_version" in told else "Redis"
        return f"{product} {told[f'{product.lower()}_version']}"

    def _answers_pong(self) -> bool:
        try:
            with socket.create_connection((HOST, self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False


def server_program() -> list[str]:
    """Give the beginning of the server's command, a sentinel's too."""
    name = f"{CHOICE.product}-server"
    return unpacked(f"usr/bin/{name}", name, CHOICE.edition) if CHOICE.edition else [program(name, name)]
