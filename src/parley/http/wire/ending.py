"""Ends a connection of which the client must not think that it took a request."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress


def end_unless_asked(transport: asyncio.Transport) -> bool:
    """Tell the client that nothing more is answered; False, and nothing is told, if it has asked already.

    An event loop closes a socket a turn after it was asked to. A request that comes meanwhile is lost without an
    answer, and its client cannot know whether it was done: so here it is looked for and ended in one breath.
    """
    found = transport.get_extra_info("socket")
    if found is None or transport.get_write_buffer_size():
        return True
    with socket.fromfd(found.fileno(), found.family, found.type) as own, suppress(OSError):  # it may be gone
        try:
            return not own.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            own.shutdown(socket.SHUT_WR)
    return True
