"""What every client command knows of a deployment: its address, and how to read its answers."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import httpx
import msgspec

from parley.domain.errors import ParleyError

APPLICATIONS = "/api/v1/applications"
DEFAULT_URL = "http://127.0.0.1:3000"
PAGE_LIMIT = 100
HEADERS = {"Accept": "application/json", "User-Agent": "parley-cli"}
TIMEOUT = httpx.Timeout(15, connect=5)

_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,128}")
_PRINTABLE = re.compile(r"[!-~]+")

T = TypeVar("T")


class ApiError(ParleyError):
    """The deployment refused a request, or answered what the contract does not know."""

    code = "api_error"

    def __init__(self, detail: str, *, status: int | None = None, code: str | None = None) -> None:
        """Keep the answer's status and the problem's own code."""
        super().__init__(detail, code=code)
        self.status = status


class _Problem(msgspec.Struct):
    code: str = ""
    error: str | None = None
    errors: dict[str, list[str]] | None = None
    detail: str | None = None
    title: str | None = None


def parse_url(text: str) -> httpx.URL:
    """Read a deployment's address, as ``http://127.0.0.1:3000``.

    Raises:
        ParleyError: it is not an http(s) address with a host.
    """
    try:
        url = httpx.URL(text.rstrip("/"))
    except (httpx.InvalidURL, UnicodeError) as error:
        raise _bad_url(text) from error
    if url.scheme not in {"http", "https"} or not url.host or url.query or url.fragment:
        raise _bad_url(text)
    return url


def application_path(token: str) -> str:
    """Give the path of the application with this token.

    Raises:
        ParleyError: the text cannot be a token, so it never becomes a part of a path.
    """
    if not _TOKEN.fullmatch(token):
        detail = "--application takes an application's token, as `parley apps create` prints it"
        raise ParleyError(detail, code="bad_token")
    return f"{APPLICATIONS}/{token}"


def admin_headers(token: str | None) -> dict[str, str]:
    """Give the headers that carry the admin token, without ever showing it.

    Raises:
        ParleyError: it holds what no header can.
    """
    if token is None:
        return {}
    if not _PRINTABLE.fullmatch(token):
        raise ParleyError("the admin token must be printable ASCII without spaces", code="bad_admin_token")
    return {"Authorization": f"Bearer {token}"}


def read_problem(answer: httpx.Response) -> tuple[str, str]:
    """Give a refusal's code and its one sentence."""
    try:
        problem = msgspec.json.decode(answer.content, type=_Problem)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "", f"the server answered {answer.status_code} {answer.reason_phrase}".rstrip()
    if problem.errors:
        sentence = "; ".join(f"{name} {text}" for name, texts in problem.errors.items() for text in texts)
    else:
        sentence = problem.error or problem.detail or problem.title or f"the server answered {answer.status_code}"
    return problem.code, sentence


def read_answer(answer: httpx.Response, kind: type[T]) -> T:
    """Decode a good answer.

    Raises:
        ApiError: the answer is a refusal, or not what the contract says.
    """
    if not answer.is_success:
        code, sentence = read_problem(answer)
        raise ApiError(sentence, status=answer.status_code, code=code or None)
    try:
        return msgspec.json.decode(answer.content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        detail = f"{answer.request.url.host} does not answer like Parley ({error})"
        raise ApiError(detail, status=answer.status_code) from error


def call(client: httpx.Client, method: str, path: str, **options: Any) -> httpx.Response:  # noqa: ANN401
    """Send one request without repeating it.

    Raises:
        ApiError: the deployment cannot be reached.
    """
    try:
        return client.request(method, path, **options)
    except httpx.TransportError as error:
        raise ApiError(f"cannot reach {client.base_url}: {trouble(error)}", code="unreachable") from error


def next_page(answer: httpx.Response, path: str) -> str | None:
    """Give ``path`` with the query of ``Link rel="next"``.

    Only the query: a link's host and prefix are the server's own view, not that of a client behind a proxy.
    """
    link = answer.links.get("next", {}).get("url")
    if link is None:
        return None
    return f"{path.partition('?')[0]}?{answer.request.url.join(link).query.decode('ascii')}"


def trouble(error: httpx.TransportError) -> str:
    """Say in a few words what went wrong on the wire."""
    return str(error).strip() or type(error).__name__


def _bad_url(text: str) -> ParleyError:
    return ParleyError(f"{text!r} is not an address like {DEFAULT_URL}", code="bad_url")
