"""``parley migrate``: brings the database to this version's schema, and says so first."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from parley.bootstrap.ports import opening
from parley.cli.settings import takes_settings
from parley.config import Settings, mask
from parley.storage import open_storage, plan_storage
from parley.telemetry.clock import SystemClock
from parley.telemetry.logs import configure_logs

if TYPE_CHECKING:
    from parley.database.migrations import Migration

DryRun = Annotated[bool, Parameter(name="--dry-run", negative="", help="Only say what would be done.")]


@takes_settings("data_dir", "database_url", "partitions")
def migrate(settings: Settings, *, dry_run: DryRun = False) -> None:
    """Bring the database to this version's schema; `parley serve` does the same when it starts.

    Example: parley migrate --dry-run --data-dir ./data
    """
    configure_logs(settings.log_format, settings.log_level, sys.stderr)
    todo = plan_storage(settings.database_url)
    where = mask(settings.database_url)
    if not todo:
        sys.stdout.write(f"{where}: nothing to do\n")
        return
    sys.stdout.write(f"{where}: {len(todo)} {'migration' if len(todo) == 1 else 'migrations'} to apply\n")
    for migration in todo:
        sys.stdout.write(f"  {migration.version:04} {migration.name}{_way_back(migration, todo[0].version - 1)}\n")
    sys.stdout.flush()
    if dry_run:
        sys.stdout.write("nothing was changed\n")
        return
    asyncio.run(_apply(settings))
    sys.stdout.write("done\n")


def _way_back(migration: Migration, present: int) -> str:
    """Say whether the code that runs now can go on, or be put back, after this step."""
    if not present:
        return ""
    if migration.oldest_code <= present:
        return f": code of schema {migration.oldest_code} and later runs on it too"
    return f": code that knows no schema {migration.oldest_code} no longer runs; the way back is a backup"


async def _apply(settings: Settings) -> None:
    storage = open_storage(settings.database_url, opening(settings, SystemClock()))
    try:
        await storage.start()
    finally:
        await storage.close()
