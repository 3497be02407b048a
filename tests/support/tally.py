"""Says at the end of every run what ran, suite by suite. Where ``CI`` is set a run with a hole fails.

A hole is whatever a green run may hide: a skip, an expected failure, a test that was deselected or ran again,
and, in a run that names no test, a suite that has none.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import pytest

SUITES = ("tests/unit", "tests/contract", "tests/simulation", "tests/api", "tests/acceptance")
HOLES = ("skipped", "xfailed", "xpassed", "rerun", "deselected")
KINDS = ("passed", "failed", "errors", *HOLES)


class Hole(NamedTuple):
    """What a green run would hide."""

    kind: str
    name: str
    reason: str


class Tally:
    """Counts the reports of one run; with several workers, the controller's, which gets all of them."""

    def __init__(self, config: pytest.Config) -> None:
        """Count nothing yet."""
        self._config = config
        self._counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._begun: set[str] = set()
        self._deselected: set[str] = set()
        self._holes: list[Hole] = []

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Count a module that was skipped as a whole, or could not be read."""
        if not report.passed:
            self._add(kind_of(report), report.nodeid, reason_of(report))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count one phase of a test."""
        if not isinstance(report, pytest.SubtestReport):  # its time is its test's
            self._seconds[suite_of(report.nodeid)] += report.duration
        if report.when == "setup":
            if report.nodeid in self._begun:
                self._add("rerun", report.nodeid, "it was begun again")
            self._begun.add(report.nodeid)
        self._add(kind_of(report), report.nodeid, reason_of(report))

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Note what was left out."""
        self._deselected.update(item.nodeid for item in items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object) -> None:
        """Take over what a worker left out: only workers collect."""
        self._deselected.update(getattr(node, "workeroutput", {}).get("deselected", ()))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail the run when it has a hole and nothing may be left out."""
        output: dict[str, Any] | None = getattr(self._config, "workeroutput", None)
        if output is not None:
            output["deselected"] = sorted(self._deselected)
            return
        for name in sorted(self._deselected):
            self._add("deselected", name, left_out_by(self._config))
        if session.exitstatus == pytest.ExitCode.OK:
            self._holes += self._empty_suites()
            if self._holes and os.environ.get("CI"):
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table, and where nothing may be left out, each hole."""
        terminalreporter.section("suites")
        for line in self._table():
            terminalreporter.write_line(line)
        if self._holes and os.environ.get("CI"):
            terminalreporter.section("left out: a build server accepts no hole", red=True)
            for hole in self._holes:
                terminalreporter.write_line(f"{hole.kind}: {hole.name}: {hole.reason}", red=True)

    def _add(self, kind: str | None, name: str, reason: str) -> None:
        if kind is not None:
            self._counts[suite_of(name)][kind] += 1
        if kind in HOLES:
            self._holes.append(Hole(kind, name, reason))

    def _empty_suites(self) -> Iterator[Hole]:
        """Name the suites without a test; whoever names tests, or only lists them, wants no others."""
        if self._config.args_source is pytest.Config.ArgsSource.TESTPATHS and not self._config.option.collectonly:
            begun = {suite_of(name) for name in self._begun}
            yield from (Hole("empty", suite, "no test of it ran") for suite in SUITES if suite not in begun)

    def _table(self) -> Iterator[str]:
        rows = [(suite, self._counts[suite], self._seconds[suite]) for suite in in_order(self._counts)]
        rows.append(("all", sum((counts for _, counts, _ in rows), Counter()), sum(spent for *_, spent in rows)))
        widest = max(len(name) for name, *_ in rows)
        yield " ".join([" " * widest, *(f"{kind:>10}" for kind in KINDS), f"{'seconds':>10}"])
        for name, counts, spent in rows:
            yield " ".join([name.ljust(widest), *(f"{counts[kind]:>10}" for kind in KINDS), f"{spent:>10.1f}"])


def pytest_configure(config: pytest.Config) -> None:
    """Count this run."""
    config.pluginmanager.register(Tally(config))


def in_order(found: Iterable[str]) -> list[str]:
    """Give the suites, also those that had no test, and what else was found."""
    return [*SUITES, *sorted(set(found) - set(SUITES))]


def suite_of(name: str) -> str:
    """Give the suite of a test or a module: the first two parts of its path."""
    return "/".join(name.partition("::")[0].split("/")[:2])


def kind_of(report: pytest.CollectReport | pytest.TestReport) -> str | None:
    """Tell what a report counts as; ``None`` for what went well before and after a test, and for a part of it."""
    if hasattr(report, "wasxfail"):
        return "xfailed" if report.skipped else "xpassed"
    if report.skipped:
        return "skipped"
    if report.failed:
        return "failed" if report.when == "call" else "errors"
    return "passed" if report.when == "call" and not isinstance(report, pytest.SubtestReport) else None


def reason_of(report: pytest.CollectReport | pytest.TestReport) -> str:
    """Give the words with which a test was skipped or expected to fail."""
    said = getattr(report, "wasxfail", None) or (report.longrepr[2] if isinstance(report.longrepr, tuple) else "")
    return str(said).removeprefix("Skipped: ").removeprefix("reason: ") or "no reason was given"


def left_out_by(config: pytest.Config) -> str:
    """Give the options that deselect."""
    given = {"-m": config.option.markexpr, "-k": config.option.keyword, "--deselect": config.option.deselect}
    return " ".join(f"{flag} {value!r}" for flag, value in given.items() if value) or "by a plugin"
