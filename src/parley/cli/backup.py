"""``parley backup``: a copy of the database, whole and consistent, while everything goes on."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter, validators

from parley.cli.backups.cut import await_stored, take_cut
from parley.cli.backups.folder import refuse_present, unfinished
from parley.cli.backups.manifest import FORMAT, Manifest, describe, write_manifest
from parley.cli.progress import Meter
from parley.cli.servers import open_beside, refuse_old_schema
from parley.cli.settings import takes_settings
from parley.cli.signals import end_in_order
from parley.config import Settings
from parley.domain.errors import UnavailableError
from parley.domain.events import Position
from parley.http.times import format_time
from parley.storage import open_archive
from parley.storage.archive import Archive
from parley.telemetry.clock import Clock, SystemClock
from parley.telemetry.files import file_behind
from parley.telemetry.logs import configure_logs

Json = Annotated[bool, Parameter(name="--json", negative="", help="Print the manifest instead of sentences.")]
Target = Annotated[Path, Parameter(help="The folder to make; there must be nothing of that name.")]
Wait = Annotated[
    float,
    Parameter(
        name="--wait",
        validator=validators.Number(gte=0),
        help="Seconds that workers have to store what was acknowledged before the cut.",
    ),
]


@takes_settings("data_dir", "database_url", "log_url", "log_durability", "log_level", "log_format")
def backup(settings: Settings, target: Target, /, *, wait: Wait = 60.0, as_json: Json = False) -> int:
    """Copy the database into a new folder, while everything goes on.

    All that was acknowledged before the command began is in the copy. On servers
    it waits until the workers have stored that; if they do not, it makes no backup
    and says what is missing. The search index is left out: it is made again. The
    folder appears once it is complete, or not at all. Tokens and messages are in
    it as they are.

    Example: parley backup /var/backups/parley/monday --wait 300
    """
    configure_logs(settings.log_format, settings.log_level, sys.stderr)
    end_in_order()
    clock = SystemClock()
    refuse_present(target)
    began_at = clock.monotonic()
    archive = open_archive(settings.database_url)
    with unfinished(target) as folder:
        made_at = format_time(clock.now_ms())
        cut = _cut(settings, archive, clock, wait)
        manifest = _save(archive, folder, cut, made_at, clock)
        write_manifest(folder, manifest)
    if as_json:
        sys.stdout.write(f"{msgspec.json.encode(manifest).decode()}\n")
    else:
        _print(target, manifest, clock.monotonic() - began_at)
    return 0


def _cut(settings: Settings, archive: Archive, clock: Clock, wait_s: float) -> Mapping[int, Position]:
    """Give where each partition's log ends, once the database has all of it."""
    if file_behind(settings.database_url) is not None:
        return {place.id: place.position for place in archive.holdings().partitions}
    refuse_old_schema(settings)

    async def work() -> Mapping[int, Position]:
        async with open_beside(settings, clock) as beside:
            cut = await take_cut(beside)
            await await_stored(beside, cut, wait_s, clock)
            return {partition: end.position for partition, end in cut.items()}

    return asyncio.run(work())


def _save(archive: Archive, folder: Path, cut: Mapping[int, Position], made_at: str, clock: Clock) -> Manifest:
    copy = folder / archive.file
    unit = "pages" if archive.kind == "sqlite" else "rows"
    with Meter(unit, None, clock.monotonic) as meter:
        holdings = archive.save(copy, lambda done, total: meter.show(done, done, total=total))
    late = [place.id for place in holdings.partitions if place.position < cut[place.id]]
    if late:
        raise UnavailableError(f"partitions {late} went back behind the cut while they were copied: no backup was made")
    with Meter("bytes checked", copy.stat().st_size, clock.monotonic) as meter:
        file = describe(copy, lambda done: meter.show(done, done))
    return Manifest(FORMAT, version("parley"), made_at, archive.kind, dict(cut), holdings, [file])


def _print(target: Path, manifest: Manifest, took_s: float) -> None:
    counts = ", ".join(f"{count:,} {what}" for what, count in manifest.holdings.counts.items())
    size = sum(file.bytes for file in manifest.files)
    sys.stdout.write(
        f"{target}: {size:,} bytes in {took_s:.1f} s, with all that was acknowledged before {manifest.made_at}\n"
        f"rows: {counts}\n"
        f"restore it into an empty place with: parley restore {target}\n"
    )
