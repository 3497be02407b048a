"""What a run says of itself at its end, and that a build server accepts no run with a hole."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.tally import KINDS, SUITES

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[3]
TWICE = """
from _pytest.runner import runtestprotocol

def pytest_runtest_protocol(item, nextitem):
    if "twice" in item.name:
        runtestprotocol(item, nextitem=nextitem)
"""
"""What a plugin does that runs a test again; the second time is pytest's own."""

WELL = "def test_well(): pass\n"
HOLES = {
    "skipped": "import pytest\n@pytest.mark.skip('no such server')\ndef test_it(): pass",
    "skipped whole": "import pytest\npytest.skip('no such server', allow_module_level=True)",
    "skipped part": """
import pytest
def test_it(subtests):
    with subtests.test(): pass
    with subtests.test(): pytest.skip('no such server')
""",
    "xfailed": "import pytest\n@pytest.mark.xfail(reason='a bug')\ndef test_it(): assert False",
    "xpassed": "import pytest\n@pytest.mark.xfail(reason='a bug')\ndef test_it(): pass",
    "rerun": "def test_twice(): pass",
    "deselected": "def test_other(): pass",
}
SAID = {
    "skipped": "skipped: tests/api/test_hole.py::test_it: no such server",
    "skipped whole": "skipped: tests/api/test_hole.py: no such server",
    "skipped part": "skipped: tests/api/test_hole.py::test_it: no such server",
    "xfailed": "xfailed: tests/api/test_hole.py::test_it: a bug",
    "xpassed": "xpassed: tests/api/test_hole.py::test_it: a bug",
    "rerun": "rerun: tests/api/test_hole.py::test_twice: it was begun again",
    "deselected": "deselected: tests/api/test_hole.py::test_other: -k 'not other'",
}
TALLY = ("-p", "tests.support.tally")
LEFT_OUT = "left out: a build server accepts no hole"


class Checkout:
    """A folder with our suites, in each a test that passes."""

    def __init__(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        """Make it; nothing of the surroundings is passed on."""
        self._pytester, self._monkeypatch = pytester, monkeypatch
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # some take seconds
        monkeypatch.delenv("CI", raising=False)
        pytester.makeini("[pytest]\ntestpaths = tests")
        pytester.makeconftest(TWICE)
        for suite in SUITES:
            self.write(f"{suite}/test_well_in_{Path(suite).name}.py", WELL)

    def write(self, path: str, source: str) -> None:
        """Put a module there."""
        (self._pytester.path / path).parent.mkdir(parents=True, exist_ok=True)
        (self._pytester.path / path).write_text(source)

    def remove(self, suite: str) -> None:
        """Take a suite's test away."""
        (self._pytester.path / suite / f"test_well_in_{Path(suite).name}.py").unlink()

    def run(self, *arguments: str, ci: bool, workers: int = 0) -> pytest.RunResult:
        """Run it, on a build server or not; with workers in a process of its own."""
        if ci:
            self._monkeypatch.setenv("CI", "true")
        if workers:
            return self._pytester.runpytest_subprocess(*TALLY, "-p", "xdist", f"-n{workers}", *arguments)
        return self._pytester.runpytest_inprocess(*TALLY, *arguments)


@pytest.fixture
def checkout(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """Give a folder with our suites."""
    return Checkout(pytester, monkeypatch)


def row(run: pytest.RunResult, name: str) -> dict[str, int]:
    """Read one row of the table, without its seconds and what is 0."""
    (found,) = [line.split() for line in run.outlines if re.fullmatch(rf"{name} [ \d.]+", line)]
    assert float(found[-1]) >= 0
    return {kind: int(count) for kind, count in zip(KINDS, found[1:-1], strict=True) if int(count)}


@pytest.mark.parametrize("workers", [0, 2])
def test_a_build_server_accepts_a_run_of_all_suites(checkout: Checkout, workers: int) -> None:
    """Each suite has its row, and the last one is their sum."""
    run = checkout.run(ci=True, workers=workers)

    assert [row(run, suite) for suite in SUITES] == [{"passed": 1}] * len(SUITES)
    assert row(run, "all") == {"passed": len(SUITES)}
    assert LEFT_OUT not in run.stdout.str()
    assert run.ret == pytest.ExitCode.OK


@pytest.mark.parametrize("hole", HOLES)
def test_a_build_server_refuses_a_hole(checkout: Checkout, hole: str) -> None:
    """Each kind alone, named with its reason."""
    checkout.write("tests/api/test_hole.py", HOLES[hole])

    run = checkout.run("-k", "not other", ci=True)

    assert SAID[hole] in run.outlines
    assert row(run, "tests/api")[hole.partition(" ")[0]] == 1
    assert run.ret == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize(("ci", "workers"), [(False, 0), (True, 2)])
def test_workers_hide_no_hole(checkout: Checkout, ci: bool, workers: int) -> None:  # noqa: FBT001 - a parameter
    """With several workers the same is counted, and nothing twice; a laptop accepts it."""
    for name, source in HOLES.items():
        checkout.write(f"tests/api/test_{name.replace(' ', '_')}.py", source)

    run = checkout.run("-k", "not other", ci=ci, workers=workers)

    assert row(run, "tests/api") == {
        "passed": 4, "skipped": 3, "xfailed": 1, "xpassed": 1, "rerun": 1, "deselected": 1,
    }  # fmt: skip
    assert row(run, "tests/unit") == {"passed": 1}
    assert run.stdout.str().count(": tests/api/") == (len(HOLES) if ci else 0)
    assert run.ret == (pytest.ExitCode.TESTS_FAILED if ci else pytest.ExitCode.OK)


def test_a_build_server_misses_a_suite(checkout: Checkout) -> None:
    """In a run that names no test; who names one gets that."""
    checkout.remove("tests/acceptance")

    whole, corner = checkout.run(ci=True, workers=2), checkout.run("tests/unit", ci=True)

    assert "empty: tests/acceptance: no test of it ran" in whole.outlines
    assert (whole.ret, corner.ret) == (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.OK)


def test_what_fails_is_counted_where_it_failed(checkout: Checkout) -> None:
    """In a test, before it, and in a module that cannot be read."""
    checkout.write("tests/api/test_wrong.py", "def test_it(): assert False\ndef test_lacking(nobody): pass")
    checkout.write("tests/contract/test_unreadable.py", "import nothing_like_it")

    run = checkout.run("--continue-on-collection-errors", ci=False)

    assert row(run, "tests/api") == {"passed": 1, "failed": 1, "errors": 1}
    assert row(run, "tests/contract") == {"passed": 1, "errors": 1}
    assert run.ret == pytest.ExitCode.TESTS_FAILED


def test_our_own_suites_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The suites are those of the checkout, and a run of it that leaves something out is refused."""
    monkeypatch.setenv("CI", "true")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-n0",
        "-p",
        "no:cacheprovider",
        "-k",
        "bash",
        "tests/unit/test_house.py",
    ]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    homes = {path.relative_to(ROOT).parts[:2] for path in (ROOT / "tests").rglob("test_*.py")}
    assert {"/".join(home) for home in homes} == set(SUITES)
    assert LEFT_OUT in done.stdout
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
