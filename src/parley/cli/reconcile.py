"""``parley reconcile``: compares counts and the search index with the rows, and mends what differs."""

from __future__ import annotations

import asyncio
import sys
from contextlib import closing
from itertools import islice
from typing import Annotated, Final, NamedTuple

from cyclopts import Parameter

from parley.cli.index_check import INDEX_CHECK, INDEX_SENTENCE, Stray, open_index_check
from parley.cli.progress import Meter
from parley.cli.reconciling import mend_index, recount
from parley.cli.servers import open_database, refuse_old_schema
from parley.cli.settings import FILES, takes_settings
from parley.cli.tables import print_table
from parley.config import Settings
from parley.domain.errors import ConfigurationError
from parley.search import open_search
from parley.storage.counting import COUNTS_CHECK
from parley.storage.port import Difference
from parley.telemetry.clock import SystemClock
from parley.telemetry.logs import configure_logs

Repair = Annotated[bool, Parameter(name="--repair", negative="", help="Mend what differs.")]
Limit = Annotated[int, Parameter(name="--limit", help="Differences printed of each kind; all are counted.")]

MOST_STRAYS: Final = 100_000
"""Beyond that, making the index anew is quicker."""

_SENTENCES: Final = {COUNTS_CHECK: "counts are the live rows", INDEX_CHECK: INDEX_SENTENCE}


class Found(NamedTuple):
    """What differs from the rows."""

    counts: list[Difference]
    strays: list[Stray]
    faults: list[Difference]
    """Of an index that cannot be read, or not be trusted: nothing mends them here."""
    places: list[Difference]
    """The first of the strays, for people."""
    note: str | None

    @property
    def of_index(self) -> int:
        """How much is wrong with the index."""
        return len(self.faults) + len(self.strays)


@takes_settings(*FILES, "log_durability", "log_level", "log_format")
def reconcile(settings: Settings, *, repair: Repair = False, limit: Limit = 20) -> int:
    """Compare counts and the search index with the rows, and mend what differs.

    Servers may be in use meanwhile. The process of an embedded database must be
    stopped; parley check compares beside it. Ends with 1 if anything differs,
    with --repair if anything is left.

    Example: parley reconcile --repair
    """
    configure_logs(settings.log_format, settings.log_level, sys.stderr)
    refuse_old_schema(settings)
    found = look(settings, limit, repair=repair)
    left = found
    if repair and (found.counts or found.strays):
        if found.strays:
            asyncio.run(mend_strays(settings, found.strays))
        left = look(settings, limit, repair=False)
    _print(found, left, limit)
    return 1 if left.counts or left.of_index else 0


def look(settings: Settings, limit: int, *, repair: bool) -> Found:
    """Compare counts and index with the rows; counts are mended on the way.

    Raises:
        ConfigurationError: so much of the index is wrong that it is to be made anew.
    """
    clock = SystemClock()
    counts = asyncio.run(_recount(settings, repair=repair))
    with (
        closing(open_index_check(settings.database_url, settings.search_url)) as check,
        Meter("messages of the index", None, clock.monotonic) as meter,
    ):
        faults = list(check.faults())
        strays = list(islice(check.strays(lambda done: meter.show(done, done)), MOST_STRAYS + 1))
        places = [check.tell(stray) for stray in strays[:limit]]
        note = check.note
    if len(strays) > MOST_STRAYS:
        raise ConfigurationError(
            f"more than {MOST_STRAYS:,} messages are in the rows alone or in the index alone: "
            "make the index anew with parley reindex"
        )
    return Found(counts, strays, faults, places, note)


async def _recount(settings: Settings, *, repair: bool) -> list[Difference]:
    clock = SystemClock()
    async with open_database(settings, clock) as database:
        with Meter("applications and chats", None, clock.monotonic) as meter:
            return await recount(database.counts, lambda done: meter.show(done, done), repair=repair)


async def mend_strays(settings: Settings, strays: list[Stray]) -> None:
    """Put the present states of messages into the index."""
    clock = SystemClock()
    async with open_database(settings, clock) as database:
        search = open_search(settings.search_url)
        try:
            await search.start()
            with Meter("messages mended", len(strays), clock.monotonic) as meter:
                keys = [stray.key for stray in strays]
                await mend_index(database.changes, search, keys, lambda done: meter.show(done, done))
        finally:
            await search.close()


def _print(found: Found, left: Found, limit: int) -> None:
    rows = []
    for name, before, after, note in (
        (COUNTS_CHECK, len(found.counts), len(left.counts), None),
        (INDEX_CHECK, found.of_index, left.of_index, left.note),
    ):
        word = "differs" if after else "mended" if before else "lag" if note else "ok"
        told = f"{_SENTENCES[name]}; {note}" if note else _SENTENCES[name]
        rows.append((name, word, f"{before:,}" if before else "", f"{after:,}" if before else "", told))
    print_table(("what", "result", "differences", "left", "what is compared"), rows)
    for difference in [*found.counts[:limit], *found.faults, *found.places]:
        sys.stdout.write(f"{difference.check}: {difference.where}: {difference.what}\n")
    if left.strays and left is not found:
        sys.stdout.write(
            "the index holds or has just removed later states of these than the rows have: repeat this in a minute, "
            "then make it anew with parley reindex\n"
        )
