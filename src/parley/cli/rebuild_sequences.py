"""``parley rebuild-sequences``: begins a new epoch by hand, in which no number that was ever given is given again."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

from cyclopts import Parameter

from parley.cli.confirming import Yes, confirm
from parley.cli.rebuilding import Rebuilding
from parley.cli.servers import open_beside, refuse_embedded, refuse_old_schema
from parley.cli.settings import takes_settings
from parley.config import Settings
from parley.domain.errors import ConfigurationError
from parley.domain.grants import Partition
from parley.telemetry.clock import SystemClock
from parley.telemetry.logs import configure_logs

Chosen = Annotated[int | None, Parameter(name="--partition", help="This partition alone; all by default.")]

_EXPLANATION = """\
A new epoch begins for {what}. Appends are refused until all that lies on the log is stored, mostly for less
than a second; clients are told 503, or wait. Numbers that the log was granted and has not given are void: each
scope goes on above them, and the gap ledger gets a row for what is missing. Nothing that was acknowledged is lost.
"""


@takes_settings("database_url", "log_url", "log_durability", "key_ttl_s", "log_level", "log_format")
def rebuild_sequences(settings: Settings, *, partition: Chosen = None, yes: Yes = False) -> int:
    """Begin a new epoch of the log by hand: after a doubt about its numbers, as when it was put back from a backup.

    The worker that stores a partition does it; where there is none, this command does.

    Example: parley rebuild-sequences --partition 2 --yes
    """
    configure_logs(settings.log_format, settings.log_level, sys.stderr)
    refuse_embedded(settings, "its numbers are given in the transaction that stores them, so there are no epochs")
    refuse_old_schema(settings)
    what = "all partitions" if partition is None else f"partition {partition}"
    sys.stdout.write(_EXPLANATION.format(what=what))
    if not confirm(f"Begin a new epoch for {what}?", yes=yes):
        return 1
    asyncio.run(_rebuild(settings, partition))
    return 0


async def _rebuild(settings: Settings, chosen: int | None) -> None:
    clock = SystemClock()
    async with open_beside(settings, clock) as beside:
        rows = await beside.database.scopes.partitions()
        if chosen is not None and chosen not in {row.id for row in rows}:
            raise ConfigurationError(f"there is no partition {chosen}; they are 0 to {len(rows) - 1}")
        rebuilding = Rebuilding(beside, clock, settings.key_ttl_s, _tell)
        await rebuilding.run([row for row in rows if chosen in {None, row.id}])


def _tell(row: Partition, what: str) -> None:
    sys.stdout.write(f"partition {row.id}: {what}\n")
    sys.stdout.flush()
