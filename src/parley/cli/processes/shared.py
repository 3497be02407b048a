"""Several processes of the write service on one address, and the parent that speaks for them."""

from __future__ import annotations

import asyncio
import random
import secrets
import signal
import socket
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, cast

import uvloop

from parley.cli.processes.admin import Pages
from parley.cli.processes.announcing import announce_shared
from parley.cli.processes.child import Nursery, own_command
from parley.cli.processes.parent import Parent, Told
from parley.cli.processes.single import prepare
from parley.cli.processes.systemd import READY, STOPPING, reloading, tell_systemd
from parley.config import Settings, refuse_public_bind
from parley.domain.binds import parse_bind
from parley.http.health import Health, ProbeRoutes
from parley.http.wire.limits import Limits
from parley.http.wire.listener import Listener, bind, bind_shared
from parley.http.wire.request import numbered_ids
from parley.http.write.service import ProbeService
from parley.telemetry.clock import Clock, SystemClock

_MARGIN_S: Final = 5.0
"""What a process may take to end besides its drain."""

_PROBE_LIMITS: Final = Limits(max_connections=256)
_PROBE_DRAIN_S: Final = 1.0


def run_shared(settings: Settings, command: Sequence[str] | None = None) -> int:
    """Run ``settings.processes`` processes on the write address; give 0 if all ended as they should.

    ``command`` starts one of them, this process's own command by default. SIGTERM and SIGINT drain
    and stop all, SIGHUP replaces one after the other.

    Raises:
        ConfigurationError: an address is taken, or must not be listened on like this.
        ParleyError: the first process ended before it was ready; it has said why.
    """
    refuse_public_bind(settings, ["write_bind", "admin_bind"])
    prepare(settings)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="parley-")))  # nobody else can enter it
        services = bind_shared(*parse_bind(settings.write_bind), settings.processes)
        for service in services:
            stack.enter_context(service)
        admin = stack.enter_context(bind(*parse_bind(settings.admin_bind)))
        nursery = Nursery(command or own_command(), folder)
        return uvloop.run(_supervise(settings, services, admin, nursery))


async def _supervise(
    settings: Settings, services: Sequence[socket.socket], admin: socket.socket, nursery: Nursery
) -> int:
    clock = SystemClock()
    parent = Parent(services, nursery, clock, random.random, settings.drain_timeout_s + _MARGIN_S)
    is_announced = False

    def on_ready() -> None:
        nonlocal is_announced
        if not is_announced:
            announce_shared(settings, services, admin)
        is_announced = True
        tell_systemd(READY)

    def on_stop() -> None:
        tell_systemd(STOPPING)
        parent.wishes.stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_stop)
    loop.add_signal_handler(signal.SIGHUP, parent.wishes.replace.set)
    listener = await _serve_probes(admin, parent, clock)
    try:
        is_clean = await parent.run(Told(on_ready, lambda: tell_systemd(reloading(clock))))
    finally:
        await listener.drain(_PROBE_DRAIN_S)
    return 0 if is_clean else 1


async def _serve_probes(admin: socket.socket, parent: Parent, clock: Clock) -> Listener:
    listener = Listener(_PROBE_LIMITS, clock, numbered_ids(secrets.token_hex(6)))
    routes = ProbeRoutes(cast("Health", Pages(parent, clock)))  # it has the same pages
    await listener.serve(admin, ProbeService(routes.applications()))
    return listener
