"""Looks at the servers of a deployment, each through its own room, and at what the database says of the workers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Final, cast

from parley.bootstrap.ports import opening
from parley.cli.diagnosis.files import look_at_schema
from parley.config import Settings
from parley.domain.errors import ConfigurationError, ParleyError
from parley.domain.grants import Partition
from parley.log import diagnose_log
from parley.search import diagnose_search
from parley.storage import diagnose_storage, open_storage
from parley.storage.sharing import Holder, Shared, find_idle
from parley.telemetry.clock import Clock
from parley.telemetry.findings import Finding

PATIENCE_S: Final = 10.0
"""How long all questions to one server may take."""

_MODE: Final = "log"


def look_at_servers(settings: Settings, clock: Clock) -> Iterator[Finding]:
    """Look at the database, the log and the index, all at once; then at schema and leases."""
    findings = asyncio.run(_ask(settings, clock))
    yield from findings
    if any(finding.subject == "database" and finding.status == "fail" for finding in findings):
        return
    schema = look_at_schema(settings)
    yield schema
    if schema.status == "ok" and not schema.advice:
        yield from asyncio.run(_look_at_rows(settings, clock))


async def _ask(settings: Settings, clock: Clock) -> list[Finding]:
    relaxed = settings.log_durability == "relaxed"
    begins: dict[str, Callable[[], Awaitable[list[Finding]] | None]] = {
        "database": lambda: diagnose_storage(settings.database_url, clock, accepts_relaxed=relaxed),
        "log": lambda: diagnose_log(settings.log_url, clock, partitions=settings.partitions, accepts_relaxed=relaxed),
        "search": lambda: diagnose_search(settings.search_url),
    }
    findings: list[Finding] = []
    looks: list[Awaitable[list[Finding]]] = []
    for subject, begin in begins.items():  # drivers are imported here, before any time runs
        try:
            look = begin()
        except ConfigurationError as error:
            findings.append(_misread(subject, error))
        else:
            looks += [] if look is None else [_patiently(subject, look)]
    return findings + [finding for found in await asyncio.gather(*looks) for finding in found]


async def _patiently(subject: str, look: Awaitable[list[Finding]]) -> list[Finding]:
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await look
    except TimeoutError:
        advice = f"see whether it hangs, or correct PARLEY_{subject.upper()}_URL"
        return [Finding(subject, "fail", f"no answer within {PATIENCE_S:.0f} s", advice)]
    except ConfigurationError as error:
        return [_misread(subject, error)]


def _misread(subject: str, error: ConfigurationError) -> Finding:
    return Finding(subject, "fail", error.detail, "correct it; then look again")


async def _look_at_rows(settings: Settings, clock: Clock) -> list[Finding]:
    """Look at leases and dead letters; nothing is migrated, since nothing is outstanding."""
    storage = open_storage(settings.database_url, opening(settings, clock)._replace(accepts_relaxed=True))
    try:
        await storage.start()
        shared = cast("Shared", storage.shared)
        partitions, holders = await shared.scopes.partitions(), await shared.leases.holders()
        return [look_at_leases(partitions, holders), look_at_letters(await shared.dead_letters.count())]
    except ParleyError as error:
        return [Finding("leases", "fail", error.detail, "parley status looks at them again")]
    finally:
        await storage.close()


def look_at_leases(partitions: Sequence[Partition], holders: Sequence[Holder]) -> Finding:
    """Judge whether every partition is stored by somebody, and numbered by the log."""
    idle = find_idle(partitions, holders)
    apart = [f"{row.id} ({row.mode})" for row in partitions if row.mode != _MODE]
    if idle:
        found = f"nobody stores partition {', '.join(map(str, idle))} of {len(partitions)}"
        return Finding("leases", "warn", found, "start parley work: creates end with 503 when the log is full")
    if apart:
        return Finding("leases", "warn", f"not numbered by the log: {', '.join(apart)}", "see parley status")
    workers = len({holder.owner for holder in holders if holder.is_live})
    return Finding("leases", "ok", f"{len(partitions)} partitions are stored by {workers} workers")


def look_at_letters(count: int) -> Finding:
    """Judge the dead letters."""
    if count:
        return Finding("dead letters", "warn", f"{count:,} events could not be stored", "parley dead-letters list")
    return Finding("dead letters", "ok", "there are none")
