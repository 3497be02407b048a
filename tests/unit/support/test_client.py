"""The raw client: sends what it is told, shows what came back."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from tests.support.client import Client, ClosedError, chunked, render

Serve = Callable[[bytes], Client]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Give a client of a server that answers its first connection with these bytes and closes."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []
    clients: list[Client] = []

    def answer_with(raw: bytes) -> Client:
        def once() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(raw)

        threads.append(threading.Thread(target=once))
        threads[-1].start()
        clients.append(Client(f"http://127.0.0.1:{listener.getsockname()[1]}", timeout_s=5))
        return clients[-1]

    yield answer_with
    for client in clients:
        client.close()
    for thread in threads:
        thread.join()
    listener.close()


def test_the_client_shows_headers_in_order_with_duplicates(serve: Serve) -> None:
    """Names as sent, values trimmed."""
    client = serve(b"HTTP/1.1 200 OK\r\nB: 1\r\na:  2 \r\nb: 3\r\nContent-Length: 2\r\n\r\nhi")

    answer = client.get("/")

    assert (answer.status, answer.reason, answer.body) == (200, "OK", b"hi")
    assert answer.headers == [("B", "1"), ("a", "2"), ("b", "3"), ("Content-Length", "2")]
    assert answer.every("b") == ["1", "3"]
    assert (answer.header("A"), answer.header("c")) == ("2", None)
    with pytest.raises(AssertionError, match="2 times"):
        answer.header("b")


def test_the_client_reads_chunks(serve: Serve) -> None:
    """Extensions and trailers are passed over."""
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=1\r\nhi\r\n3\r\n yo\r\n0\r\nT: 1\r\n\r\n"

    assert serve(raw).get("/").body == b"hi yo"


@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", b"200 OK"), ("GET", b"304 Not Modified"), ("GET", b"204 No Content")]
)
def test_the_client_expects_no_body_where_there_is_none(method: str, status: bytes, serve: Serve) -> None:
    """Content-Length of HEAD and 304 is that of the GET."""
    answer = serve(b"HTTP/1.1 " + status + b"\r\nContent-Length: 5\r\n\r\n").request(method, "/")

    assert answer.body == b""


def test_the_client_skips_interim_answers(serve: Serve) -> None:
    """100 is not the answer."""
    answer = serve(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n").get("/")

    assert answer.status == 201


@pytest.mark.parametrize("raw", [b"", b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi"])
def test_the_client_says_when_the_answer_was_cut_off(raw: bytes, serve: Serve) -> None:
    """Half an answer is none."""
    with pytest.raises(ClosedError):
        serve(raw).get("/")


def test_a_request_has_no_hidden_headers() -> None:
    """Host and, for a body, Content-Length; each only unless it was given."""
    assert render("GET", "/x?y", None, [], "h:1") == b"GET /x?y HTTP/1.1\r\nHost: h:1\r\n\r\n"
    assert render("POST", "/", b"hi", {"A": b"\xff"}, "h") == (
        b"POST / HTTP/1.1\r\nHost: h\r\nA: \xff\r\nContent-Length: 2\r\n\r\nhi"
    )
    assert render("POST", "/", b"", [("host", "x"), ("content-length", "9")], "h") == (
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n"
    )


def test_chunks_are_written_with_their_end() -> None:
    """Sizes are hexadecimal."""
    assert chunked(b"a" * 10, b"b") == b"a\r\naaaaaaaaaa\r\n1\r\nb\r\n0\r\n\r\n"
