"""One cell, run several times, and what the checker says of each recording."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from parley.verify.findings import Finding
from parley.verify.verdict import Verdict, verify
from tests.faults.cells import RUNS, Cell
from tests.faults.embedded import EmbeddedSite
from tests.faults.must import Held, hold_against
from tests.faults.run import Plan, run
from tests.faults.server import ServerSite
from tests.faults.site import Site
from tests.support.engines.opensearch import OpenSearchServer

CLEAN: Final = "clean"
_FINDINGS: Final = 10
"""Of each check."""

State = Literal["valid", "invalid", "unknown"]


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of one run beside its recording."""

    seed: int
    state: State
    reasons: list[str]
    checks: dict[str, int]
    findings: list[dict[str, Any]]
    told: dict[str, Any]
    totals: dict[str, Any]
    felt: list[dict[str, Any]]
    seconds: float


class Stage:
    """Where cells are run, and their recordings judged."""

    def __init__(self, commit: str, histories: Path, opensearch: Callable[[], OpenSearchServer]) -> None:
        """Name the commit, where recordings are kept, and who gives a running OpenSearch."""
        self._commit = commit
        self._histories = histories
        self._opensearch = opensearch

    def play(self, cell: Cell, seeds: Iterator[int], runs: int = RUNS) -> list[Judged]:
        """Run a cell on one site, so many times with other seeds.

        Raises:
            AssertionError: the fault did not come about as meant, or the site's processes failed in a way of their own.
        """
        with self._site(cell) as site:
            judged = [self._judge(cell, site, next(seeds)) for _ in range(runs)]
            assert "Traceback" not in site.log_text(), f"a process failed: {_around(site.log_text(), 'Traceback')}"
        return judged

    def try_out(self, cell: Cell, seed: int, limit_s: float) -> Judged:
        """Run a cell once, on a broken build: its processes may fail as they like.

        Raises:
            TimeoutError: it did not come to its end.
            AssertionError: the fault did not come about as meant.
        """
        with self._site(cell) as site:
            return self._judge(cell, site, seed, limit_s)

    def _judge(self, cell: Cell, site: Site, seed: int, limit_s: float | None = None) -> Judged:
        history = self._histories / (cell.needs.build or cell.file) / str(seed)
        shutil.rmtree(history, ignore_errors=True)
        began = time.monotonic()
        plan = Plan(
            cell.title, cell.nemesis, cell.level, seed, self._commit, cell.swallows, waits=cell.waits, must=cell.must
        )
        told = asyncio.run(asyncio.wait_for(run(site, plan, history), limit_s))
        return judge(verify(history), hold_against(plan.must, history), told, seed, time.monotonic() - began)

    @contextmanager
    def _site(self, cell: Cell) -> Iterator[Site]:
        folder = Path(tempfile.mkdtemp(prefix="faults-"))
        try:
            with self._open(cell, folder) as site:
                yield site
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _open(self, cell: Cell, folder: Path) -> AbstractContextManager[EmbeddedSite | ServerSite]:
        if cell.profile == "embedded":
            return EmbeddedSite(folder, cell.needs)
        return ServerSite(folder, self._opensearch(), cell.needs)


def judge(verdict: Verdict, held: Held, told: dict[str, Any], seed: int, seconds: float) -> Judged:
    """Put together what the checker, the cell and ``parley check`` say."""
    wrong = [*held.broken, *told.get("wrong", [])]
    if told["check"] != CLEAN:
        wrong.append(f"parley check differs: {told['check']}")
    state: State = verdict.state
    if wrong:
        state = "invalid"
    elif held.unmet and state == "valid":
        state = "unknown"
    reasons = [*verdict.reasons, *wrong, *held.unmet]
    return Judged(
        seed=seed, state=state, reasons=reasons, checks=verdict.checks,
        findings=[msgspec.to_builtins(finding) for finding in _some_of_each(verdict.findings)],
        told=told, totals=msgspec.to_builtins(verdict.totals) or {},
        felt=[msgspec.to_builtins(felt) for felt in verdict.availability], seconds=round(seconds, 1),
    )  # fmt: skip


def _some_of_each(findings: Iterable[Finding]) -> Iterator[Finding]:
    seen: Counter[str] = Counter()
    for finding in findings:
        seen[finding.check] += 1
        if seen[finding.check] <= _FINDINGS:
            yield finding


def _around(text: str, word: str) -> str:
    at = text.index(word)
    return text[max(0, at - 500) : at + 2_000]
