"""``parley doctor``: looks at everything a start depends on, and says what to do."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Annotated

import msgspec
from cyclopts import Parameter

from parley.cli.diagnosis.files import look_at_folder, look_at_owner, look_at_room, look_at_rows
from parley.cli.diagnosis.machine import look_at_binds, look_at_open_files, look_at_versions
from parley.cli.diagnosis.servers import look_at_servers
from parley.cli.settings import EVERY, Flags, takes_flags
from parley.cli.tables import print_table
from parley.config import Settings, load_settings, unknown_variables
from parley.database.ownership import owner_of
from parley.domain.errors import ConfigurationError
from parley.telemetry.clock import SystemClock
from parley.telemetry.files import file_behind
from parley.telemetry.findings import Finding

Json = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON instead of a table.")]


@takes_flags(*EVERY)
def doctor(flags: Flags, *, as_json: Json = False) -> int:
    """Look at configuration, versions, files, servers, ports and clocks, and say what to do; 1 if anything fails.

    Of servers: version, settings, rights, durability, schema and leases. Nothing is changed.

    Example: parley doctor --data-dir ./data
    """
    findings = list(_look(flags))
    if as_json:
        sys.stdout.write(f"{msgspec.json.encode([finding._asdict() for finding in findings]).decode()}\n")
    else:
        print_table(("subject", "status", "found", "what to do"), findings)
    return 1 if any(finding.status == "fail" for finding in findings) else 0


def _look(flags: Flags) -> Iterator[Finding]:
    """Look at one thing after the other; without a valid configuration only at what needs none."""
    for sentence in unknown_variables():
        yield Finding("environment", "warn", sentence, "correct its name, or unset it")
    yield from look_at_versions()
    try:
        settings = load_settings(flags)
    except ConfigurationError as error:
        yield Finding("configuration", "fail", error.detail, "correct it; the rest cannot be looked at until then")
        return
    yield Finding("configuration", "ok", "every setting has an allowed value")
    yield from look_at_open_files(settings)
    yield from _look_at_files(settings) if file_behind(settings.database_url) else _look_at_servers(settings)


def _look_at_files(settings: Settings) -> Iterator[Finding]:
    """Look at what an embedded database depends on."""
    database = file_behind(settings.database_url)
    owner = None if database is None else owner_of(database)
    yield from look_at_folder(settings)
    yield from look_at_room(settings)
    yield from look_at_owner(owner)
    yield from look_at_rows(settings, SystemClock())
    yield from look_at_binds(settings, ("api_bind", "write_bind"), is_served=owner is not None)


def _look_at_servers(settings: Settings) -> Iterator[Finding]:
    """Look at the servers, and at what they say of the deployment; a file beside them is looked at, too."""
    if file_behind(settings.search_url):
        yield from look_at_folder(settings)
        yield from look_at_room(settings)
    yield from look_at_servers(settings, SystemClock())
    yield from look_at_binds(settings, ("api_bind", "write_bind", "admin_bind"), is_served=True)
