"""What a cell asks of a fault is asked of what clients saw: too few who met it, too few creates, answers too late."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from parley.verify.history import MANIFEST, Event, Manifest
from tests.faults.must import Held, Must, hold_against

_S = 10**9
_LOOSE = Must(creates=0, reads=0, changes=0)


def held(folder: Path, must: Must, *operations: dict[str, Any], lasts_s: float = 10) -> Held:
    """Hold operations against what must be; each begins at ``at`` and takes ``took`` seconds; the fault begins at 0."""
    lines = [
        Event(p=1, i=0, t="ok", f="fault_on", ns=0, svc="away"),
        Event(p=1, i=1, t="ok", f="fault_off", ns=int(lasts_s * _S), svc="away"),
    ]
    for p, operation in enumerate(operations, 2):
        at, took, t = operation.pop("at", 1), operation.pop("took", 0), operation.pop("t", "ok")
        said = {"p": p, "i": 0, "f": "post", "app": "a", "chat": 1, **operation}
        lines += [
            Event(t="invoke", ns=int(at * _S), **said),
            Event(t=t, ns=int((at + took) * _S), **said),
        ]
    (folder / "clients.jsonl").write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    (folder / MANIFEST).write_bytes(msgspec.json.encode(Manifest()))
    return hold_against(must, folder)


@pytest.mark.parametrize(("kind", "must"), [
    ("post", _LOOSE._replace(creates=2)),
    ("search", _LOOSE._replace(reads=2)),
    ("delete", _LOOSE._replace(changes=2)),
])  # fmt: skip
def test_fault_is_met_by_what_begins_in_it(tmp_path: Path, kind: str, must: Must) -> None:
    """What began before it, or after it, has not seen it."""
    inside, before, after = {"f": kind}, {"f": kind, "at": -1, "took": 3}, {"f": kind, "at": 11}

    enough = held(tmp_path, must, dict(inside), dict(inside))
    too_few = held(tmp_path, must, dict(inside), before, after)

    assert enough == Held([], [])
    assert len(too_few.unmet) == 1
    assert not too_few.broken


def test_nothing_need_begin_in_a_short_fault(tmp_path: Path) -> None:
    """A kill is over at once."""
    assert held(tmp_path, Must(acknowledged=9), lasts_s=1) == Held([], [])


def test_creates_have_to_go_on(tmp_path: Path) -> None:
    """A product that answers 503 throughout keeps every promise but this one."""
    refused, done = {"t": "fail", "http": 503}, {"http": 201}

    assert held(tmp_path, _LOOSE._replace(acknowledged=1), dict(refused)).broken
    assert not held(tmp_path, _LOOSE._replace(acknowledged=1), refused, done).broken


def test_answers_have_to_come_in_time(tmp_path: Path) -> None:
    """Between the product's five seconds and the client's twelve is nothing that is promised."""
    assert held(tmp_path, _LOOSE, {"took": 8, "http": 201}).broken
    assert held(tmp_path, _LOOSE, {"took": 12, "t": "info"}).broken
    assert not held(tmp_path, _LOOSE, {"took": 5, "http": 201}, {"f": "list", "took": 9}).broken


def test_a_create_has_to_be_told_of_the_fault(tmp_path: Path) -> None:
    """That the log is away is said by 503, or by a mark."""
    must = _LOOSE._replace(told_s=2.0)

    assert held(tmp_path, must, {"http": 201}).broken
    assert held(tmp_path, must, {"http": 503, "t": "fail", "at": 3}).broken
    assert not held(tmp_path, must, {"http": 503, "t": "fail"}).broken
    assert not held(tmp_path, must, {"http": 201, "degraded": ("numbering",)}).broken
