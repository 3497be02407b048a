"""The end of a connection that asks nothing: looked at, and told, in one breath."""

from __future__ import annotations

import asyncio
import socket

from parley.http.wire.ending import end_unless_asked


class Held(asyncio.Transport):
    """A transport of a socket, with nothing unsent."""

    def __init__(self, held: socket.socket) -> None:
        """Hold it."""
        super().__init__(extra={"socket": held})

    def get_write_buffer_size(self) -> int:
        """Have nothing."""
        return 0


def test_a_client_that_asks_nothing_is_told_at_once() -> None:
    """Before the loop closes the socket; one that has asked is not, and its request stays to be read."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"GET")
        asked = end_unless_asked(Held(ours))
        request = ours.recv(10)
        idle = end_unless_asked(Held(ours))
        told = theirs.recv(1)

    assert (asked, request) == (False, b"GET")
    assert (idle, told) == (True, b"")


def test_a_client_that_is_gone_needs_to_be_told_nothing() -> None:
    """It left before we looked, or between the look and the end: a stop goes on."""
    ours, theirs = socket.socketpair()
    with ours:
        theirs.close()
        left = end_unless_asked(Held(ours))
    with socket.socket(type=socket.SOCK_DGRAM) as connected_to_nobody:  # nothing to read, and cannot be shut down
        between = end_unless_asked(Held(connected_to_nobody))

    assert (left, between) == (True, True)
