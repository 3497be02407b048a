"""What a wire makes of replies that come one by one, from a peer that says just what the test wants."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from functools import partial

import pytest
import uvloop
from redis.asyncio.connection import Connection
from redis.exceptions import ReadOnlyError

from parley.log.redis.line import LostReplyError
from parley.log.redis.wire import NotSentError, Wire
from tests.support.pace import hold

PATIENCE_S = 10.0


class Peer:
    """Takes connections and lets the test speak on the last one."""

    def __init__(self) -> None:
        """Know nobody yet."""
        self.writers: list[asyncio.StreamWriter] = []
        self._heard: asyncio.Queue[bytes] = asyncio.Queue()

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Keep a connection, and what is said on it."""
        self.writers.append(writer)
        while said := await reader.read(4096):
            self._heard.put_nowait(said)
        writer.close()

    async def heard(self, words: bytes) -> None:
        """Wait until the client has said these words."""
        async with asyncio.timeout(PATIENCE_S):
            text = b""
            while words not in text:
                text += await self._heard.get()

    def say(self, reply: bytes) -> None:
        """Answer on the last connection."""
        self.writers[-1].write(reply)


@pytest.fixture
def peer() -> Peer:
    """Give a peer."""
    return Peer()


@pytest.fixture
async def wire(peer: Peer) -> AsyncIterator[Wire]:
    """Give a wire to it."""
    server = await asyncio.start_server(peer.meet, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    wire = Wire(partial(Connection, host="127.0.0.1", port=port, protocol=2, driver_info=None), PATIENCE_S)
    yield wire
    await wire.close()
    server.close()


async def test_a_server_that_is_no_primary_any_more_answers_what_was_sent(peer: Peer, wire: Wire) -> None:
    """Whoever sent behind the refused write gets a reply, not a doubt; who comes next connects anew."""
    write = asyncio.ensure_future(wire.exchange([("SET", "a", "b")]))
    behind = asyncio.ensure_future(wire.exchange([("ECHO", "c"), ("ECHO", "d")]))
    await peer.heard(b"d\r\n")
    peer.say(b"-READONLY You can't write against a read only replica.\r\n$1\r\nc\r\n")
    (refused,) = await write
    later = asyncio.ensure_future(wire.exchange([("ECHO", "e")]))
    first = peer.writers[-1]
    await peer.heard(b"e\r\n")
    first.write(b"$1\r\nd\r\n")

    assert isinstance(refused, ReadOnlyError)
    assert await behind == [b"c", b"d"]
    peer.say(b"$1\r\ne\r\n")
    assert await later == [b"e"]
    assert peer.writers[-1] is not first


@pytest.mark.parametrize(
    "end",
    [
        lambda peer: peer.writers[-1].close(),
        lambda peer: peer.say(b"?what\r\n"),
        lambda peer: peer.say(b"-NOAUTH Authentication required.\r\n"),
    ],
    ids=["closed", "nonsense", "sent away"],
)
async def test_what_has_come_is_kept_when_the_rest_is_lost(end: Callable[[Peer], None], peer: Peer, wire: Wire) -> None:
    """Each call is told for itself; nothing more is sent where nobody answers."""
    exchange = asyncio.ensure_future(wire.exchange([("ECHO", "a"), ("ECHO", "b")]))
    await peer.heard(b"b\r\n")
    peer.say(b"$1\r\na\r\n")
    end(peer)
    first, second = await exchange
    again = asyncio.ensure_future(wire.exchange([("ECHO", "c")]))
    await peer.heard(b"c\r\n")
    peer.say(b"$1\r\nc\r\n")

    assert (first, type(second)) == (b"a", LostReplyError)
    assert await again == [b"c"]
    assert len(peer.writers) == 2


async def test_who_gives_up_leaves_his_reply_behind(peer: Peer, wire: Wire) -> None:
    """It comes late and is nobody's: others get their own."""
    opening = asyncio.ensure_future(wire.exchange([("ECHO", "a")]))
    await peer.heard(b"a\r\n")
    peer.say(b"$1\r\na\r\n")
    await opening
    given_up = asyncio.ensure_future(wire.exchange([("ECHO", "b")]))
    other = asyncio.ensure_future(wire.exchange([("ECHO", "c")]))
    await peer.heard(b"c\r\n")
    given_up.cancel()
    peer.say(b"$1\r\nb\r\n$1\r\nc\r\n")

    assert await other == [b"c"]
    assert len(peer.writers) == 1


async def test_a_peer_that_says_nothing_is_left_after_the_time(peer: Peer) -> None:
    """Whether it connects to nobody, or to one that does not answer."""
    server = await asyncio.start_server(peer.meet, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    wire = Wire(partial(Connection, host="127.0.0.1", port=port, protocol=2, driver_info=None), 0.05)
    (silent,) = await wire.exchange([("ECHO", "a")])
    server.close()
    (absent,) = await wire.exchange([("ECHO", "b")])

    assert (type(silent), type(absent)) == (LostReplyError, NotSentError)


class Absent(Connection):
    """A server that is never reached."""

    async def connect(self) -> None:
        """Go on trying."""
        await asyncio.Event().wait()


async def test_all_who_wait_for_a_connection_are_told_at_the_same_time() -> None:
    """Whoever comes while somebody tries to connect does not try as long again after that."""
    patience_s = 0.4
    wire = Wire(Absent, patience_s)
    waiting = {asyncio.ensure_future(wire.exchange([("ECHO", "a")])) for _ in range(3)}
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    told, late = await asyncio.wait(waiting, timeout=patience_s / 2)

    assert late == set()
    assert [type(reply) for each in told for reply in await each] == [NotSentError] * 3


def test_a_reply_that_lies_in_the_socket_is_read_though_its_time_is_over() -> None:
    """The process stood still, not the server: a starved one took its log for lost. Seen on the loop that serves."""

    async def ask() -> list[object]:
        peer = Peer()
        server = await asyncio.start_server(peer.meet, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        wire = Wire(partial(Connection, host="127.0.0.1", port=port, protocol=2, driver_info=None), 0.1)
        first = asyncio.ensure_future(wire.exchange([("PING",)]))
        await peer.heard(b"PING")
        peer.say(b"+PONG\r\n")
        await first
        second = asyncio.ensure_future(wire.exchange([("ECHO", "x")]))
        await peer.heard(b"ECHO")

        loop, (left, right) = asyncio.get_running_loop(), socket.socketpair()

        def stand_still() -> None:  # where the loop looks at sockets: its timers come next, before it looks again
            loop.remove_reader(right)
            peer.say(b"+x\r\n")
            hold(0.3)

        loop.add_reader(right, stand_still)
        left.send(b"x")
        replies = await second
        await wire.close()
        server.close()
        left.close()
        right.close()
        return list(replies)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(ask()) == [b"x"]
