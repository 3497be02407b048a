"""``parley serve``: the full API, the write service and the workers in one process."""

from __future__ import annotations

import asyncio
import resource
import signal
import socket
import sys
from typing import Final

import uvloop
from rich.console import Console
from rich.text import Text

from parley.bootstrap import Sockets
from parley.bootstrap import serve as run
from parley.cli.settings import EVERY, takes_settings
from parley.config import Settings, notify_socket
from parley.telemetry.logs import configure_logs

_FILES_BESIDE: Final = 512
"""Databases, logs, and connections that are told that there are too many."""


@takes_settings(*EVERY)
def serve(settings: Settings) -> None:
    """Run the full API, the write service and the workers in one process; Ctrl-C drains and stops.

    Example: parley serve --data-dir ./data --api-bind 127.0.0.1:3000
    """
    configure_logs(settings.log_format, settings.log_level, sys.stderr)
    _raise_file_limit(settings.max_connections)
    sockets = Sockets.take(settings)
    try:
        uvloop.run(_serve(settings, sockets))
    finally:
        sockets.close()


def _raise_file_limit(connections: int) -> None:
    """Allow as many open files as the connections need, as far as the system lets us; `parley doctor` tells."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _FILES_BESIDE
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


async def _serve(settings: Settings, sockets: Sockets) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        _tell_supervisor(b"STOPPING=1")
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)

    def announce() -> None:
        _print_places(settings, sockets)
        _tell_supervisor(b"READY=1")

    await run(settings, sockets, announce, stop)


def _print_places(settings: Settings, sockets: Sockets) -> None:
    api, write = _address(sockets.api), _address(sockets.write)
    console = Console(highlight=False, soft_wrap=True)
    lines = [
        ("Full API", f"http://{api}"),
        ("Write service", f"http://{write}"),
        ("Documentation", f"http://{api}/docs"),
        ("Health, metrics", f"http://{api}/health  http://{api}/metrics"),
        ("Data", str(settings.data_dir)),
    ]
    console.print(Text("Parley is ready.", style="bold green"))
    for name, place in lines:
        console.print(f"  {name:<16}", end="")
        console.print(place, markup=False)
    admin = "" if settings.admin_token is None else ' -H "Authorization: Bearer $PARLEY_ADMIN_TOKEN"'
    console.print("Try it:")
    console.print(
        f"  curl -s http://{api}/api/v1/applications{admin}"
        """ -H 'Content-Type: application/json' -d '{"name": "My first application"}'""",
        markup=False,
    )
    console.print("Ctrl-C stops it.")
    sys.stdout.flush()


def _address(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _tell_supervisor(state: bytes) -> None:
    """Send a state to systemd, if it started us (sd_notify(3))."""
    address = notify_socket()
    if address is None:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as supervisor:
        supervisor.sendto(state, address)
