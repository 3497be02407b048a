"""``parley check``: compares what must agree, and names every place where it does not."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from parley.cli.index_check import INDEX_CHECK, INDEX_SENTENCE, IndexCheck, open_index_check
from parley.cli.progress import Meter
from parley.cli.settings import FILES, takes_settings
from parley.cli.tables import print_table
from parley.config import Settings
from parley.storage.port import Audit, Difference
from parley.telemetry.clock import SystemClock

Json = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON instead of a table.")]
Limit = Annotated[int, Parameter(name="--limit", help="Differences printed of each check; all are counted.")]


@takes_settings(*FILES)
def check(settings: Settings, *, as_json: Json = False, limit: Limit = 20) -> int:
    """Compare numbers, grants, counts, times, positions, changes, gaps, keys, dead letters and the index with the rows.

    Reads one snapshot and writes nothing: it may run beside any number of processes.
    It takes files and servers alike, and a copy of either. Ends with 1 if anything differs.

    Example: parley check --data-dir ./data
    """
    index = open_index_check(settings.database_url, settings.search_url)
    with closing(index):
        checks = {**index.rows.checks, INDEX_CHECK: INDEX_SENTENCE}
        counted: Counter[str] = Counter()
        kept: list[Difference] = []
        for difference in _differences(index.rows, index):
            counted[difference.check] += 1
            if counted[difference.check] <= limit:
                kept.append(difference)
    if as_json:
        _print_json(checks, counted, kept, index.note)
    else:
        _print_table(checks, counted, kept, index.note)
    return 1 if counted else 0


def _differences(rows: Audit, index: IndexCheck) -> Iterator[Difference]:
    clock = SystemClock().monotonic
    with Meter("chats", rows.chats(), clock) as meter:
        yield from rows.compare(lambda done: meter.show(done, done))
    with Meter("messages of the index", None, clock) as meter:
        yield from index.compare(lambda done: meter.show(done, done))


def _print_table(checks: dict[str, str], counted: Counter[str], kept: list[Difference], note: str | None) -> None:
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


def _print_json(checks: dict[str, str], counted: Counter[str], kept: list[Difference], note: str | None) -> None:
    told: dict[str, Any] = {
        "ok": not counted,
        "checks": {name: counted[name] for name in checks},
        "differences": [difference._asdict() for difference in kept],
    }
    if note is not None:
        told["index_lag"] = note
    sys.stdout.write(f"{msgspec.json.encode(told).decode()}\n")
