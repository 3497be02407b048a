"""Looks at the data folder: rights, room, owner, schema, and time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from parley.config import Settings
from parley.domain.errors import ConfigurationError
from parley.storage import open_audit, plan_storage
from parley.telemetry.clock import Clock
from parley.telemetry.files import free_bytes
from parley.telemetry.findings import Finding

_MB: Final = 1024 * 1024
_FREE_FAIL_BYTES: Final = 256 * _MB
_FREE_WARN_BYTES: Final = 2048 * _MB
_OTHERS: Final = 0o077
_EARLIEST_MS: Final = 1_735_689_600_000
"""2025-01-01: a clock before it was never set."""

_AHEAD_WARN_MS: Final = 1_000


def look_at_folder(settings: Settings) -> Iterator[Finding]:
    """Look at who may read and write the folder and what is in it."""
    folder = settings.data_dir
    if not folder.exists():
        yield _look_at_parent(folder)
        return
    if not folder.is_dir():
        yield Finding("data folder", "fail", f"{folder} is a file", "choose another with --data-dir")
        return
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        advice = f"chown it to uid {os.geteuid()}, or choose another with --data-dir"
        yield Finding("data folder", "fail", f"{folder} cannot be written by uid {os.geteuid()}", advice)
        return
    locked = [path for path in sorted(folder.glob("*.db*")) if not os.access(path, os.R_OK | os.W_OK)]
    if locked:
        advice = f"chown them to uid {os.geteuid()}"
        yield Finding("data folder", "fail", f"cannot be written: {', '.join(map(str, locked))}", advice)
    yield _look_at_mode(folder)


def look_at_room(settings: Settings) -> Iterator[Finding]:
    """Look at the free bytes, against what a backup on the same disk would take."""
    folder = next(path for path in (settings.data_dir, *settings.data_dir.parents) if path.exists())
    free = free_bytes(folder)
    used = sum(path.stat().st_size for path in settings.data_dir.glob("*.db*")) if settings.data_dir.is_dir() else 0
    found = f"{free / _MB:,.0f} MB free, {used / _MB:,.0f} MB used by Parley"
    if free < _FREE_FAIL_BYTES:
        yield Finding("disk", "fail", found, "make room: a full disk refuses creates")
    elif free < max(_FREE_WARN_BYTES, used):
        yield Finding("disk", "warn", found, "make room: a backup beside the database needs as much again")
    else:
        yield Finding("disk", "ok", found)


def look_at_owner(owner: str | None) -> Iterator[Finding]:
    """Say who owns the folder."""
    yield Finding("owner", "ok", "no server runs on this folder" if owner is None else f"process {owner} serves it")


def look_at_rows(settings: Settings, clock: Clock) -> Iterator[Finding]:
    """Look at the migrations, and at the clock against the newest row."""
    schema = look_at_schema(settings)
    yield schema
    if schema.status == "ok":
        yield _look_at_clock(clock.now_ms(), None if schema.advice else _newest(settings))


def look_at_schema(settings: Settings) -> Finding:
    """Look at the migrations; the advice says how those are applied that are outstanding."""
    try:
        todo = plan_storage(settings.database_url)
    except ConfigurationError as error:
        return Finding("schema", "fail", error.detail, "see docs/production.md on upgrade and rollback")
    if not todo:
        return Finding("schema", "ok", "nothing to apply")
    names = ", ".join(f"{migration.version:04} {migration.name}" for migration in todo)
    return Finding("schema", "ok", f"to apply: {names}", "parley migrate does it, and so does the next start")


def _newest(settings: Settings) -> int:
    with closing(open_audit(settings.database_url)) as rows:
        return max((end.at for end in rows.ends().values()), default=0)


def _look_at_clock(now: int, newest: int | None) -> Finding:
    if now < _EARLIEST_MS:
        return Finding("clock", "fail", "the clock was never set", "run an NTP client")
    if newest is not None and newest > now + _AHEAD_WARN_MS:
        behind = (newest - now) / 1000
        advice = "set the clock: until it has caught up, new messages carry the time of the newest one"
        return Finding("clock", "warn", f"{behind:,.0f} s behind the newest message", advice)
    return Finding("clock", "ok", "not behind the newest message")


def _look_at_parent(folder: Path) -> Finding:
    parent = next(path for path in folder.parents if path.exists())
    if parent.is_dir() and os.access(parent, os.W_OK | os.X_OK):
        return Finding("data folder", "ok", f"{folder} will be made at the first start")
    advice = "make it and give it to this user, or choose another with --data-dir"
    return Finding("data folder", "fail", f"{folder} cannot be made in {parent}", advice)


def _look_at_mode(folder: Path) -> Finding:
    open_to_others = [path for path in (folder, *sorted(folder.glob("*.db"))) if path.stat().st_mode & _OTHERS]
    if folder in open_to_others:
        advice = f"chmod 700 {folder}"
        return Finding("data folder", "warn", f"{folder} is open to other users of the machine", advice)
    return Finding("data folder", "ok", f"{folder} is this user's alone")
