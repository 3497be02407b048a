"""Controls: every broken build with the cell or the test that has to catch it, and what became of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from benchmarks.suite.commit import Commit
from benchmarks.suite.results import Record, Results
from parley.verify.checks.counts import COUNTS
from parley.verify.checks.duplicates import DUPLICATE
from parley.verify.checks.gaps import GAPS
from parley.verify.checks.lost import LOST
from parley.verify.checks.phantoms import PHANTOM
from parley.verify.checks.reused import REUSED
from parley.verify.checks.searches import SEARCH
from parley.verify.checks.tenants import TENANT
from parley.verify.checks.walks import WALK
from tests.faults.attempts import Attempt, Checked, Control, Proven
from tests.faults.builds import embedded, server
from tests.faults.judged import Stage
from tests.faults.report import table

TRIES: Final = 3

_SQLITE_PROOF: Final = (
    "tests/acceptance/test_sync.py::test_client_finds_every_201_when_the_power_was_cut_under_both_services[full]"
)
_REDIS_PROOF: Final = "tests/acceptance/test_fleet_honesty.py::test_no_answer_leaves_before_the_log_is_synced"

CONTROLS: Final[Mapping[str, Control]] = {
    control.build.name: control
    for control in (
        Checked(embedded.ACK_FIRST, "f2-embedded-kill", (LOST, REUSED)),
        Checked(embedded.NUMBER_APART, "f2-embedded-kill", (GAPS,)),
        Checked(server.TRIM_FIRST, "f8-server-ill", (LOST, GAPS)),
        Checked(server.NO_NUMBER, "f12-server-twice", (WALK, COUNTS)),
        Checked(embedded.NO_KEY, "f15-embedded-answers", (DUPLICATE,)),
        Checked(server.IGNORE, "f13-server-poison", (COUNTS, REUSED)),
        Checked(server.FROM_HIGHEST, "f5-server-flush", (REUSED,)),
        Checked(server.STORED_FIRST, "f5-server-flush", (LOST,)),
        Checked(embedded.NO_TENANT, "f11-embedded-clock", (TENANT,)),
        Proven(embedded.NO_SYNC, _SQLITE_PROOF, r"assert \(\d+ > 0\) == \('full' == 'normal'"),
        Proven(server.NO_SYNC, _REDIS_PROOF, r"where False = any\("),
        Checked(embedded.NO_TOMBSTONE, "f11-embedded-clock", (SEARCH,)),
        Checked(embedded.NO_EDIT, "f11-embedded-clock", (SEARCH,)),
        Checked(embedded.NO_HITS, "f11-embedded-clock", (SEARCH,)),
        Checked(embedded.HALF_BULK, "f2-embedded-kill", (PHANTOM,)),
    )
}


class ControlResults(Results):
    """One file a build, beside those of the cells."""

    def __init__(self, faults: Path, commit: Commit) -> None:
        """Look below ``faults``."""
        super().__init__(faults, commit, "full")
        self.folder /= "controls"


def control(it: Control, stage: Stage, seed: int) -> Mapping[str, Any]:
    """Run a build with one seed after the other until it is caught, three times at most."""
    attempts: list[Attempt] = []
    while len(attempts) < TRIES and not (attempts and attempts[-1].caught_by):
        attempts.append(it.attempt(stage, seed + len(attempts)))
    return {"attempts": msgspec.to_builtins(attempts)}


def is_caught(record: Record) -> bool:
    """Tell whether the last run of a build was caught."""
    attempts = record.result.get("attempts", [])
    return bool(attempts and attempts[-1]["caught_by"])


def render(records: Iterable[Record]) -> str:
    """Write Markdown."""
    head = ("build", "what it forgets", "taken away besides", "who has to notice", "caught in run", "by", "seconds")
    by_name = {record.cell: record for record in records}
    shown = [by_name[name] for name in CONTROLS if name in by_name]
    return "\n".join([*table(head, map(_row, shown)), "", *(line for each in shown for line in _details(each))]) + "\n"


def _row(record: Record) -> tuple[object, ...]:
    it, attempts = CONTROLS[record.cell], record.result.get("attempts", [])
    caught = str(len(attempts)) if is_caught(record) else "**not caught**"
    by = ", ".join(attempts[-1]["caught_by"]) if attempts else record.why
    who = it.judge.rpartition("/")[2].replace("::", ": ")
    return it.build.name, it.build.forgets, it.build.walls or "–", f"`{who}`", caught, by or "–", record.seconds


def _details(record: Record) -> Iterable[str]:
    for attempt in record.result.get("attempts", []):
        found = ", ".join(f"{check} {count}" for check, count in attempt["found"].items())
        yield f"- {record.cell}, seed {attempt['seed']}: {attempt['state']}; {found or attempt['first']}"
        if found and attempt["first"]:
            yield f"  - {attempt['first']}"
