"""A Parley to compare with, and peers on a Redis of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple, Protocol

import httpx
import pytest
from redis import Redis

from benchmarks.peers.catalogue import PEERS
from benchmarks.peers.server import PeerServer, Surroundings
from tests.support.engines.redis import RedisServer
from tests.support.server import Server

CHATS = 2
TOKENS = [f"{number:032x}" for number in range(8)]


class Running(NamedTuple):
    """A peer that answers."""

    client: httpx.Client
    """Its paths begin below an application's chats."""
    redis: Redis

    def written(self, name: str) -> int:
        """Give how many messages the peer of this name has written."""
        count = PEERS[name].written
        assert count is not None
        return count(self.redis)


class Start(Protocol):
    """Starts the peer of a name, on an empty Redis."""

    def __call__(self, name: str) -> AbstractContextManager[Running]:
        """Run it as long as the context lasts."""


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Give what starts peers."""

    @contextmanager
    def started(name: str) -> Iterator[Running]:
        with (
            RedisServer(tmp_path / "redis", aof="everysec") as redis,
            PeerServer(tmp_path / "peer", PEERS[name], Surroundings(redis, TOKENS, CHATS, "relaxed")) as peer,
            httpx.Client(base_url=f"{peer.url}/api/v1/applications/") as client,
            Redis(port=redis.port) as own,
        ):
            yield Running(client, own)

    return started


@pytest.fixture(scope="session")
def parley(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Give a client of a real write service, whose paths begin below an application with chats."""
    with Server(tmp_path_factory.mktemp("parley")) as server:
        made = httpx.post(f"{server.api_url}/api/v1/applications", json={"name": "one"}).json()
        base = f"{server.write_url}/api/v1/applications/{made['token']}/chats/"
        with httpx.Client(base_url=base) as client:
            for _ in range(CHATS):
                client.post(base.removesuffix("/")).raise_for_status()
            yield client
