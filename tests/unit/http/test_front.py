"""What stands in front of both services: paths, origins, hosts, the admin token."""

from __future__ import annotations

import pytest

from parley.domain.errors import ForbiddenError, UnauthorizedError
from parley.http.auth import Access
from parley.http.cors import Cors
from parley.http.exchange import Exchange
from parley.http.front import Front
from tests.unit.http.exchanges import make_request, told

SECRET = "s3cret-token"  # noqa: S105 - of a test


def _ok(exchange: Exchange) -> None:
    exchange.respond(200, [(b"Content-Type", b"text/plain")], b"ok")


@pytest.fixture
def front() -> Front:
    """Give a front as on a loopback bind."""
    return Front(_ok, Cors([], is_loopback=True))


@pytest.mark.parametrize("path", ["/a", "/a/b", "/a%2", "/a%41", "/%", "*", ""])
def test_a_plain_path_is_handed_on(path: str, front: Front) -> None:
    """Whatever is there decides about it."""
    request = make_request(path)

    front(request)

    assert told(request)[0] == 200


@pytest.mark.parametrize("path", ["/", "/a/", "//a", "/a//b", "/a%2Fb", "/a%2fb", "//"])
def test_a_second_spelling_is_not_found(path: str, front: Front) -> None:
    """A resource has one spelling of its path."""
    request = make_request(path)

    front(request)

    status, headers, body = told(request)
    assert status == 404
    assert headers["Content-Type"] == "application/problem+json"
    assert b'"code":"route_not_found"' in body


def test_a_request_without_an_origin_has_no_cors_headers(front: Front) -> None:
    """Nothing is added."""
    request = make_request("/a")

    front(request)

    assert set(told(request)[1]) == {"Content-Type"}


@pytest.mark.parametrize("path", ["/a", "/a/"])
def test_an_allowed_origin_is_named_on_every_answer(path: str, front: Front) -> None:
    """On refusals too."""
    request = make_request(path, headers={b"origin": b"http://localhost:5173"})

    front(request)

    headers = told(request)[1]
    assert headers["Access-Control-Allow-Origin"] == "http://localhost:5173"
    assert headers["Vary"] == "Origin"


def test_a_foreign_origin_only_varies_the_answer(front: Front) -> None:
    """A cache must know that another origin would be answered otherwise."""
    request = make_request("/a", headers={b"origin": b"https://evil.example"})

    front(request)

    headers = told(request)[1]
    assert headers["Vary"] == "Origin"
    assert not [name for name in headers if name.startswith("Access-Control")]


def test_a_preflight_of_a_foreign_origin_is_an_ordinary_request(front: Front) -> None:
    """The application answers OPTIONS as it likes."""
    asked = {b"origin": b"https://evil.example", b"access-control-request-method": b"POST"}
    request = make_request("/a", "OPTIONS", headers=asked)

    front(request)

    assert told(request)[0] == 200


@pytest.mark.parametrize(
    ("origin", "is_allowed"),
    [
        ("https://chat.example", True), ("https://other.example", True), ("http://chat.example", False),
        ("http://localhost:5173", False), ("null", False), ("*", False),
    ],
)  # fmt: skip
def test_configured_origins_are_the_only_ones(origin: str, is_allowed: bool) -> None:  # noqa: FBT001 - a table's column
    """With a configuration, loopback is no longer implied; without one, a public bind allows nobody."""
    configured = Cors(["https://chat.example", " https://other.example "], is_loopback=True)

    assert configured.allows(origin.encode()) is is_allowed
    assert not Cors([], is_loopback=False).allows(origin.encode())


@pytest.mark.parametrize("given", ["Bearer s3cret-token", "bearer s3cret-token", "BEARER  s3cret-token "])
def test_the_admin_token_opens(given: str) -> None:
    """The scheme's case does not count, nor does the host."""
    Access(SECRET).check(make_request(headers={b"authorization": given.encode(), b"host": b"chat.example"}))


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer s3cret", "Bearer S3CRET-TOKEN", "Basic s3cret-token", "s3cret-token"]
)
def test_a_wrong_admin_token_is_refused(given: str) -> None:
    """Also from a loopback host."""
    with pytest.raises(UnauthorizedError):
        Access(SECRET).check(make_request(headers={b"authorization": given.encode()}))


def test_a_token_that_is_not_ascii_is_compared_as_bytes() -> None:
    """Whatever bytes a client sends, it is refused and nothing breaks."""
    with pytest.raises(UnauthorizedError):
        Access(SECRET).check(make_request(headers={b"authorization": b"Bearer \xff\xfe"}))


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:3000", "127.8.9.1", "[::1]", "LocalHost:1"])
def test_without_a_token_loopback_hosts_are_open(host: str) -> None:
    """Names and addresses of this machine."""
    Access(None).check(make_request(headers={b"host": host.encode()}))


@pytest.mark.parametrize(
    "host", ["", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "[::2]", "127.1"]
)
def test_without_a_token_other_hosts_are_refused(host: str) -> None:
    """DNS rebinding."""
    with pytest.raises(ForbiddenError) as raised:
        Access(None).check(make_request(headers={b"host": host.encode()}))

    assert raised.value.code == "host_not_allowed"
