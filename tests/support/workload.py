"""HTTP clients that create messages without pause and remember what became of each request.

An outcome is *acknowledged* when the whole 201 was read, *refused* when the request was certainly
not done, and *unknown* when it was sent and no whole answer came. A client sends what is refused or
unknown again, with the same idempotency key, until it is acknowledged.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.support.client import JSON_TYPE, Answer, render
from tests.support.tenant import APPLICATIONS

OK_CREATED = 201
UNAVAILABLE = 503
UNKNOWN_OUTCOME = 504


class NotSentError(Exception):
    """There was no connection, so the request never left."""


class NoAnswerError(Exception):
    """The request was sent and no whole answer came: its outcome is unknown."""


class AsyncClient:
    """One keep-alive connection to one service, opened when it is needed."""

    def __init__(self, url: str) -> None:
        """Remember where the service is."""
        parts = urlsplit(url)
        self._authority, self._host, self._port = parts.netloc, parts.hostname, parts.port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, target: str, value: object, key: str | None) -> Answer:
        """Send one JSON request, with an idempotency key if there is one, and read its answer, as `request` does."""
        return await self.request("POST", target, value, [] if key is None else [("Idempotency-Key", key)])

    async def request(
        self, method: str, target: str, value: object = None, headers: Sequence[tuple[str, str]] = ()
    ) -> Answer:
        """Send one request, with a JSON body if there is a value, and read its answer.

        Raises:
            NotSentError: the service did not take the connection.
            NoAnswerError: the outcome is unknown.
        """
        if self._streams is not None and self._streams[0].at_eof():
            self.close()  # the service has ended it meanwhile
        try:
            self._streams = self._streams or await asyncio.open_connection(self._host, self._port)
        except OSError as error:
            raise NotSentError from error
        reader, writer = self._streams
        body = None if value is None else json.dumps(value, ensure_ascii=False).encode()
        sent = headers if body is None else [JSON_TYPE, *headers]
        try:
            writer.write(render(method, target, body, sent, self._authority))
            answer = await _read_answer(reader)
        except (OSError, asyncio.IncompleteReadError) as error:
            self.close()
            raise NoAnswerError from error
        except BaseException:  # what was sent on this connection is nobody's any more
            self.close()
            raise
        if (answer.header("Connection") or "").lower() == "close":
            self.close()
        return answer

    def close(self) -> None:
        """Drop the connection."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def _read_answer(reader: asyncio.StreamReader) -> Answer:
    status_line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")[:-4].split("\r\n")
    _version, status, reason = (status_line + " ").split(" ", 2)
    headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    answer = Answer(int(status), reason.strip(), headers, b"")
    return answer._replace(body=await reader.readexactly(int(answer.header("Content-Length") or 0)))


class Progress:
    """Wakes those who wait for a condition whenever something happened."""

    def __init__(self) -> None:
        """Start with nobody waiting."""
        self._happened = asyncio.Event()

    def note(self) -> None:
        """Say that something happened."""
        self._happened.set()

    async def reach(self, condition: Callable[[], bool]) -> None:
        """Return, in the same loop turn, when the condition holds."""
        while not condition():
            self._happened.clear()
            await self._happened.wait()


@asynccontextmanager
async def at_work(clients: Iterable[Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Run the clients inside and wait for them on leaving; they are cancelled if what is inside fails."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(client) for client in clients]
        try:
            yield
        except BaseException:
            for task in tasks:
                task.cancel()
            raise


class Posted(NamedTuple):
    """A message that a client sent: where, and what."""

    chat: int
    body: str


class CreateLoad:
    """Concurrent clients that create messages in one application's chats, each with a key of its own."""

    def __init__(  # noqa: PLR0913 - what a load is made of
        self, urls: Sequence[str], token: str, chats: int, rng: Random, progress: Progress, *, keyed: bool = True
    ) -> None:
        """Share the clients among the services, send to random chats from 1 to ``chats``.

        Without keys a message is sent again only where it certainly was not written.
        """
        self._keyed = keyed
        self.aside = 0
        """Acknowledged with a number that the standby gave."""
        self.acknowledged: dict[tuple[int, int], str] = {}
        """Body by (chat, number)."""
        self.in_flight = 0
        self.unknown: list[Posted] = []
        self.replayed = 0
        """Acknowledged, though not the first time."""
        self.findings: list[object] = []
        """Answers that no create may get, and numbers given twice."""
        self.retrying = True
        """Whether a client sends again what was refused or unknown; else it ends there."""
        self._urls, self._token, self._chats, self._rng, self._progress = urls, token, chats, rng, progress
        self._sent = 0
        self._up = asyncio.Event()
        self._up.set()
        self._stopping = False

    def server_is_down(self) -> None:
        """Make clients that lost their connection wait."""
        self._up.clear()

    def server_is_up(self) -> None:
        """Let them try again."""
        self._up.set()

    @asynccontextmanager
    async def running(self, clients: int) -> AsyncIterator[None]:
        """Run the clients inside; on leaving, each finishes the message that it is at."""
        async with at_work(self._work(self._urls[i % len(self._urls)]) for i in range(clients)):
            yield
            self._stopping = True

    async def _work(self, url: str) -> None:
        client = AsyncClient(url)
        try:
            while not self._stopping:
                self._sent += 1
                body = f"{self._sent}. " + "\N{SUSHI} é x" * self._rng.randint(0, 20)
                posted = Posted(self._rng.randint(1, self._chats), body)
                if not await self._deliver(client, f"load-{self._sent}", posted):
                    return
        finally:
            client.close()

    async def _deliver(self, client: AsyncClient, key: str, posted: Posted) -> bool:
        """Send one message until it is acknowledged, or once only."""
        while not await self._try(client, key, posted):
            if not self.retrying:
                return False
            await self._up.wait()
        return True

    async def _try(self, client: AsyncClient, key: str, posted: Posted) -> bool:
        target = f"{APPLICATIONS}/{self._token}/chats/{posted.chat}/messages"
        self.in_flight += 1
        try:
            answer = await client.post(target, {"body": posted.body}, key if self._keyed else None)
        except NotSentError:
            return False
        except NoAnswerError:
            self.unknown.append(posted)
            return not self._keyed
        finally:
            self.in_flight -= 1
            self._progress.note()
        return self._take(answer, posted)

    def _take(self, answer: Answer, posted: Posted) -> bool:
        if answer.status == UNKNOWN_OUTCOME:
            self.unknown.append(posted)
            if not self._keyed:
                return True
        if answer.status in {UNAVAILABLE, UNKNOWN_OUTCOME}:
            return False
        if answer.status != OK_CREATED:
            self.findings.append((posted, answer))
            return True
        place = posted.chat, answer.json()["number"]
        if place in self.acknowledged:
            self.findings.append(("number given twice", place, self.acknowledged[place], posted))
        self.acknowledged[place] = posted.body
        self.aside += answer.header("Parley-Degraded") == "numbering"
        self.replayed += answer.header("Idempotent-Replayed") == "true"
        return True
