"""One keep-alive connection that repeats a request until its outcome is known."""

from __future__ import annotations

import asyncio
import ssl
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TYPE_CHECKING

import httpx

from parley.cli.client import HEADERS, TIMEOUT, read_problem, trouble
from parley.cli.wire import PlainTransport
from parley.domain.errors import ParleyError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from random import Random
    from types import TracebackType
    from typing import Self

RETRIED = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
"""Statuses after which the same request with the same key may still succeed."""

_FIRST_DELAY_S = 0.05
_LONGEST_DELAY_S = 1.0
_ONE_CONNECTION = httpx.Limits(max_connections=1, max_keepalive_connections=1)


class GaveUpError(ParleyError):
    """Nothing went forward for as long as the user was willing to wait."""

    code = "gave_up"


class Patience:
    """How long requests are repeated: until nothing at all went forward for ``give_up_after_s``.

    Shared by all lanes, so that one stuck request does not end a run in which others get through.
    """

    def __init__(
        self,
        give_up_after_s: float,
        clock: Callable[[], float],
        random: Random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Start waiting now; ``clock`` counts seconds and never goes back."""
        self._give_up_after_s = give_up_after_s
        self._clock = clock
        self._random = random
        self._sleep = sleep
        self._progress_at = clock()
        self.retries = 0
        self.trouble: str | None = None

    def progressed(self) -> None:
        """Note that a request has its outcome."""
        self._progress_at = self._clock()
        self.trouble = None

    async def pause(self, attempt: int, retry_after_s: float, reason: str) -> None:
        """Wait before the next attempt, ``attempt`` counting from 0.

        Raises:
            GaveUpError: the time without progress is used up.
        """
        left_s = self._give_up_after_s - (self._clock() - self._progress_at)
        if left_s <= 0:
            detail = f"gave up after {self._give_up_after_s:g} s without any progress; the last trouble: {reason}"
            raise GaveUpError(detail)
        self.retries += 1
        self.trouble = reason
        backoff_s = min(_LONGEST_DELAY_S, _FIRST_DELAY_S * 2.0 ** min(attempt, 16)) * self._random.uniform(0.5, 1)
        await self._sleep(min(retry_after_s + backoff_s, left_s))


class Lane:
    """A connection of its own: a pool that many tasks share costs three times the CPU a request."""

    def __init__(
        self,
        url: httpx.URL,
        patience: Patience,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        wall_clock: Callable[[], float],
    ) -> None:
        """Open nothing yet; ``wall_clock`` is only for a Retry-After that is a date."""
        self._url = url
        self._patience = patience
        self._wall_clock = wall_clock
        self._transport = transport or _open_transport(url)

    async def __aenter__(self) -> Self:
        """Give the lane itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        await self._transport.aclose()

    async def request(
        self, method: str, path: str, *, content: bytes | None = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """Send until there is an outcome, whatever it is: a success or a refusal that stays.

        A POST must carry an idempotency key, because it is sent again when its outcome is unknown.

        Raises:
            GaveUpError: see `Patience`.
        """
        request = httpx.Request(
            method,
            _join(self._url, path),
            content=content,
            headers={**HEADERS, **(headers or {})},
            extensions={"timeout": TIMEOUT.as_dict()},
        )
        attempt = 0
        while True:
            retry_after_s = 0.0
            try:
                answer = await self._send(request)
            except httpx.TransportError as error:
                reason = trouble(error)
            else:
                if answer.status_code not in RETRIED:
                    self._patience.progressed()
                    return answer
                retry_after_s = parse_retry_after(answer.headers.get("Retry-After"), self._wall_clock())
                reason = f"{answer.status_code} {read_problem(answer)[1]}"
            await self._patience.pause(attempt, retry_after_s, reason)
            attempt += 1

    async def _send(self, request: httpx.Request) -> httpx.Response:
        answer = await self._transport.handle_async_request(request)
        answer.request = request
        await answer.aread()
        return answer


@lru_cache(maxsize=4096)
def _join(base: httpx.URL, path: str) -> httpx.URL:
    """Parse an address once, not with every request to the same chat."""
    return httpx.URL(f"{base}".rstrip("/") + path)


def _open_transport(url: httpx.URL) -> httpx.AsyncBaseTransport:
    if url.scheme == "http":
        return PlainTransport()
    return httpx.AsyncHTTPTransport(verify=_tls(), limits=_ONE_CONNECTION)


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """Load the trusted certificates once for all lanes."""
    return httpx.create_ssl_context()


def parse_retry_after(text: str | None, now: float) -> float:
    """Read Retry-After, seconds or a date, as seconds from ``now``; 0 for none or nonsense."""
    if text is None:
        return 0.0
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except ValueError:
        return 0.0
