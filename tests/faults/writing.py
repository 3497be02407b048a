"""What a client writes: messages, bulks and chats, with keys or without; edits and deletions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import TYPE_CHECKING, Any, Final

from parley.verify.history import Event
from tests.faults.client import Doors, RecordedClient, Said, is_created
from tests.faults.words import Text, write_body, write_title
from tests.faults.world import KnownApplication, KnownChat
from tests.support.client import Answer
from tests.support.pace import hold_async

if TYPE_CHECKING:
    from tests.faults.load import Load

_KEYED: Final = 0.7
_RETRIED: Final = 0.5
_RETRIED_AFTER_S: Final = 0.2
_BULK: Final = 5
_UNAVAILABLE: Final = 503


class Writers:
    """One client's writes. Each says whether it was done, or was not possible at present."""

    def __init__(self, client: RecordedClient, doors: Doors, rng: Random, load: Load) -> None:
        """Write through any door that takes creates; changes need the full API."""
        self._client, self._doors, self._rng, self._load = client, doors, rng, load

    async def post(self, application: KnownApplication) -> bool:
        """Create a message."""
        chat = application.pick_chat(self._rng)
        return chat is None or await self._post(application, chat, 1)

    async def post_bulk(self, application: KnownApplication) -> bool:
        """Create several messages that belong together."""
        chat = application.pick_chat(self._rng)
        return chat is None or await self._post(application, chat, _BULK)

    async def create_chat(self, application: KnownApplication) -> bool:
        """Create a chat."""
        text = write_title(self._client.p, self._client.i, self._rng)
        said = {"f": "create_chat", "app": application.token, "v": (text.value,), "sha": (text.sha,)}
        made = await self._create(said, f"{application.path}/chats", {"title": text.whole})
        if is_created(made):
            application.chats.append(KnownChat(made.n))
        return made.t != "fail"

    async def edit(self, application: KnownApplication) -> bool:
        """Give a message another body."""
        chat = application.pick_chat(self._rng)
        if chat is None or not chat.messages:
            return True
        number, text = self._rng.choice(chat.messages), self._text(0)
        said = self._about(application, chat, "edit", n=number, v=(text.value,), sha=(text.sha,))
        return await self._change(said, "PATCH", f"{application.path_of(chat)}/messages/{number}", {"body": text.whole})

    async def delete(self, application: KnownApplication) -> bool:
        """Delete a message."""
        chat = application.pick_chat(self._rng)
        if chat is None or not chat.messages:
            return True
        number = self._rng.choice(chat.messages)
        chat.messages.remove(number)
        said = self._about(application, chat, "delete", n=number)
        return await self._change(said, "DELETE", f"{application.path_of(chat)}/messages/{number}")

    async def delete_chat(self, application: KnownApplication) -> bool:
        """Delete a chat, unless it is one of the last or is kept."""
        if len(application.chats) <= _BULK:
            return True
        chat = self._rng.choice([chat for chat in application.chats if not chat.is_kept])
        application.let_go(chat)
        return await self._change(self._about(application, chat, "delete_chat"), "DELETE", application.path_of(chat))

    async def _post(self, application: KnownApplication, chat: KnownChat, size: int) -> bool:
        texts = [self._text(part) for part in range(size)]
        said = self._about(
            application, chat, "post", v=tuple(text.value for text in texts), sha=tuple(text.sha for text in texts)
        )
        target, value = _posting(application.path_of(chat), texts)
        posted = await self._create(said, target, value)
        if is_created(posted) and not chat.gone:
            chat.messages += range(posted.n, posted.n + size)
            chat.words += posted.v
        return posted.t != "fail"

    async def _create(self, said: dict[str, Any], target: str, value: object) -> Event:
        """Create, and after an unknown outcome half of the time again with the same key until it is known."""
        key = f"k{self._client.p}-{self._client.i}" if self._rng.random() < _KEYED else ""
        if key:
            said["key"] = key
        headers = {"Idempotency-Key": key} if key else {}
        if self._rng.random() < self._load.waits:
            headers["Prefer"] = "wait=5"
        first = (self._client.p, self._client.i)
        made = await self._try_to_create(said, target, value, headers)
        if made.t != "info" or not key or self._rng.random() >= _RETRIED:
            return made
        while not self._load.is_over and (made.t == "info" or made.http in {0, _UNAVAILABLE}):
            await hold_async(_RETRIED_AFTER_S)
            made = await self._try_to_create({**said, "of": first}, target, value, headers)
        return made

    async def _try_to_create(self, said: Said, target: str, value: object, headers: dict[str, str]) -> Event:
        door = self._rng.choice([*self._doors.write, *self._doors.api])
        self._load.creating += 1
        self._load.progress.note()
        try:
            made = await self._client.write(
                {**said, "svc": door.svc}, lambda: self._client.ask(door, "POST", target, value, headers), _first_number
            )
        finally:
            self._load.creating -= 1
        self._load.acknowledged += is_created(made)
        self._load.stored += is_created(made) and made.level == "stored"
        self._load.unknown += made.t == "info"
        return made

    async def _change(self, said: dict[str, Any], method: str, target: str, value: object = None) -> bool:
        door = self._rng.choice(self._doors.api)
        send: Callable[[], Awaitable[Answer]] = lambda: self._client.ask(door, method, target, value)  # noqa: E731
        event = await self._client.write({**said, "svc": door.svc}, send)
        return event.t != "fail"

    def _about(self, application: KnownApplication, chat: KnownChat, f: str, **said: Any) -> dict[str, Any]:  # noqa: ANN401
        return {"f": f, "app": application.token, "chat": chat.number, **said}

    def _text(self, part: int) -> Text:
        return write_body(self._client.p, self._client.i, part, self._rng)


def _posting(chat: str, texts: Sequence[Text]) -> tuple[str, object]:
    if len(texts) == 1:
        return f"{chat}/messages", {"body": texts[0].whole}
    return f"{chat}/messages/bulk", {"messages": [{"body": text.whole} for text in texts]}


def _first_number(answer: Answer) -> Said:
    told = answer.json()
    return {"n": told["numbers"][0] if "numbers" in told else told["number"]}
