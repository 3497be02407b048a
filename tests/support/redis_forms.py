"""Redis in the forms that a log's URL can name: over TLS, behind a sentinel, as a cluster."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import ClassVar

from redis import Redis

from tests.support.engines.process import HOST, Engine, free_port, program
from tests.support.engines.redis import RedisServer, server_program
from tests.support.polling import wait_for
from tests.support.relay import make_certificate

SERVICE = "parley-log"


class RedisSentinel(Engine):
    """One sentinel that watches a primary and needs nobody else's consent."""

    name: ClassVar[str] = "sentinel"

    def __init__(self, folder: Path, primary: RedisServer) -> None:
        """Take a folder, and whom to watch."""
        super().__init__(folder)
        self._primary = primary

    @property
    def url(self) -> str:
        """Give the address of a log on whatever server is the primary."""
        return f"redis+sentinel://{HOST}:{self.port}/{SERVICE}"

    def prepare(self) -> None:
        """Write what it may rewrite."""
        (self.folder / "sentinel.conf").write_text(
            f"port {self.port}\nbind {HOST}\ndir {self.folder}\n"
            f"sentinel monitor {SERVICE} {HOST} {self._primary.port} 1\n"
            f"sentinel down-after-milliseconds {SERVICE} 300\n"
            f"sentinel failover-timeout {SERVICE} 3000\n"
        )

    def command(self) -> list[str]:
        """Give the command."""
        return [*server_program(), str(self.folder / "sentinel.conf"), "--sentinel"]

    def is_ready(self) -> bool:
        """Tell whether it knows the primary and a replica to put in its place."""
        with Redis(port=self.port, socket_timeout=1) as client:
            try:
                watched = client.sentinel_master(SERVICE)
            except OSError:
                return False
            return bool(watched["num-slaves"])

    def primary_port(self) -> int:
        """Give the port of the server that it names."""
        with Redis(port=self.port) as client:
            _, port = client.sentinel_get_master_addr_by_name(SERVICE)
        return int(port)


@contextmanager
def cluster_of_three(folder: Path) -> Iterator[list[RedisServer]]:
    """Give three primaries that share all slots."""
    with ExitStack() as stack:
        options = ("--cluster-enabled", "yes")
        nodes = [stack.enter_context(RedisServer(folder / f"{n}", options=options)) for n in range(3)]
        addresses = [f"{HOST}:{node.port}" for node in nodes]
        create = [program("redis-cli", "redis-tools"), "--cluster", "create", *addresses, "--cluster-yes"]
        subprocess.run(create, check=True, capture_output=True)
        wait_for(lambda: all(map(_is_whole, nodes)), "the cluster is whole")
        yield nodes


def _is_whole(node: RedisServer) -> bool:
    with Redis(port=node.port) as client:
        return b"cluster_state:ok" in client.execute_command("CLUSTER", "INFO")


@contextmanager
def over_tls(folder: Path) -> Iterator[str]:
    """Give the URL of a server whose certificate is its own authority."""
    folder.mkdir(parents=True, exist_ok=True)
    certificate = make_certificate(folder)
    port = free_port(RedisServer.ports)
    options = (
        "--tls-port", str(port), "--tls-cert-file", str(certificate.file), "--tls-key-file", str(certificate.key),
        "--tls-ca-cert-file", str(certificate.file), "--tls-auth-clients", "no",
    )  # fmt: skip
    with RedisServer(folder / "server", options=options):
        yield f"rediss://{HOST}:{port}/0?ssl_ca_certs={certificate.file}"
