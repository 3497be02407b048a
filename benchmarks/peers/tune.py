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

from benchmarks.peers.catalogue import PEERS, Peer
from benchmarks.peers.server import PeerServer, Surroundings
from benchmarks.peers.tried import TRIED, Trial
from benchmarks.suite.target import Target
from benchmarks.suite.wrk import run_wrk
from tests.support.engines.redis import RedisServer

TOKENS: Final = [f"{number:032x}" for number in range(100)]
CHATS: Final = 5


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
        sample = run_wrk(self._target(), seconds, "creates.lua", "none", "1", "", str(CHATS), ",".join(TOKENS))
        if sample.errors:
            raise SystemExit(f"void: {sample.errors} answers were not 2xx under {self._trial.flags}")
        self.rounds.append(Round(sample.rate, sample.cpu_us("peer"), sample.cpu_us("redis")))

    def report(self) -> str:
        """Give a line."""
        rates, peer, redis = zip(*self.rounds, strict=True)
        return (
            f"{median(rates):8,.0f}/s  peer {median(peer):6.1f} us, least {min(peer):6.1f}"
            f"  Redis {median(redis):5.1f} us, least {min(redis):5.1f}  {self._trial.flags}"
        )

    def _target(self) -> Target:
        if self._redis.process is None or self._peer.process is None:
            raise RuntimeError("not started")
        return Target(self._peer.url, TOKENS, {"peer": self._peer.process.pid, "redis": self._redis.process.pid})


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
