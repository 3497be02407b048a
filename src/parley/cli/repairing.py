"""What of a check's differences can be recreated from the rows, how, and where to read about the others."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from parley.cli.index_check import INDEX_CHECK
from parley.cli.rebuilding import Rebuilding
from parley.cli.reconcile import look, mend_strays
from parley.cli.servers import open_beside, open_database, refuse_old_schema
from parley.config import Settings
from parley.domain.grants import Partition
from parley.storage.counting import COUNTS_CHECK
from parley.storage.port import Difference, Missing, Scope
from parley.telemetry.clock import SystemClock
from parley.telemetry.files import file_behind

_ELSEWHERE: Final = {
    "integrity": "the files are damaged: parley restore, from a backup",
    "changes": "parley reindex; embedded: stop it, and remove the index file",
    "keys": "they expire by themselves after PARLEY_KEY_TTL_S",
    "letters": "parley dead-letters",
    INDEX_CHECK: "parley reindex; embedded: stop it, and remove the index file",
}
_RUNBOOK: Final = "docs/runbook.md, Differences that nothing repairs"


class Plan(NamedTuple):
    """What a repair does."""

    counts: int
    strays: int
    used: Sequence[Difference]
    """Of scopes that have given more than they say."""
    missing: Sequence[Difference]
    """Of numbers that nothing explains."""
    others: Counter[str]
    """How many of each check stay."""

    @property
    def is_certain(self) -> bool:
        """Whether something can be made right that the rows say."""
        return bool(self.counts or self.strays or self.used)

    def of_missing(self) -> Plan:
        """Leave out all but what nothing explains."""
        return self._replace(counts=0, strays=0, used=())

    def tell(self) -> None:
        """Say it on stderr, for stdout is the comparison's."""
        lines = ["what --repair does:"]
        if self.counts:
            lines.append(f"  counts: {self.counts:,} are set to the live rows")
        if self.strays:
            lines.append(
                f"  index: {self.strays:,} messages are put into it, or taken out; if any stay: parley reindex"
            )
        lines += [f"  numbers: {each.where} is set to go on above what was used ({each.what})" for each in self.used]
        if self.used:
            lines.append("  numbers: on servers each of their partitions begins a new epoch, as rebuild-sequences does")
        lines += [f"  gap ledger, if you say so: {each.where}: {each.what}; given up for ever" for each in self.missing]
        if not self.is_certain and not self.missing:
            lines = ["--repair can do nothing here"]
        for check, count in self.others.items():
            lines.append(f"not repaired: {check}, {count:,}: {_ELSEWHERE.get(check, _RUNBOOK)}")
        sys.stderr.write("".join(f"{line}\n" for line in lines))


def plan_repair(counted: Counter[str], remedied: Sequence[Difference]) -> Plan:
    """Sort what a check found; ``remedied`` are those of its differences that have a remedy."""
    used = list({each.remedy: each for each in remedied if isinstance(each.remedy, Scope)}.values())
    missing = [each for each in remedied if isinstance(each.remedy, Missing)]
    others = counted - Counter(each.check for each in remedied)
    return Plan(others.pop(COUNTS_CHECK, 0), others.pop(INDEX_CHECK, 0), used, missing, others)


def carry_out(settings: Settings, plan: Plan, *, explain: bool) -> None:
    """Do what the plan says; the missing numbers are explained only with ``explain``.

    Raises:
        ConfigurationError: a process owns the embedded database, or too much is wrong with the index.
    """
    refuse_old_schema(settings)
    scopes = [each.remedy for each in plan.used if isinstance(each.remedy, Scope)]
    missing = [each.remedy for each in plan.missing if isinstance(each.remedy, Missing)] if explain else []
    if scopes and file_behind(settings.database_url) is None:
        asyncio.run(_write_beside_log(settings, scopes, missing))
    else:
        asyncio.run(_write(settings, scopes, missing))
    if plan.counts or plan.strays:
        found = look(settings, 0, repair=True)
        if found.strays:
            asyncio.run(mend_strays(settings, found.strays))


async def _write(settings: Settings, scopes: Sequence[Scope], missing: Sequence[Missing]) -> None:
    async with open_database(settings, SystemClock()) as database:
        for scope in scopes:
            await database.ledger.settle(scope)
        for each in missing:
            await database.ledger.explain(each)


async def _write_beside_log(settings: Settings, scopes: Sequence[Scope], missing: Sequence[Missing]) -> None:
    """Write only where the log answers: an epoch that begins later is one that a repetition would not ask for."""
    clock = SystemClock()
    async with open_beside(settings, clock) as beside:
        await _write(settings, scopes, missing)
        rows = await beside.database.scopes.partitions()
        rebuilding = Rebuilding(beside, clock, settings.key_ttl_s, _tell)
        await rebuilding.run([row for row in rows if row.id in {scope.partition for scope in scopes}])


def _tell(row: Partition, what: str) -> None:
    sys.stderr.write(f"partition {row.id}: {what}\n")
