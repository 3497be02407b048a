"""What has to happen while a fault is on, and whether it did: read from the recording, as clients saw it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from parley.verify.faults import Fault
from parley.verify.operations import NEVER, Operation
from parley.verify.reading import read_recording

LONG_S: Final = 2.0
"""Of a shorter fault nothing is asked but that it answers in time."""
_SECOND_NS: Final = 10**9
_CREATES: Final = ("post", "create_chat")
_CHANGES: Final = ("edit", "delete", "delete_chat")
_READS: Final = ("get", "count", "search", "list")
_SEVERAL: Final = "list"
"""An operation of several requests: how long it takes is no answer's time."""
_UNAVAILABLE: Final = 503


class Must(NamedTuple):
    """What must begin in each long fault, or nothing is proven; and what must hold in it, or a promise is broken."""

    creates: int = 50
    reads: int = 50
    changes: int = 20
    acknowledged: int = 0
    """Creates that begin in it and are acknowledged."""
    slowest_s: float = 7.5
    """Every answer: what is promised is 5 s, and the machine is full."""
    told_s: float | None = None
    """Within this time of the fault's begin a create is told of it: 503, or an answer that is marked."""


class Held(NamedTuple):
    """What a run shows of its faults."""

    unmet: list[str]
    """Why nothing is proven."""
    broken: list[str]
    """What did not hold."""


def hold_against(must: Must, folder: Path) -> Held:
    """Hold a recording against what must be."""
    recording = read_recording(folder, lambda *_: None)
    asked = [each for each in recording.operations if each.f != "final"]
    unmet: list[str] = []
    broken: list[str] = []
    for fault in recording.faults.all:
        here = [each for each in asked if fault.on_ns <= each.begin_ns < fault.off_ns]
        if fault.off_ns - fault.on_ns >= LONG_S * _SECOND_NS:
            unmet += _unmet(must, fault, here)
            broken += _missing(must, fault, here)
        broken += _late(must, fault, asked)
    return Held(unmet, broken)


def _unmet(must: Must, fault: Fault, here: Sequence[Operation]) -> Iterator[str]:
    for what, kinds, least in (
        ("creates", _CREATES, must.creates), ("reads", _READS, must.reads), ("changes", _CHANGES, must.changes),
    ):  # fmt: skip
        count = sum(each.f in kinds for each in here)
        if count < least:
            yield f"{fault.name}: {count} {what} began in it, and {least} are the least"


def _missing(must: Must, fault: Fault, here: Sequence[Operation]) -> Iterator[str]:
    count = sum(each.f in _CREATES and each.is_ok and each.end_ns < fault.off_ns for each in here)
    if count < must.acknowledged:
        yield f"{fault.name}: {count} creates were acknowledged in it, and {must.acknowledged} are the least"


def _late(must: Must, fault: Fault, asked: Sequence[Operation]) -> Iterator[str]:
    met = [each for each in asked if each.begin_ns < fault.off_ns and each.heard_ns >= fault.on_ns]
    for each in met:
        took_s = (each.heard_ns - each.begin_ns) / _SECOND_NS
        if each.f != _SEVERAL and each.heard_ns != NEVER and took_s > must.slowest_s:
            yield f"{fault.name}: {each.name} was answered after {took_s:.1f} s ({each.http or 'never'})"
    if must.told_s is not None:
        told = [each.heard_ns - fault.on_ns for each in met if each.f in _CREATES and _tells(each)]
        took_s = min(told, default=NEVER) / _SECOND_NS
        if took_s > must.told_s:
            yield f"{fault.name}: it was told after {took_s:.1f} s, and {must.told_s} s is the most"


def _tells(operation: Operation) -> bool:
    return operation.http == _UNAVAILABLE or bool(operation.degraded)
