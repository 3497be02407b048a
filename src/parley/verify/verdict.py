"""The verdict on a recording: valid, invalid or unknown, with its reasons."""

from __future__ import annotations

import gc
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

import msgspec

from parley.verify.availability import Felt, availability
from parley.verify.checks import CHECKS, PASSES
from parley.verify.checks.counts import longest_lag_ns
from parley.verify.findings import Finding
from parley.verify.history import Manifest
from parley.verify.index import Index
from parley.verify.proof import weaknesses
from parley.verify.reading import Recording, Tell, read_recording
from parley.verify.stability import Stability, stability_of
from parley.verify.totals import Totals, totals_of

_MANY: Final = 100


class Verdict(msgspec.Struct, kw_only=True):
    """What can be said of a recording."""

    state: Literal["valid", "invalid", "unknown"]
    """``invalid``: a promise was broken. ``unknown``: nothing is proven, which is no better in a build."""
    reasons: list[str]
    """Why it is unknown, or what is not proven besides."""
    checks: dict[str, int]
    """Findings of each check; a check that crashed is not here."""
    findings: list[Finding]
    manifest: Manifest
    totals: Totals | None = None
    search: Stability | None = None
    count_lag_ms: float = 0.0
    availability: list[Felt] = []


def _silent(*_: object) -> None:
    """Hear nothing."""


def verify(folder: Path, tell: Tell = _silent) -> Verdict:
    """Check the recording in a folder; ``tell`` hears how far it is.

    A broken promise makes it invalid, unless the recording itself is damaged: then nothing that it shows proves
    anything, and it is unknown with its findings. It is unknown, too, if it proves too little, or if a check crashed.

    Raises:
        OSError: a file cannot be read.
    """
    with _without_collecting():
        return _judge(read_recording(folder, tell), tell)


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Keep the collector from going through millions of rows again and again; there are no cycles worth it."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _judge(recording: Recording, tell: Tell) -> Verdict:
    verdict = Verdict(state="unknown", reasons=[], checks={}, findings=[], manifest=recording.manifest)
    index = None
    with _crashing_into(verdict.reasons, "the index"):
        index = Index(recording)
    if index is None:
        verdict.reasons += _bounded(recording.damage)
        return verdict
    damage = [*recording.damage, *index.damage]
    verdict.reasons += _bounded(damage)
    _check(index, verdict, tell)
    with _crashing_into(verdict.reasons, "the report"):
        verdict.totals = totals_of(index, recording.events)
        verdict.search = stability_of(index)
        verdict.count_lag_ms = longest_lag_ns(index) / 10**6
        verdict.availability = availability(index.operations, recording.faults)
        verdict.reasons.extend(_bounded(weaknesses(index, verdict.totals)))
    if verdict.findings and not damage:
        verdict.state = "invalid"
    elif not verdict.reasons:
        verdict.state = "valid"
    return verdict


def _check(index: Index, verdict: Verdict, tell: Tell) -> None:
    for done, (names, find) in enumerate(PASSES):
        tell("passes", done, len(PASSES))
        with _crashing_into(verdict.reasons, f"the check {', '.join(names)}"):
            verdict.findings.extend(find(index))
            verdict.checks.update(dict.fromkeys(names, 0))
    tell("passes", len(PASSES), len(PASSES))
    counted = Counter(finding.check for finding in verdict.findings)
    verdict.checks = {name: counted[name] for name in CHECKS if name in verdict.checks}


@contextmanager
def _crashing_into(reasons: list[str], what: str) -> Iterator[None]:
    """Make a reason of whatever goes wrong: a check that did not end has proven nothing."""
    try:
        yield
    except Exception:  # noqa: BLE001 - it is told with its traceback, and the verdict is unknown
        reasons.append(f"{what} crashed:\n{traceback.format_exc()}")


def _bounded(reasons: list[str]) -> list[str]:
    rest = len(reasons) - _MANY
    return reasons if rest <= 0 else [*reasons[:_MANY], f"and {rest:,} more"]
