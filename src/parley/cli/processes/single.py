"""One process that plays some roles until it is told to stop."""

from __future__ import annotations

import asyncio
import resource
import signal
import sys
from collections.abc import Callable
from typing import Final

import structlog
import uvloop

from parley.bootstrap.process import Roles, run
from parley.bootstrap.sockets import Sockets
from parley.cli.processes.announcing import announce_roles
from parley.cli.processes.inheritance import follow_parent, parse_inheritance, take_sockets
from parley.cli.processes.memory import give_back_large_blocks
from parley.cli.processes.systemd import READY, STOPPING, tell_systemd
from parley.config import Settings
from parley.telemetry.logs import configure_logs

_FILES_BESIDE: Final = 512
"""Databases, logs, and connections that are told that there are too many."""


def run_alone(settings: Settings, roles: Roles, *ports: str) -> None:
    """Play ``roles`` on the named ports (``api``, ``write``, ``admin``); SIGINT and SIGTERM drain and stop.

    Raises:
        ConfigurationError: a port is taken, or something cannot be opened as configured.
    """
    prepare(settings)
    sockets = Sockets.take(settings, *ports)

    def announce() -> None:
        announce_roles(settings, roles, sockets)
        tell_systemd(READY)

    _run(settings, roles, sockets, announce, tell_systemd)


def run_inherited(settings: Settings, roles: Roles, inheritance: str) -> None:
    """Play ``roles`` as one process of several, on the sockets that the parent bound; it speaks for us.

    Raises:
        ConfigurationError: no parent wrote ``inheritance``, or it is gone.
    """
    inherited = parse_inheritance(inheritance)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # it is the parent's
    follow_parent(inherited.parent_pid)
    prepare(settings)
    structlog.contextvars.bind_contextvars(process=inherited.slot)
    service, admin = take_sockets(inherited)
    sockets = Sockets(api=service, admin=admin) if roles.api else Sockets(write=service, admin=admin)
    _run(settings, roles, sockets, lambda: None, lambda _: None)


def prepare(settings: Settings) -> None:
    """Set up logs and memory, and allow as many open files as connections need and the system lets us.

    How many that is, `parley doctor` tells.
    """
    give_back_large_blocks()
    configure_logs(settings.log_format, settings.log_level, sys.stderr)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = settings.max_connections + _FILES_BESIDE
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _run(
    settings: Settings, roles: Roles, sockets: Sockets, announce: Callable[[], None], tell: Callable[[bytes], None]
) -> None:
    async def play() -> None:
        stop = asyncio.Event()

        def on_signal() -> None:
            tell(STOPPING)
            stop.set()

        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, on_signal)
        await run(settings, roles, sockets, announce, stop)

    try:
        uvloop.run(play())
    finally:
        sockets.close()
