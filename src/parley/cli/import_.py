"""``parley import``: send a JSONL file through the HTTP API, each record once, resumable at any time."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import uvloop
from cyclopts import Parameter, validators
from rich.console import Console

from parley.cli.client import DEFAULT_URL, application_path, parse_url, read_problem
from parley.cli.importing.journal import Identity, Journal
from parley.cli.importing.records import Record, parse_record, read_lines, survey
from parley.cli.importing.rejects import Rejects
from parley.cli.importing.sender import Ledger, Sender
from parley.cli.importing.tally import Tally, summary
from parley.cli.importing.window import Window
from parley.cli.lane import Lane, Patience
from parley.cli.progress import Meter
from parley.domain.errors import ParleyError
from parley.telemetry.clock import SystemClock

if TYPE_CHECKING:
    import httpx

WINDOW_RECORDS = 8_192
"""Records read ahead: enough to keep all senders busy where a few channels dominate the file."""
WINDOW_BYTES = 32 * 1024 * 1024

_TICK_S = 0.5
_KEYS_LIVE_S = 24 * 3600
_OK = 200


class Plan(NamedTuple):
    """What the command line asked for."""

    file: Path
    url: httpx.URL
    write_url: httpx.URL
    application: str
    concurrency: int
    digest: str


def import_(  # noqa: PLR0913 - one a command-line option
    file: Annotated[Path, Parameter(validator=validators.Path(exists=True, dir_okay=False))],
    /,
    *,
    application: Annotated[str, Parameter(env_var="PARLEY_APPLICATION")],
    url: str = DEFAULT_URL,
    write_url: str | None = None,
    journal: Path | None = None,
    rejected: Path | None = None,
    concurrency: Annotated[int, Parameter(validator=validators.Number(gte=1, lte=512))] = 32,
    give_up_after: Annotated[float, Parameter(validator=validators.Number(gt=0))] = 120.0,
) -> None:
    """Send a JSONL file to a deployment, each record once.

    Example: parley import rooms.jsonl --application TOKEN

    Each line is {"channel", "sender", "sent_at", "body", "source_id"}; all but
    the body may be absent. A channel becomes a chat of that title, in file order;
    records without a channel share one chat. The time, the source_id and all
    other members are kept in the message's metadata (4 KiB).

    The source_id is the idempotency key; without one it is the file's digest and
    the line number. So when the server or this command dies on the way, nothing is
    stored twice: call the same command again. The server knows keys for 24 hours;
    after that only the journal protects from repeats, so keep it.

    Lines that are not JSON objects, or that the server refuses, go into the
    rejected file as {"line", "reason", "status", "record"}; they do not make the
    import fail.

    Args:
        file: The file; lines end with a line feed.
        application: The application's token.
        url: Address of the full API.
        write_url: Address of the write service, for creating; the full API if not given.
        journal: What was acknowledged; FILE.parley-journal if not given.
        rejected: Where rejected lines go; FILE.rejected.jsonl if not given.
        concurrency: Channels that are sent at the same time.
        give_up_after: Seconds without any progress after which the import stops.
    """
    api = parse_url(url)
    path = application_path(application)
    journal = journal or file.with_name(f"{file.name}.parley-journal")
    rejected = rejected or file.with_name(f"{file.name.removesuffix('.jsonl')}.rejected.jsonl")
    _keep_apart(file, journal, rejected)
    found = survey(file)
    tally = Tally()
    patience = Patience(give_up_after, time.monotonic, random.Random())  # noqa: S311 - jitter
    plan = Plan(file, api, parse_url(write_url) if write_url else api, path, concurrency, found.digest)
    age_s = SystemClock().now_ms() / 1000 - journal.stat().st_mtime if journal.exists() else 0.0
    with (
        Journal(journal, Identity(found.digest, application, str(api))) as book,
        Rejects(rejected, resume=book.resumed) as rejects,
    ):
        _recall(book, rejects, age_s)
        try:
            with Meter("lines", found.lines, time.monotonic) as meter:
                _run(plan, Ledger(book, rejects, tally, {}, asyncio.Lock()), patience, meter)
        except (KeyboardInterrupt, ParleyError):
            _say(f"{tally.records:,} records are done; call the same command again to resume from {journal}")
            raise
    Console().print(summary(tally, meter.elapsed_s, patience.retries))
    if tally.rejected:
        _say(f"rejected lines are in {rejected}")


def _recall(journal: Journal, rejects: Rejects, age_s: float) -> None:
    """Join what both files know of an earlier run, and say what protects from repeats."""
    for channel, line in rejects.refused.items():
        journal.done[channel] = max(line, journal.done.get(channel, 0))
    if journal.resumed:
        _say(f"resuming from {journal.path}")
    if age_s > _KEYS_LIVE_S:
        _say("the journal is older than 24 hours, so the server has forgotten the keys: only the journal counts now")


def _keep_apart(*paths: Path) -> None:
    resolved = {path.resolve() for path in paths}
    if len(resolved) < len(paths):
        detail = "the file, its journal and its rejected lines must be three files"
        raise ParleyError(detail, code="same_file")


def _run(plan: Plan, ledger: Ledger, patience: Patience, meter: Meter) -> None:
    """Run the import's tasks; of several that fail, the first one's error is the import's."""
    try:
        uvloop.run(_import(plan, ledger, patience, meter))
    except BaseExceptionGroup as group:
        known, unknown = group.split(ParleyError)
        if known is None or unknown is not None:
            raise
        raise known.exceptions[0] from None


async def _import(plan: Plan, ledger: Ledger, patience: Patience, meter: Meter) -> None:
    window = Window(WINDOW_RECORDS, WINDOW_BYTES)
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_tick(ledger, patience, meter))]
            await _expect_application(plan, patience)
            tasks += [group.create_task(_lane(plan, ledger, patience, window)) for _ in range(plan.concurrency)]
            await _feed(plan, ledger, window)
            await window.drained()
            for task in tasks:
                task.cancel()
    finally:
        _show(ledger, patience, meter)


async def _expect_application(plan: Plan, patience: Patience) -> None:
    """Say that the token is wrong before a line is rejected for it."""
    async with Lane(plan.url, patience, wall_clock=time.time) as lane:
        answer = await lane.request("GET", plan.application)
    if answer.status_code != _OK:
        raise ParleyError(read_problem(answer)[1])


async def _lane(plan: Plan, ledger: Ledger, patience: Patience, window: Window) -> None:
    async with Lane(plan.write_url, patience, wall_clock=time.time) as lane:
        await Sender(lane, plan.application, ledger).run(window)


async def _feed(plan: Plan, ledger: Ledger, window: Window) -> None:
    """Read the file as fast as the window has room."""
    journal, rejects, tally, *_ = ledger
    with plan.file.open("rb") as file:
        for line in read_lines(file):
            if line.number % 256 == 0:
                await asyncio.sleep(0)  # lets Ctrl-C and the meter in while nothing has to be sent
            if not line.data.strip():
                tally.empty_lines += 1
                continue
            record = parse_record(line, plan.digest)
            if isinstance(record, Record):
                if record.line <= journal.done.get(record.channel, 0):
                    tally.skipped += 1
                else:
                    await window.add(record)
            elif record.line <= rejects.unread:
                tally.skipped += 1
            else:
                rejects.add(record)
                tally.rejected += 1


async def _tick(ledger: Ledger, patience: Patience, meter: Meter) -> None:
    """Twice a second: show how far it is, and make the journal durable."""
    while True:
        await asyncio.sleep(_TICK_S)
        ledger.journal.flush()
        _show(ledger, patience, meter)


def _show(ledger: Ledger, patience: Patience, meter: Meter) -> None:
    tally = ledger.tally
    meter.show(tally.lines, tally.lines - tally.skipped, patience.trouble)


def _say(text: str) -> None:
    sys.stderr.write(f"parley: {text}\n")
