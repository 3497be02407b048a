"""``parley check``: compares what must agree, and names every place where it does not."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from cyclopts import Parameter

from parley.cli.confirming import Yes, confirm
from parley.cli.index_check import INDEX_CHECK, INDEX_SENTENCE, IndexCheck, open_index_check
from parley.cli.progress import Meter
from parley.cli.repairing import carry_out, plan_repair
from parley.cli.settings import FILES, takes_settings
from parley.cli.tables import print_table
from parley.config import Settings
from parley.storage.port import Audit, Difference
from parley.telemetry.clock import SystemClock
from parley.telemetry.logs import configure_logs

Json = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON instead of a table.")]
Repair = Annotated[bool, Parameter(name="--repair", negative="", help="Make right what the rows say.")]
ExplainGaps = Annotated[
    bool,
    Parameter(name="--explain-gaps", negative="", help="Let --repair --yes give up numbers that nothing explains."),
]
Limit = Annotated[int, Parameter(name="--limit", help="Differences printed of each check; all are counted.")]

MOST_REMEDIED: Final = 100_000
"""Differences that one repair takes; the next takes more."""


@takes_settings(*FILES, "log_url", "log_durability", "key_ttl_s", "log_level", "log_format")
def check(  # noqa: PLR0913 - what an operator may say
    settings: Settings,
    *,
    as_json: Json = False,
    limit: Limit = 20,
    repair: Repair = False,
    explain_gaps: ExplainGaps = False,
    yes: Yes = False,
) -> int:
    """Compare numbers, grants, counts, times, positions, changes, gaps, keys, dead letters and the index with the rows.

    Reads one snapshot and writes nothing: it may run beside any number of processes.
    It takes files and servers alike, and a copy of either. Ends with 1 if anything differs.

    With --repair it then says what it can make right, asks, does that, and compares
    again. Servers may be in use meanwhile; the process of an embedded database must
    be stopped. Numbers that nothing explains are given up only with --explain-gaps,
    or when you say so.

    Example: parley check --repair --data-dir ./data
    """
    configure_logs(settings.log_format, settings.log_level, sys.stderr)
    tell = _print_json if as_json else _print_table
    found = _look(settings, limit)
    if repair and found.counted:
        if not as_json:
            tell(found)
        if _repair(settings, found, explain_gaps=explain_gaps, yes=yes):
            found = _look(settings, limit)
        elif not as_json:
            return 1
    tell(found)
    return 1 if found.counted else 0


class _Found(NamedTuple):
    checks: dict[str, str]
    counted: Counter[str]
    kept: list[Difference]
    """The first of each check."""
    remedied: list[Difference]
    """Those that something can be done about."""
    note: str | None


def _look(settings: Settings, limit: int) -> _Found:
    index = open_index_check(settings.database_url, settings.search_url)
    with closing(index):
        checks = {**index.rows.checks, INDEX_CHECK: INDEX_SENTENCE}
        found = _Found(checks, Counter(), [], [], None)
        for difference in _differences(index.rows, index):
            found.counted[difference.check] += 1
            if found.counted[difference.check] <= limit:
                found.kept.append(difference)
            if difference.remedy is not None and len(found.remedied) < MOST_REMEDIED:
                found.remedied.append(difference)
        return found._replace(note=index.note)


def _repair(settings: Settings, found: _Found, *, explain_gaps: bool, yes: bool) -> bool:
    """Say what can be done and do it, if that is wanted; ``False``: nothing was."""
    plan = plan_repair(found.counted, found.remedied)
    plan.tell()
    certain = plan.is_certain and confirm("Repair what the rows say?", yes=yes)
    explain = bool(plan.missing) and (explain_gaps or not yes)
    if explain:
        explain = confirm("Give these numbers up for ever, in the gap ledger?", yes=yes)
    if not certain and not explain:
        return False
    carry_out(settings, plan if certain else plan.of_missing(), explain=explain)
    return True


def _differences(rows: Audit, index: IndexCheck) -> Iterator[Difference]:
    clock = SystemClock().monotonic
    with Meter("chats", rows.chats(), clock) as meter:
        yield from rows.compare(lambda done: meter.show(done, done))
    with Meter("messages of the index", None, clock) as meter:
        yield from index.compare(lambda done: meter.show(done, done))


def _print_table(found: _Found) -> None:
    checks, counted, kept, _, note = found
    rows = []
    for name, sentence in checks.items():
        lag = note if name == INDEX_CHECK else None
        word = "differs" if counted[name] else "lag" if lag else "ok"
        told = f"{sentence}; {lag}" if lag else sentence
        rows.append((name, word, f"{counted[name]:,}" if counted[name] else "", told))
    print_table(("check", "result", "differences", "what is compared"), rows)
    shown: Counter[str] = Counter()
    for difference in kept:
        shown[difference.check] += 1
        sys.stdout.write(f"{difference.check}: {difference.where}: {difference.what}\n")
    for name, count in counted.items():
        if count > shown[name]:
            sys.stdout.write(f"{name}: {count - shown[name]:,} more; see them with --limit {count}\n")


def _print_json(found: _Found) -> None:
    checks, counted, kept, _, note = found
    told: dict[str, Any] = {
        "ok": not counted,
        "checks": {name: counted[name] for name in checks},
        "differences": [{"check": each.check, "where": each.where, "what": each.what} for each in kept],
    }
    if note is not None:
        told["index_lag"] = note
    sys.stdout.write(f"{msgspec.json.encode(told).decode()}\n")
