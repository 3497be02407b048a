"""The wide matrix of engines: `make test-matrix` runs on each the suites that concern it, two at a time.

A line is green if all its tests passed and its very engines said their versions; a skip, a missing engine or no test
at all is not green, and one such line fails the command. Arguments name other lines: ``redis mariadb mysql@sid+redis``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple
from xml.etree import ElementTree as ET

from rich.console import Console
from rich.table import Table

from tests.support.engines.chosen import VARIABLE
from tests.support.engines.fixtures import SAID

OUTPUT: Final = Console(markup=False, highlight=False, soft_wrap=True, width=120)
ROOT: Final = Path(__file__).parents[2]
LINES: Final = (
    "mysql@sid",
    "elasticsearch@7.10.2.0",
    "opensearch@3.8.0.0",
    "valkey@trixie",
    "redis@trixie",
    "valkey@trixie+mysql@sid+elasticsearch@7.10.2.0",
)
"""All but what `make test` runs; the last is a fleet on three of them together."""

_LOG = ("tests/contract/test_redis_*.py", "tests/contract/test_persisting.py")
_DATABASE = ("tests/contract/mysql", "tests/contract/test_persisting.py")
_SEARCH = ("tests/contract/test_opensearch*.py", "tests/contract/test_renewal.py", "tests/contract/test_search.py")
_FLEET = ("tests/acceptance/test_fleet.py",)
_SUITES: Final = {
    "redis": _LOG,
    "valkey": _LOG,
    "mariadb": _DATABASE,
    "mysql": _DATABASE,
    "opensearch": _SEARCH,
    "elasticsearch": _SEARCH,
}


class Outcome(NamedTuple):
    """What a line came to."""

    suites: Sequence[str]
    versions: Sequence[str]
    """As the servers themselves say."""
    passed: int
    is_green: bool


def run(line: str) -> Outcome:
    """Run the suites of a line: one engine, or several joined by ``+``."""
    engines = line.split("+")
    suites = _FLEET if len(engines) > 1 else _SUITES[line.partition("@")[0]]
    files = [str(path) for suite in suites for path in sorted(ROOT.glob(suite))]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-n0", f"--junit-xml={report}", "-k", "not sqlite", *files]
        env = {**os.environ, "CI": "true", VARIABLE: " ".join(engines)}
        done = subprocess.run(
            command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        OUTPUT.print(f"{line}\n{done.stdout}")
        return judge(report, done.returncode, suites, {name.partition("@")[0] for name in engines})


def judge(report: Path, code: int, suites: Sequence[str], products: set[str]) -> Outcome:
    """Read what pytest says of a run; a test that was expected to fail counts as skipped there."""
    (suite,) = ET.parse(report).getroot()  # noqa: S314 - written by our own pytest
    versions = [each.attrib["value"] for each in suite.iter("property") if each.attrib["name"] == SAID]
    others = sum(int(suite.attrib[kind]) for kind in ("failures", "errors", "skipped"))
    answered = {version.partition(" ")[0].lower() for version in versions}
    return Outcome(
        suites, versions, int(suite.attrib["tests"]) - others, code == 0 and not others and products <= answered
    )


def main() -> int:
    """Run what the arguments name, by default all, and show the table."""
    table = Table("engine", "version as it says itself", "suites", "passed", "", title="The matrix of engines")
    lines = sys.argv[1:] or LINES
    with ThreadPoolExecutor(2) as pool:
        outcomes = dict(zip(lines, pool.map(run, lines), strict=True))
    for line, outcome in outcomes.items():
        verdict = "green" if outcome.is_green else "NOT GREEN"
        table.add_row(
            line.replace("+", "\n"),
            "\n".join(outcome.versions),
            "\n".join(outcome.suites),
            f"{outcome.passed}",
            verdict,
        )
    OUTPUT.print(table)
    return 0 if all(outcome.is_green for outcome in outcomes.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
