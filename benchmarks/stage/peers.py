"""The peers beside the product, each a process that stands idle while another is measured, on a Redis of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from redis import Redis

from benchmarks.peers.catalogue import PEERS
from benchmarks.peers.server import PeerServer, Surroundings
from benchmarks.peers.tried import TRIED
from benchmarks.stage.honesty import expect_rows, still
from benchmarks.stage.tenants import CHATS
from benchmarks.suite.sample import Sample
from benchmarks.suite.target import Target
from tests.support.engines.redis import Fsync, RedisServer
from tests.support.polling import wait_for

_REWRITTEN_S = 120


class RunningPeer:
    """A peer that answers."""

    def __init__(self, server: PeerServer, redis: RedisServer | None, tokens: Sequence[str]) -> None:
        """Take what runs."""
        self._server = server
        self._redis = redis
        self._tokens = tokens
        self._known = 0

    def target(self) -> Target:
        """Give where a load goes."""
        running = {"service": self._server.process, "redis": None if self._redis is None else self._redis.process}
        processes = {name: process.pid for name, process in running.items() if process is not None}
        return Target(self._server.url, self._tokens, processes)

    def settle(self, acknowledged: Sample) -> None:
        """Compare what its Redis holds with what it answered, and let a rewrite of its file end before others run.

        Raises:
            WrongError: they differ.
        """
        count = self._server.peer.written
        if self._redis is None or count is None:
            return
        with Redis(port=self._redis.port, decode_responses=True) as client:
            wait_for(
                lambda: not client.info("persistence")["aof_rewrite_in_progress"], "the file is rewritten", _REWRITTEN_S
            )
            written = still(lambda: count(client))
        expect_rows(written - self._known, acknowledged)
        self._known = written


@contextmanager
def running_peers(
    folder: Path, names: Iterable[str], tokens: Sequence[str], aof: Fsync = "always"
) -> Iterator[Mapping[str, RunningPeer]]:
    """Start peers that know these tokens, each on a Redis with the product's settings, and stop them."""
    durability = "queued" if aof == "always" else "relaxed"
    with ExitStack() as stack:
        peers = {}
        for name in names:
            place = folder / name
            needs = PEERS[name].needs_redis
            redis = stack.enter_context(RedisServer(place / "redis", aof=aof)) if needs else None
            told = Surroundings(redis, tokens, CHATS, durability)
            peers[name] = RunningPeer(stack.enter_context(PeerServer(place, PEERS[name], told)), redis, tokens)
        yield peers


def settings(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Give the peers' settings, and what was tried, for the report's table."""
    told = {}
    for name in names:
        tried = {
            f"tried: {trial.flags}": f"{trial.requests_per_s:,}/s, {trial.peer_us} µs" for trial in TRIED.get(name, ())
        }
        told[f"{name}: {PEERS[name].title}"] = {**PEERS[name].settings, **tried}
    return told
