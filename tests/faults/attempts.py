"""One run of a broken build, and whether those noticed who have to: a check of the histories, or a test."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple, Protocol
from xml.etree import ElementTree as ET

import msgspec

from tests.faults.builds.build import Build, environment
from tests.faults.cells import CELLS
from tests.faults.judged import Stage

_LIMIT_S: Final = 240.0
"""A build may be so broken that its clients wait for ever."""

_ROOT: Final = Path(__file__).parents[2]


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one run."""

    seed: int
    caught_by: list[str]
    """Of those who have to notice, who did."""
    state: str
    """The verdict, or why there is none."""
    found: dict[str, int] = {}
    """Findings by check, of every check that has any."""
    first: str = ""
    """What was noticed first."""
    seconds: float


class Control(Protocol):
    """A broken build, and who has to notice."""

    @property
    def build(self) -> Build:
        """Give the build."""

    @property
    def judge(self) -> str:
        """Name the cell, or the test."""

    @property
    def budget_s(self) -> int:
        """Say how long a run takes at most, about."""

    def attempt(self, stage: Stage, seed: int) -> Attempt:
        """Run the build once."""


class Checked(NamedTuple):
    """The history checker has to notice, by one of some checks; what others find is no catch."""

    build: Build
    judge: str
    checks: tuple[str, ...]

    @property
    def budget_s(self) -> int:
        """Take as long as the cell."""
        return CELLS[self.judge].budget_s

    def attempt(self, stage: Stage, seed: int) -> Attempt:
        """Run the cell on the build."""
        cell, began = CELLS[self.judge], time.monotonic()
        cell = cell._replace(needs=cell.needs._replace(build=self.build.name))
        try:
            judged = stage.try_out(cell, seed, _LIMIT_S)
        except Exception as error:  # noqa: BLE001 - a broken build may end in any way: that is told, and no catch
            return Attempt(seed=seed, caught_by=[], state=f"no verdict: {error!r}", seconds=_since(began))
        found = {check: count for check, count in judged.checks.items() if count}
        named = [check for check in self.checks if check in found and judged.state == "invalid"]
        first = next((finding["what"] for finding in judged.findings if finding["check"] in named), "")
        seconds = _since(began)
        return Attempt(seed=seed, caught_by=named, state=judged.state, found=found, first=first, seconds=seconds)


class Proven(NamedTuple):
    """A test that proves the contrary has to fail, and where it asserts that."""

    build: Build
    judge: str
    says: str
    """What its failure says, as a pattern."""
    budget_s: int = 60

    def attempt(self, stage: Stage, seed: int) -> Attempt:
        """Run the test on the build; it has a seed of its own."""
        del stage
        began = time.monotonic()
        with TemporaryDirectory() as folder:
            report = Path(folder) / "report.xml"
            subprocess.run(
                [sys.executable, "-m", "pytest", "-n0", "-p", "no:cacheprovider", f"--junitxml={report}", self.judge],
                env={**os.environ, **environment(self.build.name)}, cwd=_ROOT,
                capture_output=True, timeout=_LIMIT_S, check=False,
            )  # fmt: skip
            (case,) = ET.parse(report).iter("testcase")  # noqa: S314 - pytest wrote it
        failure, error = case.find("failure"), case.find("error")
        said = "" if failure is None else failure.get("message", "")
        named = ["proof of sync"] if re.search(self.says, said) else []
        state = "passed" if failure is None and error is None else "failed"
        first = said.partition("\n")[0]
        return Attempt(seed=seed, caught_by=named, state=state, first=first, seconds=_since(began))


def _since(began: float) -> float:
    return round(time.monotonic() - began, 1)
