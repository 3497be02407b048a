"""What the service manager is told (sd_notify(3))."""

from __future__ import annotations

import socket
from typing import Final

from parley.config import notify_socket
from parley.telemetry.clock import Clock

READY: Final = b"READY=1"
STOPPING: Final = b"STOPPING=1"


def tell_systemd(state: bytes) -> None:
    """Send a state to systemd, if it started us."""
    address = notify_socket()
    if address is None:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as supervisor:
        supervisor.sendto(state, address)


def reloading(clock: Clock) -> bytes:
    """Give the state of a service whose processes are being replaced; `READY` ends it."""
    return b"RELOADING=1\nMONOTONIC_USEC=%d" % (clock.monotonic() * 1_000_000)
