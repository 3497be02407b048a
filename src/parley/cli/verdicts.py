"""A verdict for people: the checks, what clients felt of faults, findings, and what it all means."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Final

from parley.cli.tables import print_table
from parley.verify.availability import Felt, Phase
from parley.verify.checks import CHECKS
from parley.verify.findings import Finding
from parley.verify.verdict import Verdict

_FAULTS: Final = ("fault", "at s", "", "ok/s", "p50 ms", "p99 ms", "recovered s", "errors")


def show(verdict: Verdict, limit: int | None) -> None:
    """Print it, with at most ``limit`` findings and faults."""
    print_table(("check", "result", "findings", "what is checked"), _checks(verdict))
    if verdict.availability:
        print_table(_FAULTS, (row for felt in verdict.availability[:limit] for row in _felt(felt)))
        _say_rest(len(verdict.availability), limit, "faults")
    for sentence in _figures(verdict):
        _say(sentence)
    for finding in verdict.findings[:limit]:
        _say(_told(finding))
    _say_rest(len(verdict.findings), limit, "findings")
    for reason in verdict.reasons:
        _say(f"not proven: {reason}")
    _say(_conclusion(verdict))


def _say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")


def _say_rest(count: int, limit: int | None, what: str) -> None:
    if limit is not None and count > limit:
        _say(f"{count - limit:,} more {what}; see them with --all")


def _checks(verdict: Verdict) -> Iterator[tuple[str, ...]]:
    for name, sentence in CHECKS.items():
        count = verdict.checks.get(name)
        word = "not run" if count is None else "fail" if count else "ok"
        yield name, word, f"{count:,}" if count else "", sentence


def _felt(felt: Felt) -> Iterator[tuple[str, ...]]:
    recovered = "" if felt.recovered_s is None else f"{felt.recovered_s:.3f}"
    yield felt.fault, f"{felt.at_s:.1f}", "before", *_phase(felt.before, "")
    yield "", "", "during", *_phase(felt.during, "")
    yield "", "", "after", *_phase(felt.after, recovered)


def _phase(phase: Phase, recovered: str) -> tuple[str, ...]:
    latency = ("", "")
    if phase.latency is not None:
        latency = (f"{phase.latency.p50_ms:,.2f}", f"{phase.latency.p99_ms:,.2f}")
    errors = ", ".join(f"{count:,} {error}" for error, count in phase.errors.items())
    return f"{phase.ok_per_s:,.0f}", *latency, recovered, errors


def _figures(verdict: Verdict) -> Iterator[str]:
    totals, search = verdict.totals, verdict.search
    if totals is not None:
        levels = ", ".join(f"{count:,} {level}" for level, count in totals.acknowledged.items())
        yield (
            f"{totals.events:,} events, {totals.operations:,} operations, {totals.met:,} of them met a fault; writes: "
            f"{levels or 'none acknowledged'}, {totals.unknown:,} unknown, {totals.refused:,} refused; "
            f"creates that were unknown and are there: {totals.unknown_seen:,}"
        )
        if totals.below:
            yield (
                f"acknowledged below {verdict.manifest.level}, and so not promised: {totals.below:,}; "
                f"lost of them: {totals.below_lost:,}"
            )
    if search is not None and search.latency is not None:
        yield (
            f"searched: {search.stable:,} words stable, {search.lost_after_seen:,} missed after they were found, "
            f"{search.never_read:,} never found; found after {search.latency.p50_ms:,.0f} ms (p50), "
            f"{search.latency.p99_ms:,.0f} ms (p99), {search.latency.max_ms:,.0f} ms at most"
        )
    if verdict.count_lag_ms:
        yield f"counts were late by {verdict.count_lag_ms:,.0f} ms at most"


def _told(finding: Finding) -> str:
    fault = f"; {finding.fault}" if finding.fault else ""
    return f"{finding.check}: {finding.where}: {finding.what}{fault}"


def _conclusion(verdict: Verdict) -> str:
    if verdict.state == "invalid":
        count = len(verdict.findings)
        return f"invalid: {count:,} {'finding' if count == 1 else 'findings'}"
    if verdict.state == "unknown":
        return "unknown: nothing is proven, for the reasons above"
    return "valid: every check ran, and none found anything"
