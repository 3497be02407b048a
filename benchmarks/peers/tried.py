"""What settings were tried on each peer, and what came of it; `tune.py` tries them again."""

from __future__ import annotations

from typing import Final, NamedTuple


class Trial(NamedTuple):
    """One setting, on a machine with two cores that others used too: only rows of one peer can be compared.

    Medians of five to seven alternating rounds under 64 connections, appendfsync everysec. CPU is in microseconds a
    request; the least of any round was disturbed least.
    """

    flags: str
    requests_per_s: int
    peer_us: int
    least_peer_us: int
    redis_us: int
    least_redis_us: int

    @property
    def settings(self) -> dict[str, str]:
        """Give the flags by name."""
        words = self.flags.split()
        return dict(zip(words[::2], words[1::2], strict=True))


TRIED: Final = {
    "usual": (
        Trial("connections 64 gogc 100", 5_743, 86, 70, 28, 20),
        Trial("connections 64 gogc 400", 5_376, 86, 58, 29, 18),
        Trial("connections 64 gogc 1600", 5_816, 88, 73, 26, 21),
        Trial("connections 8 gogc 400", 3_765, 122, 90, 49, 38),
        Trial("connections 16 gogc 400", 4_100, 123, 109, 46, 41),
        Trial("connections 256 gogc 400", 5_262, 88, 71, 28, 23),
        Trial("connections 64 gogc 400 gomaxprocs 1", 5_670, 78, 70, 35, 30),
        Trial("connections 64 gogc 400 gomaxprocs 4", 5_620, 82, 73, 24, 23),
    ),
    "grouped": (
        Trial("connections 1 gogc 100", 13_730, 36, 26, 28, 21),
        Trial("connections 1 gogc 400", 14_104, 32, 30, 27, 22),
        Trial("connections 1 gogc 1600", 14_391, 34, 26, 27, 20),
        Trial("connections 2 gogc 400", 13_474, 34, 31, 28, 26),
        Trial("connections 2 gogc 1600", 13_171, 34, 30, 28, 25),
        Trial("connections 4 gogc 1600", 12_505, 38, 36, 32, 32),
        Trial("connections 1 gogc 1600 yields true", 12_906, 33, 28, 28, 23),
        Trial("connections 2 gogc 1600 yields true", 12_225, 34, 32, 30, 25),
        Trial("connections 1 gogc 1600 gomaxprocs 1", 12_313, 34, 31, 28, 23),
        Trial("connections 1 gogc 1600 gomaxprocs 4", 15_618, 33, 27, 25, 20),
    ),
    "ordinary": (
        Trial("connections 64", 622, 1026, 951, 63, 39),
        Trial("connections 8", 692, 1068, 1004, 66, 58),
        Trial("connections 16", 656, 1133, 1111, 68, 61),
        Trial("connections 256", 310, 1216, 1016, 61, 41),
    ),
}
