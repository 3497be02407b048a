"""Grows a history step by step and measures at each: costs by profile, number of messages, and what was asked."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from benchmarks.history.ends import FROM_DATABASE, READS, ROUNDS, Ratios, compare_ends
from benchmarks.history.measures import History, measure
from benchmarks.history.shape import LARGE, STEPS, NewChat, Stage, stages
from benchmarks.history.sites import Serving, Site
from benchmarks.history.store import Store
from benchmarks.history.verdict import Verdict, judge
from benchmarks.history.words import Talk

SEED: Final = 5


class Point(NamedTuple):
    """A cost at so many messages."""

    profile: str
    messages: int
    what: str
    cost: float
    unit: str


class Grown(NamedTuple):
    """All that was seen while one store grew."""

    points: list[Point]
    ends: Ratios

    def verdicts(self) -> dict[str, Verdict]:
        """Judge each curve."""
        return {f"{what}, {unit}": judge(costs) for (what, unit), costs in self.curves().items()}

    def curves(self) -> dict[tuple[str, str], dict[int, float]]:
        """Give the costs by what and unit."""
        curves: dict[tuple[str, str], dict[int, float]] = defaultdict(dict)
        for point in self.points:
            curves[point.what, point.unit][point.messages] = point.cost
        return curves


def grow(
    site: Site, steps: Sequence[int] = STEPS, *, rounds: int = ROUNDS, reads: int = READS,
    tell: Callable[[Point], None] = lambda _: None,
) -> Grown:  # fmt: skip
    """Load stage by stage, measure after each, and compare the large chat's ends after the last."""
    store, chats, points = Store(Talk(SEED)), list[NewChat](), list[Point]()
    for stage in stages(SEED, steps):
        chats += [chat for chat in stage.new_chats if chat.place != LARGE]
        for what, cost, unit in _add(site, store, stage, chats):
            points.append(Point(site.profile, stage.messages, what, cost, unit))
            tell(points[-1])
    history = History(store.talk, store.tokens, chats, steps[-1])
    with site.serving(steps[-1], FROM_DATABASE) as serving:
        return Grown(points, compare_ends(serving.api, history, rounds, reads))


def _add(site: Site, store: Store, stage: Stage, chats: Sequence[NewChat]) -> Iterator[tuple[str, float, str]]:
    """Load a stage and give what it costs to have so many messages."""
    is_indexed = stage.messages <= site.indexed
    before = store.messages
    grown = asyncio.run(store.grow(site.settings(stage.messages), stage, index=is_indexed))
    yield "load", grown.load_s / (stage.messages - before) * 1e6, "us a message"
    if is_indexed:
        yield "index", grown.index_s / (stage.messages - before) * 1e6, "us a message"
    for part, size in site.disk().items():
        if is_indexed or part != "index":
            yield f"disk of the {part}", size / stage.messages, "bytes a message"
    with site.serving(stage.messages, {}) as serving:
        yield from _ask(serving, History(store.talk, store.tokens, chats, stage.messages), is_indexed=is_indexed)


def _ask(serving: Serving, history: History, *, is_indexed: bool) -> Iterator[tuple[str, float, str]]:
    yield "start", serving.start_s, "s"
    yield "memory after the start", serving.memory_mb(), "MB"
    for what, latencies in measure(serving, history, searches=is_indexed).items():
        yield what, latencies.p50, "ms p50"
        yield what, latencies.p99, "ms p99"
    yield "memory after all requests", serving.memory_mb(), "MB"
