"""What a report says of its own figures."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import msgspec
import pytest

from parley.cli.benching.book import Book
from parley.cli.benching.load import Offer
from parley.cli.benching.mix import CREATE, READ, Request
from parley.cli.benching.plan import Plan
from parley.cli.benching.report import (
    HistogramBar,
    Loop,
    Messages,
    Operation,
    Quantiles,
    Report,
    loop_of,
)
from parley.cli.benching.shown import sentences
from parley.cli.benching.tally import Tally

IDLE = Offer(2.0, cpu=0.2, late_ms=0.5, unsent=0)
COMPLETE = Messages(acknowledged=2, unsettled=0, counted=2, complete=True, findings=[])


def tallied() -> Tally:
    """Count a good create, a refused one and a refused read, and a good create that came too late for the rate."""
    tally = Tally(Book(1))
    create, read = Request(CREATE, 1, True, b""), Request(READ, 1, False, b"")  # noqa: FBT003 - members
    tally.answered(create, 201, b'{"number":1}', 0.002)
    tally.answered(create, 503, b"", 0.001)
    tally.answered(read, 404, b"", 0.001)
    tally.end_window()
    tally.answered(create, 201, b'{"number":2}', 0.002)
    return tally


def said(loop: Loop, messages: Messages = COMPLETE) -> str:
    """Give all sentences of a report with one loop."""
    url = httpx.URL("http://a")
    plan = Plan(url, url, 1, 1, None, 0, 0, 1, 1)
    return "\n".join(sentences(Report(plan, [loop], messages, cleaned_up=True, ok=True)))


def test_open_loop_has_latencies_of_good_answers_alone() -> None:
    """Each kind with its own errors; a kind without a good answer has none."""
    loop = loop_of(tallied(), IDLE, rate=2)
    create, read = loop.operations

    assert (loop.answered, loop.per_s, create.per_s, loop.errors) == (2, 0.5, 0.5, 2)
    assert (create.errors, read.errors, read.latency_ms) == ({"503": 1}, {"404": 1}, None)
    assert create.latency_ms is not None
    assert (create.latency_ms.p50, create.latency_ms.max) == (2, 2)
    assert sum(bar.count for bar in loop.histogram) == 2


def test_closed_loop_gives_no_latencies() -> None:
    """It asks less while it waits, so they would flatter."""
    loop = loop_of(tallied(), IDLE)

    assert [operation.latency_ms for operation in loop.operations] == [None, None]
    assert loop.histogram == []


@pytest.mark.parametrize("part", [Report, Plan, Loop, Operation, Quantiles, HistogramBar, Messages])
def test_every_member_is_explained(part: type[msgspec.Struct]) -> None:
    """docs/bench.md promises that they stay."""
    explained = (Path(__file__).parents[4] / "docs" / "bench.md").read_text("utf-8").partition("## `--json`")[2]

    assert [name for name in part.__struct_fields__ if not re.search(rf"[`.]{name}(\[\])?`", explained)] == []


@pytest.mark.parametrize(
    ("offer", "rate", "bound"),
    [
        (IDLE._replace(cpu=0.81), None, True),
        (IDLE._replace(cpu=0.81), 100, True),
        (IDLE._replace(late_ms=5.1), 100, True),
        (IDLE._replace(late_ms=5.1), None, False),  # nothing is due at a time of its own
        (IDLE, 100, False),
    ],
)
def test_generator_that_is_the_bottleneck_says_so(
    offer: Offer,
    rate: float | None,
    bound: bool,  # noqa: FBT001 - the expectation
) -> None:
    """By its share of a core, and in an open loop by how late it was itself."""
    loop = loop_of(tallied(), offer, rate)

    assert loop.generator_bound == bound
    assert ("these figures are the generator's, not the server's" in said(loop)) == bound


def test_unsent_requests_are_told() -> None:
    """The rate was too high to be taken."""
    assert "7 requests were due and never sent" in said(loop_of(tallied(), IDLE._replace(unsent=7), rate=10))
    assert "never sent" not in said(loop_of(tallied(), IDLE, rate=10))


def test_verdict_is_the_messages_own() -> None:
    """All there, or each finding; never both."""
    loop = loop_of(tallied(), IDLE)
    lost = Messages(acknowledged=2, unsettled=0, counted=1, complete=False, findings=["chat 1: missing: 2"])

    assert "every acknowledged message is there: 2, " in said(loop)
    assert "NOT as acknowledged: chat 1: missing: 2" in said(loop, lost)
    assert "every acknowledged message is there" not in said(loop, lost)
