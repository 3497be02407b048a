"""New connections go to the sockets that somebody serves."""

from __future__ import annotations

import socket
import struct
from collections import Counter

from parley.cli.processes.steering import choose_among, steer
from parley.http.wire.listener import bind_shared

CLIENTS = 40


def spread(sockets: list[socket.socket]) -> Counter[int]:
    """Connect some clients and count whose queue they are in."""
    clients = [socket.create_connection(sockets[0].getsockname()) for _ in range(CLIENTS)]
    found: Counter[int] = Counter()
    for index, each in enumerate(sockets):
        while accepted := accept(each):
            accepted.close()
            found[index] += 1
    for client in clients:
        client.close()
    return found


def accept(listening: socket.socket) -> socket.socket | None:
    """Take a connection out of the queue, if there is one."""
    try:
        return listening.accept()[0]
    except BlockingIOError:
        return None


def test_clients_wait_in_no_queue_that_nobody_serves() -> None:
    """Those that are left share the newcomers; with all back, the kernel spreads as it likes."""
    sockets = bind_shared("127.0.0.1", 0, 3)

    steer(sockets, [0, 2])
    without_one = spread(sockets)
    steer(sockets, [1])
    alone = spread(sockets)
    steer(sockets, [0, 1, 2])
    steer(sockets, [])
    everywhere = spread(sockets)

    for each in sockets:
        each.close()
    assert set(without_one) == {0, 2}
    assert without_one.total() == CLIENTS
    assert alone == {1: CLIENTS}
    assert everywhere.total() == CLIENTS
    assert everywhere[1] < CLIENTS


def test_program_names_each_chosen_socket() -> None:
    """It ends with a return whatever the draw."""
    code = choose_among([4, 9])

    steps = [struct.unpack("=HBBI", code[at : at + 8]) for at in range(0, len(code), 8)]
    assert [step[3] for step in steps if step[0] == 0x06] == [4, 9, 4]
