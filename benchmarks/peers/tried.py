"""What settings were tried on each peer, and what came of it; `tune.py` tries them again."""

from __future__ import annotations

from typing import Final, NamedTuple


class Trial(NamedTuple):
    """One round of three seconds under 64 connections, appendfsync everysec, on a shared machine with two cores."""

    settings: dict[str, str]
    requests_per_s: int
    peer_us: float
    """CPU microseconds of the peer for each request; they bear a busy machine better than rates do."""
    redis_us: float


def _untried(*settings: str) -> tuple[Trial, ...]:
    return tuple(Trial(dict(zip(line.split()[::2], line.split()[1::2], strict=True)), 0, 0, 0) for line in settings)


TRIED: Final[dict[str, tuple[Trial, ...]]] = {
    "usual": _untried(
        "connections 64 gogc 100", "connections 64 gogc 400", "connections 64 gogc 1600",
        "connections 8 gogc 400", "connections 16 gogc 400", "connections 256 gogc 400",
        "connections 64 gogc 400 gomaxprocs 1", "connections 64 gogc 400 gomaxprocs 4",
    ),
    "grouped": _untried(
        "connections 2 gogc 100", "connections 2 gogc 400", "connections 2 gogc 1600",
        "connections 1 gogc 400", "connections 4 gogc 400",
        "connections 2 gogc 400 yields true", "connections 1 gogc 400 yields true",
        "connections 2 gogc 400 gomaxprocs 1", "connections 2 gogc 400 gomaxprocs 4",
    ),
    "ordinary": _untried("connections 64", "connections 8", "connections 16", "connections 256"),
}  # fmt: skip
