"""The peers by name: how each is built and started, with what settings, and how fast it must be to count."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from redis import Redis

from parley.log.redis.names import epoch_keys

_HERE: Final = Path(__file__).parent
_ROOT: Final = _HERE.parents[1]
_SCRIPTS: Final = _ROOT / "src" / "parley" / "log" / "redis" / "lua"
_JOBS: Final = "jobs"
_PREFIX, _PARTITIONS, _EPOCH = "parley", 4, 1
_BASELINE: Final = (25_500, 26_800)
"""What ``empty-granian`` did on the machine where the others' ranges come from."""

Range = tuple[float, float]


class Peer(NamedTuple):
    """Another write service, or an empty one."""

    name: str
    title: str
    build: Callable[[Path], list[str]]
    """Builds into a folder what must be built, and gives the beginning of the command."""
    settings: dict[str, str]
    """The flags that were found best; ``tried.py`` has what else was tried."""
    expected: Range | None
    """Where its rate lies, as a share of what ``empty-granian`` does in the same run; below, the pairing is void."""
    written: Callable[[Redis], int] | None
    """Gives how many messages its Redis holds; ``None`` for an empty one."""

    @property
    def needs_redis(self) -> bool:
        """Tell whether it is to have a Redis of its own."""
        return self.written is not None


def _range(low: int, high: int) -> Range:
    """Put a range of rates measured beside ``empty-granian`` in relation to it, as far as both may be apart."""
    return low / _BASELINE[1], high / _BASELINE[0]


def _python(module: str, _: Path) -> list[str]:
    return ["env", f"PYTHONPATH={_ROOT}", sys.executable, "-m", f"benchmarks.peers.{module}"]


def _go(name: str, folder: Path) -> list[str]:
    go = shutil.which("go", path=f"{os.environ.get('PATH', os.defpath)}:/usr/local/go/bin")
    if go is None:
        raise SystemExit("Go 1.24 or newer is needed: apt-get install golang-go (from Debian 13), or https://go.dev/dl")
    program = folder / name
    command = [go, "build", "-mod=readonly", "-buildvcs=false", "-o", str(program), f"./{name}"]
    done = subprocess.run(command, cwd=_HERE / "go", capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name} does not build with {go} (Go 1.24 or newer is needed):\n{done.stderr}")
    return [str(program)]


def _grouped(folder: Path) -> list[str]:
    return [*_go("grouped", folder), "--scripts", str(_SCRIPTS)]


def _count_jobs(redis: Redis) -> int:
    return int(redis.llen(_JOBS))


def _count_messages(redis: Redis) -> int:
    metas = (epoch_keys(_PREFIX, partition, _EPOCH).meta for partition in range(_PARTITIONS))
    return sum(int(redis.hget(meta, "messages") or 0) for meta in metas)


PEERS: Final = {
    peer.name: peer
    for peer in (
        Peer(
            "usual", "Go net/http, redigo: INCR, LPUSH of a JSON job", partial(_go, "usual"),
            {"connections": "64", "gogc": "400"}, _range(9_000, 18_000), _count_jobs,
        ),
        Peer(
            "grouped", "Go fasthttp, all checks, group commit with Parley's script", _grouped,
            {"connections": "1", "gogc": "1600"}, _range(25_000, 28_000), _count_messages,
        ),
        Peer(
            "ordinary", "Python FastAPI, redis-py: INCR, LPUSH of a JSON job", partial(_python, "ordinary"),
            {"connections": "64"}, None, _count_jobs,
        ),
        Peer(
            "empty-granian", "granian ASGI, one worker, no work", partial(_python, "empty_granian"),
            {}, None, None,
        ),
        Peer(
            "empty-litestar", "Litestar behind Parley's bridge, no work", partial(_python, "empty_litestar"),
            {}, None, None,
        ),
        Peer(
            "empty-wire", "Parley's wire, no work", partial(_python, "empty_wire"),
            {}, None, None,
        ),
    )
}  # fmt: skip
