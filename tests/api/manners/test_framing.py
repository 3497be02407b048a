"""What two readers could understand differently is refused, and never a request."""

from __future__ import annotations

import pytest

from tests.support.malformed import BAD_FIELDS, BAD_LINES
from tests.support.manners import POST, Service, assert_problem, fields


@pytest.mark.parametrize("lines", BAD_FIELDS.values(), ids=BAD_FIELDS.keys())
def test_ambiguous_header_is_refused_and_closed(service: Service, lines: tuple[bytes, ...]) -> None:
    """What two readers could understand differently is 400, and what follows is never a request."""
    with service.connect() as client:
        answer = client.ask(fields(*lines, body=b"hello") + POST)

        assert_problem(answer, 400, "malformed_request")
        assert answer.headers["Connection"] == "close"
        assert client.is_closed()


@pytest.mark.parametrize("line", BAD_LINES.values(), ids=BAD_LINES.keys())
def test_malformed_request_line_is_refused_and_closed(service: Service, line: bytes) -> None:
    """A line that is not one is 400."""
    with service.connect() as client:
        answer = client.ask(fields(b"Host: a", line=line) + POST)

        assert_problem(answer, 400, "malformed_request")
        assert client.is_closed()


@pytest.mark.parametrize("line", [b"GET /health HTTP/2.0", b"GET /health HTTP/0.9", b"GET /health HTTP/1.2"])
def test_other_version_is_refused_and_closed(service: Service, line: bytes) -> None:
    """Only 1.0 and 1.1 are spoken."""
    with service.connect() as client:
        answer = client.ask(fields(b"Host: a", line=line))

        assert_problem(answer, 505, "http_version_not_supported")
        assert client.is_closed()


def test_prior_knowledge_of_http_2_is_refused_and_closed(service: Service) -> None:
    """The HTTP/2 preface is answered in HTTP/1.1."""
    with service.connect() as client:
        answer = client.ask(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")

        assert_problem(answer, 505, "http_version_not_supported")
        assert client.is_closed()


@pytest.mark.parametrize("request_", [b"GET /health HTTP/1.1\nHost: a\n\n", b"GET /health HTTP/1.1\r\nHost: a\n"])
def test_bare_line_feeds_are_refused_without_waiting_for_more(service: Service, request_: bytes) -> None:
    """A client that ends lines with LF hears so before the time-out."""
    with service.connect() as client:
        answer = client.ask(request_)

    assert_problem(answer, 400, "malformed_request")


def test_coding_of_http_1_0_is_refused(service: Service) -> None:
    """HTTP/1.0 has no chunks."""
    with service.connect() as client:
        coded = (b"Host: a", b"Transfer-Encoding: chunked")
        answer = client.ask(fields(*coded, line=b"POST /echo HTTP/1.0", body=b"0\r\n\r\n"))

    assert_problem(answer, 400, "malformed_request")


def test_one_empty_line_before_a_request_is_ignored(service: Service) -> None:
    """A CRLF left over from an old client's body does no harm, two are too many."""
    with service.connect() as client:
        assert client.ask(b"\r\n" + POST).status == 201
        assert client.ask(b"\r\n\r\n" + POST).status == 400


@pytest.mark.parametrize("lines", [(), (b"Host: a", b"Host: b")])
def test_absolute_target_does_not_stand_in_for_the_host_field(service: Service, lines: tuple[bytes, ...]) -> None:
    """Missing and double Host stay refused when the target names a host."""
    with service.connect() as client:
        answer = client.ask(fields(*lines, line=b"GET http://a/health HTTP/1.1"))

    assert_problem(answer, 400, "malformed_request")
