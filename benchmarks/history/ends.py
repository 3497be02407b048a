"""The last page of the large chat against its first, and the first against itself: what is far costs no more.

Both are asked for by what comes after them, so that they differ in nothing but their place: where the database is a
server, a page that is asked for without a bound saves the look whether there are messages beyond it.
"""

from __future__ import annotations

from statistics import median
from typing import Final, NamedTuple

from benchmarks.history.asking import Asker, Latencies, summed_up
from benchmarks.history.measures import History, first_page_from_above, last_page

ROUNDS: Final = 7
READS: Final = 3_000
P50_AT_MOST: Final = 1.10
P99_AT_MOST: Final = 1.25

FROM_DATABASE: Final = {"PARLEY_TAIL_MAX_BYTES": "0"}
"""The end of a chat that is being read is kept in memory: without that, both pages come from the database."""

_WARMUPS: Final = 300


class Round(NamedTuple):
    """One round's reads, which took turns."""

    first: Latencies
    again: Latencies
    last: Latencies

    def ratios(self) -> tuple[float, float, float, float]:
        """Give p50 and p99 of the last page by those of the first, then those of the first by itself."""
        first, again, last = self
        return last.p50 / first.p50, last.p99 / first.p99, again.p50 / first.p50, again.p99 / first.p99


class Ratios(NamedTuple):
    """Of all rounds, in order."""

    p50: list[float]
    p99: list[float]
    itself_p50: list[float]
    itself_p99: list[float]

    @property
    def is_met(self) -> bool:
        """Whether both medians keep within their bounds."""
        return median(self.p50) <= P50_AT_MOST and median(self.p99) <= P99_AT_MOST


def compare_ends(url: str, history: History, rounds: int = ROUNDS, reads: int = READS) -> Ratios:
    """Read the first page, the first again and the last, one by one in turns whose order changes with each."""
    asker = Asker(url)
    first = first_page_from_above(history)
    pages = [first, first, last_page(history)]
    try:
        for page in pages * _WARMUPS:
            asker.ask(page)
        found = [_take_turns(asker, pages, reads).ratios() for _ in range(rounds)]
    finally:
        asker.close()
    return Ratios(*map(list, zip(*found, strict=True)))


def _take_turns(asker: Asker, pages: list[bytes], reads: int) -> Round:
    taken: list[list[float]] = [[] for _ in pages]
    for turn in range(reads):
        for place in range(len(pages)):
            index = (turn + place) % len(pages)
            taken[index].append(asker.ask(pages[index]))
    return Round(*map(summed_up, taken))
