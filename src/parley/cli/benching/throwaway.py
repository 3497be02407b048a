"""An application that is there for one run, and is deleted with all it has when the run is over, however it ends."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Final, Self

import httpx
import msgspec

from parley.cli.benching.book import Book
from parley.cli.benching.mix import texts
from parley.cli.benching.ranges import Ranges
from parley.cli.client import APPLICATIONS, PAGE_LIMIT, ApiError, call, next_page, read_answer
from parley.cli.lane import parse_retry_after
from parley.telemetry.clock import SystemClock

SEEDS: Final = 100
"""Messages that each chat begins with where reads are asked for: two pages."""
SETTLED_AFTER_S: Final = 15.0
"""Counts that have not moved for so long are what they are: a deployment promises them within 5 s."""

_LOOK_EVERY_S: Final = 0.2
_PATIENCE_S: Final = 15.0
"""So long a deployment that is just restarting is asked again."""
_PASSING: Final = frozenset({429, 502, 503, 504})
_JSON: Final = {"Content-Type": "application/json"}
_NOT_FOUND: Final = 404
_CLOCK: Final = SystemClock()


class _Application(msgspec.Struct):
    token: str


class _Chat(msgspec.Struct):
    number: int
    messages_count: int = 0


class _Numbers(msgspec.Struct):
    numbers: list[int]


class _Message(msgspec.Struct):
    number: int


class Throwaway:
    """Create it with ``with``; ``is_deleted`` says afterwards whether it is gone."""

    def __init__(self, client: httpx.Client, admin: dict[str, str], name: str) -> None:
        """Take a client of the full API, the admin's headers, and a name that tells people whose it is."""
        self.path = ""
        self.is_deleted = False
        self._client = client
        self._admin = admin
        self._name = name

    def __enter__(self) -> Self:
        """Create it."""
        body = msgspec.json.encode({"name": self._name})
        answer = call(self._client, "POST", APPLICATIONS, content=body, headers={**_JSON, **self._admin})
        self.path = f"{APPLICATIONS}/{read_answer(answer, _Application).token}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Delete it, or say how to."""
        try:
            self._delete()
            self.is_deleted = True
        except ApiError as trouble:
            _say(f"{trouble.detail}; {self._remedy()}")
        except BaseException:
            _say(self._remedy())
            raise

    def open_chats(self, count: int, size: int, book: Book, *, seeded: bool) -> None:
        """Open chats 1 to ``count``, with something to read if ``seeded``."""
        bulk = msgspec.json.encode({"messages": [{"body": text} for text in (texts(size) * SEEDS)[: _seeds_of(size)]]})
        for chat in range(1, count + 1):
            number = read_answer(call(self._client, "POST", f"{self.path}/chats"), _Chat).number
            if number != chat:
                raise ApiError(f"chat {chat} of a new application has the number {number}")
            if seeded:
                place = f"{self.path}/chats/{chat}/messages/bulk"
                answer = call(self._client, "POST", place, content=bulk, headers=_JSON)
                for number in read_answer(answer, _Numbers).numbers:
                    book.acknowledge(chat, number)

    def settled_counts(self, at_least: Mapping[int, int]) -> dict[int, int]:
        """Give each chat's count once none is below ``at_least``, or they no longer move.

        Raises:
            ApiError: they cannot be read.
        """
        total, still_s = -1, 0.0
        while True:
            counts = self._counts()
            still_s = still_s + _LOOK_EVERY_S if sum(counts.values()) == total else 0.0
            if still_s > SETTLED_AFTER_S or all(counts.get(chat, 0) >= least for chat, least in at_least.items()):
                return counts
            total = sum(counts.values())
            time.sleep(_LOOK_EVERY_S)

    def stored(self, chat: int) -> Ranges:
        """Read the numbers of all messages of a chat.

        Raises:
            ApiError: they cannot be read.
        """
        numbers = Ranges()
        for answer in self._pages(f"{self.path}/chats/{chat}/messages"):
            for message in read_answer(answer, list[_Message]):
                numbers.add(message.number)
        return numbers

    def _counts(self) -> dict[int, int]:
        return {
            chat.number: chat.messages_count
            for answer in self._pages(f"{self.path}/chats")
            for chat in read_answer(answer, list[_Chat])
        }

    def _pages(self, path: str) -> Iterator[httpx.Response]:
        following: str | None = f"{path}?limit={PAGE_LIMIT}"
        while following:
            answer = self._patiently("GET", following)
            yield answer
            following = next_page(answer, path)

    def _delete(self) -> None:
        """Delete it; gone already is gone."""
        answer = self._patiently("DELETE", self.path)
        if not answer.is_success and answer.status_code != _NOT_FOUND:
            read_answer(answer, _Application)

    def _patiently(self, method: str, path: str) -> httpx.Response:
        """Send a request, again and again while the deployment asks for patience or is away; give the last answer."""
        until = time.monotonic() + _PATIENCE_S
        while True:
            wait_s = _LOOK_EVERY_S
            try:
                answer = call(self._client, method, path)
            except ApiError:
                if time.monotonic() >= until:
                    raise
            else:
                if answer.status_code not in _PASSING or time.monotonic() >= until:
                    return answer
                wait_s = max(wait_s, parse_retry_after(answer.headers.get("Retry-After"), _CLOCK.now_ms() / 1000))
            time.sleep(min(wait_s, max(until - time.monotonic(), 0.0)))

    def _remedy(self) -> str:
        target = shlex.quote(f"{self._client.base_url!s}".rstrip("/") + self.path)
        return f"this run's application is still there; delete it with: curl -X DELETE {target}"


def _seeds_of(size: int) -> int:
    """Give how many messages of a size fit a request well."""
    return max(1, min(SEEDS, 512 * 1024 // (size + 16)))


def _say(text: str) -> None:
    sys.stderr.write(f"parley: {text}\n")
