"""``parley restore``: makes a database of a backup, in which no number is given again that ever was."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import msgspec
from cyclopts import Parameter, validators

from parley.cli.backups.histories import next_epochs
from parley.cli.backups.manifest import Manifest, read_manifest, verify
from parley.cli.confirming import Yes, confirm
from parley.cli.progress import Meter
from parley.cli.settings import takes_settings
from parley.config import Settings, mask
from parley.domain.errors import ConfigurationError
from parley.storage import open_archive
from parley.storage.archive import Archive, History, Holdings
from parley.telemetry.clock import Clock, SystemClock
from parley.telemetry.logs import configure_logs

BURN: Final = 1_000_000
MAX_BURN: Final = 100_000_000
"""A burn is never given back, and one of `NUMBER_LIMIT` leaves no chat a number. Who needs more repeats --in-place."""

Source = Annotated[Path | None, Parameter(help="The folder that parley backup made.")]
InPlace = Annotated[
    bool, Parameter(name="--in-place", negative="", help="The database was put back by other means: go on from there.")
]
Burn = Annotated[
    int,
    Parameter(
        name="--burn",
        validator=validators.Number(gte=0, lte=MAX_BURN),
        help="How many numbers any one chat or application may have given since the backup. They are not given again.",
    ),
]
LogIsNew = Annotated[
    bool, Parameter(name="--log-is-new", negative="", help="Do not ask the log for its epochs: it will be empty.")
]
Json = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON instead of sentences.")]


@takes_settings("data_dir", "database_url", "log_url", "log_level", "log_format")
def restore(  # noqa: PLR0913 - what an operator may say
    settings: Settings,
    source: Source = None,
    /,
    *,
    in_place: InPlace = False,
    burn: Burn = BURN,
    log_is_new: LogIsNew = False,
    yes: Yes = False,
    as_json: Json = False,
) -> int:
    """Make a database of a backup, where there is none, with all processes stopped.

    Every file is checked first. What was acknowledged after the backup is gone,
    and its numbers are not given again: each chat and application goes on --burn
    above what the backup says, when it is next used, and the gap ledger has what
    lies between. Idempotency keys expire, and the search index is made again. On
    servers the log is asked for its epochs; what it holds is never stored.

    Example: parley restore /var/backups/parley/monday --data-dir ./restored
    """
    configure_logs(settings.log_format, settings.log_level, sys.stderr)
    if (source is None) is not in_place:
        raise ConfigurationError("say which backup to restore, or --in-place for a database that was put back already")
    clock, archive = SystemClock(), open_archive(settings.database_url)
    manifest = None if source is None else _checked(source, archive, clock)
    holdings = archive.holdings() if manifest is None else manifest.holdings
    epochs, ended = next_epochs(settings, holdings.partitions, clock, log_is_new=log_is_new)
    history = History(epochs, burn, clock.now_ms())
    where, began_at = mask(settings.database_url), clock.monotonic()
    if source is not None and manifest is not None:
        holdings = _load(archive, source, manifest, history, clock)
    elif confirm(f"{where}\n{_told(history, ended)}Begin another history there?", yes=yes):
        holdings = archive.begin(history)
    else:
        return 1
    if as_json:
        told = {"database": where, "backup": manifest, "epochs": history.epochs, "burn": burn, "logs_ended": ended}
        sys.stdout.write(f"{msgspec.json.encode(told).decode()}\n")
        return 0
    counts = ", ".join(f"{count:,} {what}" for what, count in holdings.counts.items() if what != "keys")
    sys.stdout.write(f"{where}: {counts}, in {clock.monotonic() - began_at:.1f} s\n")
    if manifest is not None:
        sys.stdout.write(f"What came after {manifest.made_at} is not there.\n")
    if manifest is not None or yes:
        sys.stdout.write(_told(history, ended))
    sys.stdout.write("Start the processes now; afterwards parley check says whether all of it agrees.\n")
    return 0


def _checked(source: Path, archive: Archive, clock: Clock) -> Manifest:
    """Give what the backup says of itself, once all of it was read and found to be that, and to fit here."""
    manifest = read_manifest(source)
    size = sum(file.bytes for file in manifest.files)
    with Meter("bytes checked", size, clock.monotonic) as meter:
        verify(source, manifest, lambda done: meter.show(done, done))
    if manifest.kind != archive.kind:
        raise ConfigurationError(f"{source} is a backup of {manifest.kind}, and the database is {archive.kind}")
    if manifest.holdings.oldest_code > archive.newest:
        raise ConfigurationError(
            f"{source} has schema {manifest.holdings.schema}, and this code knows {archive.newest}: restore it with "
            f"Parley {manifest.product}, or later"
        )
    return manifest


def _load(archive: Archive, source: Path, manifest: Manifest, history: History, clock: Clock) -> Holdings:
    with Meter("bytes loaded", None, clock.monotonic) as meter:
        loaded = archive.load(source / archive.file, history, lambda done, total: meter.show(done, done, total=total))
    said = manifest.holdings.counts
    lost = [
        f"{loaded.counts[what]:,} {what}, not {said[what]:,}"
        for what in said
        if what != "keys" and loaded.counts[what] != said[what]
    ]
    if lost:
        raise ConfigurationError(f"the database does not hold what the backup says: {'; '.join(lost)}")
    return loaded


def _told(history: History, ended: Sequence[int]) -> str:
    """Say what a new history means."""
    logs = (
        f"What the log of the partitions {', '.join(map(str, ended))} still holds is never stored.\n" if ended else ""
    )
    return (
        f"Each chat and application goes on {history.burn:,} numbers higher when it is next used; the gap ledger has "
        "what lies between.\n"
        "All idempotency keys have expired: a client that repeats a request from before makes a second message, so "
        "let it look first whether its message is there.\n"
        f"The search index is made again at the next start; until then searches answer 503.\n{logs}"
    )
