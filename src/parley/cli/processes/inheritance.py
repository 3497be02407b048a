"""What a process of several gets from its parent: sockets that are bound already, and its number."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
from typing import Final, NamedTuple

from parley.domain.errors import ConfigurationError

OPTION: Final = "--inherited"
"""The hidden option of a command that is such a process."""

_PR_SET_PDEATHSIG: Final = 1


class Inheritance(NamedTuple):
    """What the parent writes on the command line of a process that it starts."""

    slot: int
    """Which of the processes this is, from 1."""
    service_fd: int
    """The listening socket of the slot."""
    admin_fd: int
    """The listening socket for probes, which only the parent reaches."""
    parent_pid: int

    def __str__(self) -> str:
        """Write it as `parse_inheritance` reads it."""
        return ":".join(map(str, self))


def parse_inheritance(text: str) -> Inheritance:
    """Read what the parent wrote.

    Raises:
        ConfigurationError: somebody else wrote it.
    """
    parts = text.split(":")
    if len(parts) != len(Inheritance._fields) or not all(part.isdecimal() for part in parts):
        raise ConfigurationError(f"{OPTION} is given by a parent process, never by hand")
    return Inheritance(*map(int, parts))


def follow_parent(parent_pid: int) -> None:
    """Ask the kernel to stop us, as SIGTERM does, when the parent ends however it ends.

    Raises:
        ConfigurationError: the parent is gone already.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    if os.getppid() != parent_pid:
        raise ConfigurationError("the parent process is gone")


def take_sockets(inherited: Inheritance) -> tuple[socket.socket, socket.socket]:
    """Give the slot's socket and the one for probes.

    Raises:
        ConfigurationError: they are not there.
    """
    try:
        sockets = socket.socket(fileno=inherited.service_fd), socket.socket(fileno=inherited.admin_fd)
    except OSError as error:
        raise ConfigurationError(f"{OPTION} names no socket: {error.strerror}") from None
    for each in sockets:
        each.setblocking(False)  # noqa: FBT003 - the socket's own signature
        each.set_inheritable(False)
    return sockets
