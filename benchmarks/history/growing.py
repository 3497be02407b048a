"""Grows a history step by step and measures at each: costs by profile, number of messages, and what was asked."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from benchmarks.history.ends import FROM_DATABASE, READS, ROUNDS, Ratios, compare_ends
from benchmarks.history.measures import History, measure
from benchmarks.history.shape import LARGE, STEPS, NewChat, Stage, stages
from benchmarks.history.sites import Serving, Site
from benchmarks.history.store import Store, Took
from benchmarks.history.verdict import Verdict, judge
from benchmarks.history.words import Talk

SEED: Final = 5
LIMIT_S: Final = 1_500.0
"""What would take a growing longer is left out, and said: first the index of a stage, then the stage."""

_STEP: Final = 10
"""The last stage's time, so many times, is what the next one is expected to take."""


class Point(NamedTuple):
    """A cost at so many messages."""

    profile: str
    messages: int
    what: str
    cost: float
    unit: str


class Plan(NamedTuple):
    """What is done in the time that is left."""

    stores: bool
    indexes: bool


class Grown(NamedTuple):
    """All that was seen while one store grew."""

    points: list[Point]
    ends: Ratios
    messages: int
    indexed: int
    """Messages up to which the index was fed."""

    def curves(self) -> dict[tuple[str, str], dict[int, float]]:
        """Give the costs by what and unit."""
        curves: dict[tuple[str, str], dict[int, float]] = defaultdict(dict)
        for point in self.points:
            curves[point.what, point.unit][point.messages] = point.cost
        return curves

    def verdicts(self) -> dict[tuple[str, str], Verdict]:
        """Judge each curve."""
        return {curve: judge(costs) for curve, costs in self.curves().items()}


class Growing:
    """One store on its way from empty to all messages, or to as many as fit into the time."""

    def __init__(self, site: Site, tell: Callable[[Point], None] = lambda _: None) -> None:
        """Grow a site's empty store; ``tell`` hears of each point at once."""
        self._site = site
        self._tell = tell
        self._store = Store(Talk(SEED))
        self._chats: list[NewChat] = []
        self._points: list[Point] = []
        self._messages = self._indexed = 0
        self._last = Took(0, 0)

    def grow(
        self, steps: Sequence[int] = STEPS, *, rounds: int = ROUNDS, reads: int = READS, limit_s: float = LIMIT_S
    ) -> Grown:
        """Load stage by stage, measure after each, and compare the large chat's ends after the last."""
        began = time.monotonic()
        for stage in stages(SEED, steps):
            plan = plan_stage(self._last, limit_s - (time.monotonic() - began), is_indexed=self._is_indexed)
            if not plan.stores:
                break
            for what, cost, unit in self._add(stage, index=plan.indexes):
                self._points.append(Point(self._site.profile, stage.messages, what, cost, unit))
                self._tell(self._points[-1])
        with self._site.serving(self._messages, FROM_DATABASE, index=self._is_indexed) as serving:
            ends = compare_ends(serving.api, self._history(), rounds, reads)
        return Grown(self._points, ends, self._messages, self._indexed)

    def _add(self, stage: Stage, *, index: bool) -> Iterator[tuple[str, float, str]]:
        """Load a stage and give what it costs to have so many messages."""
        added = stage.messages - self._messages
        self._chats += [chat for chat in stage.new_chats if chat.place != LARGE]
        self._last = asyncio.run(self._store.grow(self._site.settings(stage.messages), stage, index=index))
        self._messages = stage.messages
        yield "load", self._last.load_s / added * 1e6, "us a message"
        if index:
            self._indexed = stage.messages
            yield "index", self._last.index_s / added * 1e6, "us a message"
        for part, size in self._site.disk().items():
            if index or part != "index":
                yield f"disk of the {part}", size / stage.messages, "bytes a message"
        with self._site.serving(stage.messages, {}, index=index) as serving:
            yield from self._ask(serving)

    def _ask(self, serving: Serving) -> Iterator[tuple[str, float, str]]:
        yield "start", serving.start_s, "s"
        yield "memory after the start", serving.memory_mb(), "MB"
        for what, latencies in measure(serving, self._history(), searches=self._is_indexed).items():
            yield what, latencies.p50, "ms p50"
            yield what, latencies.p99, "ms p99"
        yield "memory after all requests", serving.memory_mb(), "MB"

    def _history(self) -> History:
        return History(self._store.talk, self._store.tokens, self._chats, self._messages)

    @property
    def _is_indexed(self) -> bool:
        return self._indexed == self._messages


def plan_stage(last: Took, left_s: float, *, is_indexed: bool) -> Plan:
    """Plan a stage by what the one before it took; an index that lacks an earlier stage is not fed again."""
    load_s, index_s = last.load_s * _STEP, last.index_s * _STEP
    return Plan(stores=load_s <= left_s, indexes=is_indexed and load_s + index_s <= left_s)
