"""Addresses, tokens and answers of a deployment."""

from __future__ import annotations

import httpx
import msgspec
import pytest

from parley.cli.client import ApiError, admin_headers, application_path, next_page, parse_url, read_answer, read_problem
from parley.domain.errors import ParleyError

REQUEST = httpx.Request("GET", "http://parley.test/prefix/api/v1/applications?limit=100")


def answer(status: int, content: bytes = b"", **headers: str) -> httpx.Response:
    """Make an answer to a request behind a proxy's prefix."""
    return httpx.Response(status, content=content, headers=headers, request=REQUEST)


@pytest.mark.parametrize("text", ["http://127.0.0.1:3000", "https://chat.example/behind/a/proxy/", "http://[::1]:80"])
def test_address_is_taken(text: str) -> None:
    """A path before the API's own is kept, without its last slash."""
    assert str(parse_url(text)) == text.rstrip("/").removesuffix(":80")


@pytest.mark.parametrize(
    "text", ["", "127.0.0.1:3000", "ftp://x", "http://", "http://x?y=1", "http://x:port", "http:x"]
)
def test_address_is_refused(text: str) -> None:
    """The sentence shows what one looks like."""
    with pytest.raises(ParleyError, match=r"is not an address like http://127\.0\.0\.1:3000"):
        parse_url(text)


@pytest.mark.parametrize("token", ["", "a/b", "..", "a?b", "a b", "ä", "a" * 129, "%2e"])
def test_token_never_becomes_another_path(token: str) -> None:
    """What cannot be a token is refused before anything is sent."""
    with pytest.raises(ParleyError, match="--application"):
        application_path(token)


@pytest.mark.parametrize("token", ["two\nlines", "ключ", "a b", ""])
def test_admin_token_is_never_shown(token: str) -> None:
    """Not even when it cannot be sent."""
    with pytest.raises(ParleyError, match="must be printable ASCII") as caught:
        admin_headers(token)

    assert not token or token not in caught.value.detail


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'{"code":"c","error":"Chat not found"}', ("c", "Chat not found")),
        (b'{"code":"c","errors":{"a":["is x","is y"],"b":["is z"]}}', ("c", "a is x; a is y; b is z")),
        (b'{"detail":"Something"}', ("", "Something")),
        (b"{}", ("", "the server answered 404")),
        (b"<html>", ("", "the server answered 404 Not Found")),
        (b"\xff", ("", "the server answered 404 Not Found")),
    ],
)
def test_refusal_is_one_sentence(content: bytes, told: tuple[str, str]) -> None:
    """Problem documents and anything that stands in their place."""
    assert read_problem(answer(404, content)) == told


@pytest.mark.parametrize("content", [b"<html>", b"[]", b'{"number":"one"}', b"\xff"])
def test_answer_that_is_not_parleys_is_an_error(content: bytes) -> None:
    """Some other server may listen on that port."""

    class Numbered(msgspec.Struct):
        number: int

    with pytest.raises(ApiError, match="does not answer like Parley"):
        read_answer(answer(200, content), Numbered)


@pytest.mark.parametrize(
    "link",
    ["/api/v1/applications?cursor=x%3D&limit=2", "http://inside:80/api?cursor=x%3D&limit=2", "?cursor=x%3D&limit=2"],
)
def test_next_page_takes_nothing_but_the_links_query(link: str) -> None:
    """A proxy may have changed host and prefix; and no link leads the admin token to another host."""
    page = next_page(answer(200, Link=f'<{link}>; rel="next", </a>; rel="prev"'), "/api/v1/applications?limit=2")

    assert page == "/api/v1/applications?cursor=x%3D&limit=2"


def test_next_page_is_none_on_the_last_one() -> None:
    """Without a next link the walk ends."""
    assert next_page(answer(200, Link='</a?b=c>; rel="prev"'), "/a") is None
    assert next_page(answer(200), "/a") is None
