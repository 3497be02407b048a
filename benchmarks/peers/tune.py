"""Tries a peer's settings again, those that `tried.py` names, each on a Redis of its own.

    .venv/bin/python -m benchmarks.peers.tune grouped [--seconds 3] [--rounds 1]

Rounds alternate, for only what ran side by side can be compared.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from benchmarks.peers.answer import TEXT
from benchmarks.peers.catalogue import PEERS, Peer
from benchmarks.peers.server import PeerServer, Surroundings, cpu_s
from benchmarks.peers.tried import TRIED
from benchmarks.wrk import run
from tests.support.engines.redis import RedisServer

TOKENS: Final = [f"{number:032x}" for number in range(100)]
CHATS: Final = 5
LOAD: Final = f"""
local count = 0
local headers = {{["Content-Type"] = "application/json"}}
function request()
  count = count + 1
  local token, chat = string.format("%032x", count % {len(TOKENS)}), math.floor(count / {len(TOKENS)}) % {CHATS} + 1
  local path = "/api/v1/applications/" .. token .. "/chats/" .. chat .. "/messages"
  return wrk.format("POST", path, headers, '{{"message":{{"body":"{TEXT}"}}}}')
end
"""


def main() -> None:
    """Try and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", choices=TRIED)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    for _ in range(options.rounds):
        for trial in TRIED[options.peer]:
            rate, peer_us, redis_us = measure(PEERS[options.peer], trial.settings, options.seconds)
            print(f"{rate:9,.0f}/s {peer_us:7.1f} us {redis_us:7.1f} us of Redis  {trial.settings}", flush=True)


def measure(peer: Peer, settings: Mapping[str, str], seconds: int) -> tuple[float, float, float]:
    """Give requests a second, and the CPU microseconds that a request cost the peer and its Redis."""
    flags = [f"--{name}={value}" for name, value in settings.items()]
    with (
        tempfile.TemporaryDirectory(prefix="parley-tune-", dir=Path(__file__).parents[3]) as name,
        RedisServer(Path(name) / "redis", aof="everysec") as redis,
        PeerServer(Path(name) / "peer", peer, Surroundings(redis, TOKENS, CHATS, "relaxed"), flags) as server,
    ):
        run(server.url, 1, LOAD)
        before = _spent(server, redis)
        result = run(server.url, seconds, LOAD)
        spent = [(now - then) / result.requests * 1e6 for now, then in zip(_spent(server, redis), before, strict=True)]
        if result.errors:
            raise SystemExit(f"void: {result.errors} answers were not 2xx")
        return result.requests_per_s, spent[0], spent[1]


def _spent(server: PeerServer, redis: RedisServer) -> tuple[float, float]:
    if redis.process is None:
        raise RuntimeError("not started")
    return server.cpu_s(), cpu_s(redis.process.pid)


if __name__ == "__main__":
    main()
