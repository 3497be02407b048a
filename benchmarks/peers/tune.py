"""Tries a peer's settings again, those that `tried.py` names, each on a Redis of its own.

    .venv/bin/python -m benchmarks.peers.tune grouped [--seconds 1] [--rounds 7]

All run from the start, and short rounds alternate between them: only what ran side by side can be compared. Medians are
printed, and the least CPU of any round, which the machine's other work disturbed least.
"""

from __future__ import annotations

import argparse
import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from benchmarks.peers.answer import TEXT
from benchmarks.peers.catalogue import PEERS, Peer
from benchmarks.peers.server import PeerServer, Surroundings, cpu_s
from benchmarks.peers.tried import TRIED, Trial
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


class Round(NamedTuple):
    """What one setting did in one round."""

    requests_per_s: float
    peer_us: float
    redis_us: float


class Candidate:
    """A peer under one setting, with its Redis."""

    def __init__(self, stack: ExitStack, folder: Path, peer: Peer, trial: Trial) -> None:
        """Start both."""
        flags = [f"--{name}={value}" for name, value in trial.settings.items()]
        self._trial = trial
        self._redis = stack.enter_context(RedisServer(folder / "redis", aof="everysec"))
        told = Surroundings(self._redis, TOKENS, CHATS, "relaxed")
        self._peer = stack.enter_context(PeerServer(folder / "peer", peer, told, flags))
        self.rounds: list[Round] = []

    def measure(self, seconds: int) -> None:
        """Load it, and note the round.

        Raises:
            SystemExit: it answered anything but 201.
        """
        before = self._spent()
        result = run(self._peer.url, seconds, LOAD)
        if result.errors:
            raise SystemExit(f"void: {result.errors} answers were not 2xx under {self._trial.flags}")
        costs = [(now - then) / result.requests * 1e6 for now, then in zip(self._spent(), before, strict=True)]
        self.rounds.append(Round(result.requests_per_s, *costs))

    def report(self) -> str:
        """Give a line."""
        rates, peer, redis = zip(*self.rounds, strict=True)
        return (
            f"{median(rates):8,.0f}/s  peer {median(peer):6.1f} us, least {min(peer):6.1f}"
            f"  Redis {median(redis):5.1f} us, least {min(redis):5.1f}  {self._trial.flags}"
        )

    def _spent(self) -> tuple[float, float]:
        if self._redis.process is None:
            raise RuntimeError("not started")
        return self._peer.cpu_s(), cpu_s(self._redis.process.pid)


def main() -> None:
    """Try, and print a line for each setting."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", choices=TRIED)
    parser.add_argument("--seconds", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="parley-tune-", dir=Path(__file__).parents[3]) as name,
        ExitStack() as stack,
    ):
        candidates = [
            Candidate(stack, Path(name) / str(number), PEERS[options.peer], trial)
            for number, trial in enumerate(TRIED[options.peer])
        ]
        for candidate in candidates * (options.rounds + 1):
            candidate.measure(options.seconds)
        for candidate in candidates:
            del candidate.rounds[0]  # it warmed up
            print(candidate.report())


if __name__ == "__main__":
    main()
