"""What clients and the final phase read through the API, as rows of a recording."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

from parley.verify.history import Row
from tests.faults.client import Door, NotAnsweredError, RecordedClient, Said, describe
from tests.faults.words import sha_of, value_of
from tests.support.answers import links
from tests.support.client import Answer

_PAGE: Final = 100
_OK: Final = 200
_ENDLESS: Final = 2**63 - 1
NOT_THERE: Final = (404, 410)
"""What is answered about what never was, or is deleted."""


async def walk_messages(client: RecordedClient, door: Door, chat: str) -> Said:
    """Walk over a chat's pages; a chat that is not there has none, and its 404 is told."""
    return await _walk(client, door, f"{chat}/messages?limit={_PAGE}", "body")


async def walk_chats(client: RecordedClient, door: Door, application: str) -> Said:
    """Walk over an application's chats."""
    return await _walk(client, door, f"{application}/chats?limit={_PAGE}", "title")


async def get_message(client: RecordedClient, door: Door, chat: str, number: int) -> Said:
    """Read one message; where there is none there is no row."""
    answer = await client.ask(door, "GET", f"{chat}/messages/{number}")
    if answer.status in NOT_THERE:
        return describe(answer)
    return {**describe(_usable(answer)), "rows": (_row(answer.json(), "body"),)}


async def get_chat(client: RecordedClient, door: Door, application: str, number: int) -> Said:
    """Read one chat; where there is none there is no row."""
    answer = await client.ask(door, "GET", f"{application}/chats/{number}")
    if answer.status in NOT_THERE:
        return describe(answer)
    return {**describe(_usable(answer)), "rows": (_row(answer.json(), "title"),)}


async def find_chats_count(client: RecordedClient, door: Door, application: str) -> int:
    """Read how many chats an application says that it has."""
    count: int = _usable(await client.ask(door, "GET", application)).json()["chats_count"]
    return count


async def find_count(client: RecordedClient, door: Door, chat: str) -> Said:
    """Read how many messages a chat says that it has."""
    answer = _usable(await client.ask(door, "GET", chat))
    return {**describe(answer), "count": answer.json()["messages_count"]}


async def search(client: RecordedClient, door: Door, chat: str, word: str) -> Said:
    """Search a chat for a word; a page is enough, for no two messages have the same."""
    answer = _usable(await client.ask(door, "GET", f"{chat}/messages/search?q={word}"))
    return {**describe(answer), "rows": _rows(answer, "body")}


async def _walk(client: RecordedClient, door: Door, target: str, text: str) -> Said:
    rows: list[Row] = []
    told: dict[str, Any] = {}
    marked: list[tuple[int, int]] = []
    count, begin = 0, 1
    async for answer, is_last in _pages(client, door, target):
        if answer.status in NOT_THERE:
            return describe(answer)
        said = describe(_usable(answer))
        told = {**said, "degraded": tuple(sorted({*told.get("degraded", ()), *said.get("degraded", ())}))}
        rows += _rows(answer, text)
        end = _ENDLESS if is_last or not rows else rows[-1].number
        if "degraded" in said:
            marked.append((begin, end))
        count, begin = count + 1, end + 1
    return {**told, "rows": tuple(rows), "marked": tuple(marked) if len(marked) < count else ()}


async def _pages(client: RecordedClient, door: Door, target: str) -> AsyncIterator[tuple[Answer, bool]]:
    """Give each page, and whether it is the last."""
    page: str | None = target
    while page is not None:
        answer = await client.ask(door, "GET", page)
        page = links(answer, page).get("next")
        yield answer, page is None


def _usable(answer: Answer) -> Answer:
    if answer.status != _OK:
        raise NotAnsweredError(answer)
    return answer


def _rows(answer: Answer, text: str) -> tuple[Row, ...]:
    return tuple(_row(item, text) for item in answer.json())


def _row(item: dict[str, Any], text: str) -> Row:
    whole = item[text] or ""
    return Row(item["number"], value_of(whole), sha_of(whole))
