"""The audit of what is pinned: a vulnerability is told, and what was not looked up never passes for clean."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pytest

from tests.support.audit import CLEAN, LOCK, NOT_AUDITED, VULNERABLE, MissedError, Report, judge, look_up, pinned

DESK: dict[str, str] = {}
CI = {"CI": "true"}
ACCEPTED = {"CI": "true", "PARLEY_AUDIT": "optional"}
FOUND = {"name": "a", "version": "1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2"], "aliases": []}]}
FINE = {"name": "b", "version": "1", "vulns": []}
SKIPPED = {"name": "c", "skip_reason": "Dependency not found on PyPI and could not be audited: c (1)"}


def answering(*dependencies: Mapping[str, object]) -> Report:
    """Look up as many packages as are answered for."""
    return look_up([["x==1"] * len(dependencies)], lambda _: json.dumps({"dependencies": dependencies, "fixes": []}))


def unreachable(pins: Sequence[str]) -> str:
    """Reach nobody."""
    raise MissedError(f"no route to host for {len(pins)}")


def test_the_lock_is_read_whole() -> None:
    """Every package from an index, each version of it; and no list has a name twice, which pip-audit refuses."""
    rounds = pinned(LOCK)

    pins = [pin for each in rounds for pin in each]
    assert len(pins) == LOCK.read_text("utf-8").count("\nsource = { registry = ") > 50
    assert any(pin.startswith("httptools==") for pin in pins)
    for each in rounds:
        assert len({pin.partition("==")[0] for pin in each}) == len(each)


@pytest.mark.parametrize("environment", [DESK, CI, ACCEPTED])
def test_a_vulnerability_fails_everywhere(environment: dict[str, str]) -> None:
    """It is named with what mends it, also when something else was not looked up."""
    for report in (answering(FINE, FOUND), answering(SKIPPED, FOUND)):
        code, lines = judge(report, environment)

        assert code == VULNERABLE
        assert lines[0] == "a 1: PYSEC-1, mended in 2"


@pytest.mark.parametrize("environment", [DESK, CI, ACCEPTED])
def test_a_whole_audit_passes(environment: dict[str, str]) -> None:
    """It says how many were looked up."""
    assert judge(answering(FINE, FINE), environment) == (
        CLEAN, ["audited: no known vulnerability in 2 pinned packages"],
    )  # fmt: skip


@pytest.mark.parametrize(
    "report",
    [
        answering(FINE, SKIPPED),
        look_up([["x==1"]], unreachable),
        look_up([["x==1"]], lambda _: "Traceback"),
        look_up([["x==1", "y==1"]], lambda _: json.dumps({"dependencies": [FINE]})),
        look_up([["x==1"]], lambda _: "{}"),
    ],
    ids=["a package is unknown", "nobody is reached", "no JSON", "one is left out", "no dependencies"],
)
def test_what_was_not_looked_up_is_said_and_fails_where_nothing_may_be_left_out(report: Report) -> None:
    """pip-audit itself says "No known vulnerabilities found" of packages that its service does not know."""
    for environment, expected in ((DESK, CLEAN), (CI, NOT_AUDITED), (ACCEPTED, CLEAN)):
        code, lines = judge(report, environment)

        assert code == expected
        assert lines[-1].startswith("not audited: ")
