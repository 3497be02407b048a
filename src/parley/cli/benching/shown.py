"""A report for people: a table, a histogram, and what to think of both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from parley.cli.benching.report import Loop, Operation, Report
from parley.cli.tables import print_table

_COLUMNS: Final = ("loop", "operation", "per s", "p50 ms", "p95", "p99", "p99.9", "max", "errors")
_BAR_WIDTH: Final = 40


def show(report: Report) -> None:
    """Print it."""
    print_table(_COLUMNS, (row for loop in report.loops for row in _rows(loop)))
    for loop in report.loops:
        if loop.histogram:
            print_table(("latency", "", "share", "answers"), _bars(loop))
    for sentence in sentences(report):
        print(sentence)  # noqa: T201 - the command's result


def sentences(report: Report) -> Iterator[str]:
    """Say what the figures mean, and what they do not."""
    for loop in report.loops:
        yield (
            f"{loop.loop} loop: the generator took {loop.generator_cpu:.0%} of one core, "
            f"and was at most {loop.generator_late_ms:.1f} ms late with 99 of 100 requests"
        )
        if loop.generator_bound:
            yield "  warning: these figures are the generator's, not the server's: it needs more CPU than it gets here"
        if loop.unsent:
            yield f"  warning: {loop.unsent:,} requests were due and never sent: the server takes less than that rate"
    messages = report.messages
    if messages.complete:
        total, unsettled = f"{messages.acknowledged:,}", messages.unsettled
        beside = f" ({unsettled:,} creates had no clear answer)" if unsettled else ""
        yield f"every acknowledged message is there: {total}, each under a number of its own{beside}"
    for finding in messages.findings:
        yield f"NOT as acknowledged: {finding}"


def _rows(loop: Loop) -> Iterator[tuple[str, ...]]:
    offered = loop.offered_per_s
    name = "closed" if offered is None else f"open, {offered:,.0f}/s"
    for operation in loop.operations:
        yield name, operation.operation, f"{operation.per_s:,.0f}", *_latencies(operation), _errors(operation)
        name = ""


def _latencies(operation: Operation) -> tuple[str, ...]:
    """Write the quantiles; a closed loop has none worth writing."""
    taken = operation.latency_ms
    if taken is None:
        return ("",) * 5
    return tuple(f"{each:,.2f}" for each in (taken.p50, taken.p95, taken.p99, taken.p99_9, taken.max))


def _errors(operation: Operation) -> str:
    return ", ".join(f"{why}: {count:,}" for why, count in operation.errors.items()) or "none"


def _bars(loop: Loop) -> Iterator[tuple[str, ...]]:
    longest = max(bar.count for bar in loop.histogram)
    for bar in loop.histogram:
        drawn = "█" * round(bar.count / longest * _BAR_WIDTH) or ("▏" if bar.count else "")
        yield f"≤ {bar.to_ms:g} ms", drawn, f"{bar.count / loop.answered:.2%}", f"{bar.count:,}"
