"""Requests as everybody sends them."""

from __future__ import annotations

import pytest

from tests.support.manners import GET, POST, Service, assert_problem, fields


def test_client_gets_what_it_sent_echoed(service: Service) -> None:
    """Method, path, query and body reach the application as they were sent."""
    with service.connect() as client:
        answer = client.ask(POST.replace(b"/echo", b"/echo?a=%20b&c"))

    assert answer.status == 201
    assert answer.json == {
        "method": "POST", "path": "/echo", "query": "a=%20b&c", "body": "hello", "has_body": True, "host": "a",
    }  # fmt: skip
    assert answer.headers["Server-Timing"].startswith("app;dur=")
    assert "Server" not in answer.headers
    assert "Connection" not in answer.headers


def test_client_keeps_the_connection_over_many_requests(service: Service) -> None:
    """A connection serves any number of requests."""
    with service.connect() as client:
        answers = [client.ask(POST if number % 2 else GET).status for number in range(50)]

    assert answers == [200, 201] * 25


def test_head_gets_the_header_of_get_without_its_body(service: Service) -> None:
    """HEAD tells the length and sends nothing; the next answer follows at once."""
    with service.connect() as client:
        head = client.ask(GET.replace(b"GET", b"HEAD"), head=True)
        after = client.ask(GET)

    assert (head.status, head.headers["Content-Length"]) == (200, str(len(after.body)))
    assert after.json == {"status": "healthy"}


@pytest.mark.parametrize(
    ("given", "kept"), [(b"a.B_c-9", True), (b"x" * 128, True), (b"x" * 129, False), (b"a b", False)]
)
def test_client_gets_its_request_id_back_when_it_is_well_formed(service: Service, given: bytes, kept: bool) -> None:  # noqa: FBT001
    """X-Request-Id is the client's, or a new one."""
    with service.connect() as client:
        answer = client.ask(fields(b"Host: a", b"X-Request-Id: " + given, line=b"GET /health HTTP/1.1"))

    assert (answer.headers["X-Request-Id"] == given.decode()) is kept


def test_client_of_http_1_0_is_closed_unless_it_asks(service: Service) -> None:
    """HTTP/1.0 needs no Host, closes by default and may keep alive."""
    with service.connect() as client:
        kept = client.ask(b"GET /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        closed = client.ask(b"GET /health HTTP/1.0\r\n\r\n")

        assert (kept.status, kept.headers["Connection"]) == (200, "keep-alive")
        assert (closed.status, closed.headers["Connection"]) == (200, "close")
        assert client.is_closed()


@pytest.mark.parametrize(
    ("target", "path", "host"),
    [
        (b"/echo", "/echo", "a"),
        (b"/%65cho", "/echo", "a"),
        (b"http://b.example:8080/echo", "/echo", "b.example:8080"),
        (b"HTTP://b/echo?x=1", "/echo", "b"),
    ],
)
def test_target_is_read_as_path_and_host(service: Service, target: bytes, path: str, host: str) -> None:
    """Percent-encoding is decoded, and an absolute target brings its own Host."""
    with service.connect() as client:
        answer = client.ask(POST.replace(b"/echo", target))

    assert (answer.status, answer.json["path"], answer.json["host"]) == (201, path, host)


def test_encoded_slash_separates_nothing(service: Service) -> None:
    """``%2F`` does not become a slash, so that no proxy's path rules can be walked around."""
    with service.connect() as client:
        assert client.ask(GET.replace(b"/health", b"/%2Fhealth")).status == 404
        assert client.ask(GET.replace(b"/health", b"%2fhealth")).status == 400


@pytest.mark.parametrize("method", [b"BREW", b"get", b"CONNECT", b"TRACE", b"PRI", b"M-SEARCH", b"X!#$%&'*+.^_`|~9"])
def test_unknown_method_reaches_the_application(service: Service, method: bytes) -> None:
    """Any token is a method: 405 with Allow on a known path, 404 elsewhere; the connection stays."""
    with service.connect() as client:
        known = client.ask(GET.replace(b"GET", method))
        unknown = client.ask(GET.replace(b"GET /health", method + b" /nowhere"))
        after = client.ask(GET)

    assert (known.status, known.headers["Allow"]) == (405, "GET, HEAD")
    assert (unknown.status, after.status) == (404, 200)


def test_body_of_an_unknown_method_is_not_taken_for_a_request(service: Service) -> None:
    """A method nobody knows frames its body like any other."""
    inner = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
    with service.connect() as client:
        first = client.ask(fields(b"Host: a", b"Content-Length: %d" % len(inner), line=b"BREW /x HTTP/1.1", body=inner))
        second = client.ask(POST)

    assert (first.status, second.status) == (404, 201)


def test_failing_application_tells_nothing_and_is_logged(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    """An exception becomes 500 without its text, the log has it once, and the connection goes on."""
    with service.connect() as client:
        broken = client.ask(GET.replace(b"/health", b"/broken"))
        after = client.ask(GET)

    assert_problem(broken, 500, "internal_error")
    assert b"secret" not in broken.body
    assert after.status == 200
    assert [record.__dict__["request_id"] for record in caplog.records] == [broken.headers["X-Request-Id"]]
