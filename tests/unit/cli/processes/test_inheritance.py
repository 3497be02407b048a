"""What a process gets from its parent."""

from __future__ import annotations

import os
import socket

import pytest

from parley.cli.processes.inheritance import Inheritance, follow_parent, parse_inheritance, take_sockets
from parley.domain.errors import ConfigurationError
from parley.http.wire.listener import bind


def test_process_reads_what_its_parent_wrote() -> None:
    """Written and read are the same."""
    inherited = Inheritance(2, 7, 9, 1234)

    assert parse_inheritance(str(inherited)) == inherited


@pytest.mark.parametrize("text", ["", "1", "1:2:3", "1:2:3:x", "1:2:3:-4", "1:2:3:4:5"])
def test_operator_may_not_write_it_by_hand(text: str) -> None:
    """Anything else is refused with a sentence."""
    with pytest.raises(ConfigurationError, match="never by hand"):
        parse_inheritance(text)


def test_process_takes_its_sockets() -> None:
    """They are the ones that the parent bound, and are not handed on to others."""
    with bind("127.0.0.1", 0) as service, socket.socket(socket.AF_UNIX) as admin:
        fds = os.dup(service.fileno()), os.dup(admin.fileno())

        taken = take_sockets(Inheritance(1, *fds, os.getpid()))

        assert taken[0].getsockname() == service.getsockname()
        assert taken[1].family == socket.AF_UNIX
        assert [each.get_inheritable() for each in taken] == [False, False]
        for each in taken:
            each.close()


def test_process_ends_when_there_is_no_such_socket_or_parent() -> None:
    """A process whose parent died while it started does not go on alone."""
    with pytest.raises(ConfigurationError, match="names no socket"):
        take_sockets(Inheritance(1, 1_000_000, 1_000_001, 1))
    with pytest.raises(ConfigurationError, match="the parent process is gone"):
        follow_parent(os.getpid())
