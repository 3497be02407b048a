"""One client: one request after the other, each written down before it is sent and when its answer is whole."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

from parley.verify.history import Event
from tests.faults.recorder import Recorder
from tests.support.client import Answer
from tests.support.workload import OK_CREATED, UNAVAILABLE, AsyncClient, NoAnswerError, NotSentError

ANSWER_S: Final = 12.0
"""A client that hears nothing for longer takes the outcome for unknown."""

Became = Literal["ok", "fail", "info"]
Said = Mapping[str, Any]


class Door(NamedTuple):
    """A service that can be asked, by the name of its kind."""

    svc: Literal["api", "write"]
    url: str


class Doors(NamedTuple):
    """Where the services are."""

    api: Sequence[Door]
    write: Sequence[Door]


class NotAnsweredError(Exception):
    """An answer that a read cannot use: it is as if nothing had been asked."""

    def __init__(self, answer: Answer) -> None:
        """Keep the answer."""
        super().__init__(f"{answer.status}")
        self.answer = answer


class RecordedClient:
    """Keeps a connection to each door that it uses; after an unknown outcome it goes on as another client."""

    def __init__(self, recorder: Recorder) -> None:
        """Write down into a recording."""
        self._recorder = recorder
        self._connections: dict[str, AsyncClient] = {}
        self.p = recorder.new_client()
        self.i = 0

    def close(self) -> None:
        """Drop every connection."""
        for connection in self._connections.values():
            connection.close()

    async def ask(
        self, door: Door, method: str, target: str, value: object = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one request and give its answer; what is not answered in time is as lost as a cut connection."""
        connection = self._connections.setdefault(door.url, AsyncClient(door.url))
        try:
            async with asyncio.timeout(ANSWER_S):
                return await connection.request(method, target, value, list((headers or {}).items()))
        except TimeoutError as error:
            raise NoAnswerError from error

    async def write(
        self, said: Said, send: Callable[[], Awaitable[Answer]], read: Callable[[Answer], Said] = lambda _: {}
    ) -> Event:
        """Do what changes something; give what became of it, with what `read` found in a good answer."""
        self._recorder.write(p=self.p, i=self.i, t="invoke", **said)
        became, told = await self._outcome(send, read)
        event = self._recorder.write(p=self.p, i=self.i, t=became, **{**said, **told})
        self.i += 1
        if became == "info":
            self.p, self.i = self._recorder.new_client(), 0
        return event

    async def read(self, said: Said, find: Callable[[], Awaitable[Said]]) -> Event:
        """Do what changes nothing: without an answer that can be used it has failed, whatever the reason."""
        self._recorder.write(p=self.p, i=self.i, t="invoke", **said)
        became: Became = "ok"
        try:
            told = await find()
        except NotAnsweredError as error:
            became, told = "fail", describe(error.answer)
        except (NotSentError, NoAnswerError):
            became, told = "fail", {}
        event = self._recorder.write(p=self.p, i=self.i, t=became, **{**said, **told})
        self.i += 1
        return event

    async def _outcome(
        self, send: Callable[[], Awaitable[Answer]], read: Callable[[Answer], Said]
    ) -> tuple[Became, Said]:
        try:
            answer = await send()
        except NotSentError:
            return "fail", {}
        except NoAnswerError:
            return "info", {}
        if answer.status < 300:
            return "ok", {**describe(answer), **read(answer)}
        return ("info" if answer.status >= 500 and answer.status != UNAVAILABLE else "fail"), describe(answer)


def describe(answer: Answer) -> dict[str, Any]:
    """Give what every answer says of itself."""
    told: dict[str, Any] = {"http": answer.status}
    if answer.status >= 400:
        told["code"] = answer.json().get("code", "")
    if level := answer.header("Parley-Durability"):
        told["level"] = level
    if answer.header("Idempotent-Replayed") == "true":
        told["replayed"] = True
    if degraded := answer.header("Parley-Degraded"):
        told["degraded"] = tuple(word.strip() for word in degraded.split(","))
    return told


def is_created(event: Event) -> bool:
    """Tell whether a create was acknowledged."""
    return event.t == "ok" and event.http == OK_CREATED
