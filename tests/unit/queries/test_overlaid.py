"""The database with what is not stored yet laid over it: always what was acknowledged, whatever is stored by then."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from parley.domain.cursors import NUMBER_MAX, Window
from parley.queries.overlaid import UNSTORED
from tests.support.ports import DATABASES, PARTITIONS, Ports
from tests.unit.queries.histories import WORD, ChatModel, History, page_of, refused
from tests.unit.workers.doubles import StillClock

MIB: Final = 1024 * 1024
Step = tuple[str, int, int]

KINDS: Final = (
    *["post"] * 5, *["edit"] * 4, *["delete"] * 4, "create chat", "create chat", "retitle", "delete chat",
    *["store"] * 4, *["drop"] * 2, *["trim"] * 2, *["check"] * 3,
)  # fmt: skip
PLANS: Final = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 99), st.integers(0, 99)), max_size=40)
LIMITS: Final = (1, 3, 50)


async def write(history: History, kind: str, which: int, how: int) -> None:
    """Do one write, if there is anything to do it to."""
    chats = [(token, model) for token, models in history.live.items() for model in models.values()]
    if kind == "create chat" and history.live:
        await history.create_chat(sorted(history.live)[which % len(history.live)])
    elif chats:
        await change(history, kind, *chats[which % len(chats)], how)


async def change(history: History, kind: str, token: str, model: ChatModel, how: int) -> None:
    """Do one write to a chat."""
    if kind == "post":
        await history.post(token, model, (1, 1, 2, 5)[how % 4])
    elif kind == "edit":
        await history.edit(token, model, 1 + how % (model.last + 2))
    elif kind == "delete" and model.last:
        await history.delete(token, model, 1 + how % model.last)
    elif kind == "retitle":
        await history.retitle(token, model, f"title {how}" if how % 3 else None)
    elif kind == "delete chat" and how % 10 < 6:
        await history.delete_chat(token, model)
    elif kind == "delete chat":
        await history.close(token)


async def do(history: History, step: Step) -> None:
    """Do one step of a plan."""
    kind, which, how = step
    partition = which % PARTITIONS
    until = history.stored_until(partition)
    if kind == "store":
        for each in range(PARTITIONS):
            await history.store(each, how % 7)
    elif kind == "drop":
        history.unstored.drop(partition, until)
    elif kind == "trim":
        history.stream.trim(until, partition)
    elif kind == "check":
        await check(history)
    else:
        await write(history, kind, which, how)


def windows(last: int) -> list[Window]:
    """Give windows around what there is."""
    bounds = sorted({0, last // 2, last, NUMBER_MAX})
    after = [Window(after=bound or None, limit=limit) for bound in bounds for limit in LIMITS]
    return after + [Window(before=bound, limit=limit) for bound in bounds if bound for limit in LIMITS]


async def check(history: History) -> None:
    """Hold every read against the model."""
    for token in history.tokens:
        chats = history.live.get(token)
        if chats is None:
            await refused("ChatApplication not found", history.overlaid.page_chats(token, Window()))
            await refused("ChatApplication not found", history.overlaid.page_messages(token, 1, Window()))
            continue
        await check_chats(history, token, chats)
        for number in range(1, history.last_chat[token] + 2):
            if number in chats:
                await check_messages(history, token, chats[number])
            else:
                await refused("Chat not found", history.overlaid.get_chat(token, number))
                await refused("Chat not found", history.overlaid.find_chat(token, number))
                await refused("Chat not found", history.overlaid.page_messages(token, number, Window()))
                await refused("Chat not found", history.overlaid.get_message(token, number, 1))


async def check_chats(history: History, token: str, chats: dict[int, ChatModel]) -> None:
    """Hold the reads of chats against the model; counts follow later."""
    for window in windows(history.last_chat[token]):
        page = await history.overlaid.page_chats(token, window)
        shown = [replace(chat, messages_count=0) for chat in page.items]
        expected = page_of({number: model.chat for number, model in chats.items()}, window)
        assert page._replace(items=shown) == expected, window
    for number, model in chats.items():
        assert replace(await history.overlaid.get_chat(token, number), messages_count=0) == model.chat


async def check_messages(history: History, token: str, model: ChatModel) -> None:
    """Hold the reads of a chat's messages against the model."""
    place, overlaid, messages = (token, model.chat.number), history.overlaid, model.messages
    for window in windows(model.last):
        assert await overlaid.page_messages(*place, window) == page_of(messages, window), window
    for number in range(1, model.last + 3):
        if number in messages:
            assert await overlaid.get_message(*place, number) == messages[number]
        else:
            await refused("Message not found", overlaid.get_message(*place, number))
    ids = await overlaid.find_chat(*place)
    stored = [messages[n] for n in sorted(messages) if history.is_stored(token, model.posted_at[n])]
    if ids == UNSTORED:
        assert await overlaid.scan_messages(ids, WORD, 0, 50) == ([], None)
    else:
        assert await overlaid.pick_messages(ids, range(1, model.last + 3)) == stored
        found = (await overlaid.scan_messages(ids, WORD, 0, 50)).items
        assert [each for each in stored if each in found] == found
        assert all(WORD in message.body for message in found)
        assert {each.number for each in stored if WORD in each.body and not each.edited} <= {m.number for m in found}


async def run(ports: Ports, max_bytes: int, before: list[Step], after: list[Step]) -> None:
    """Run a plan: some of it is stored before the follower starts; in the end all is stored and nothing remembered."""
    history = History(ports, max_bytes)
    await history.begin()
    for step in before:
        if step[0] not in {"drop", "trim", "check"}:
            await do(history, step)
    history.follow()
    for step in after:
        await do(history, step)
        assert history.unstored.bytes <= max_bytes
    await check(history)
    for partition in range(PARTITIONS):
        await history.store(partition, len(history.events[partition]))
    await check(history)
    for partition in range(PARTITIONS):
        history.unstored.drop(partition, history.stored_until(partition))
    await check(history)
    unstored = history.unstored
    assert (unstored.bytes, len(unstored), unstored._chats, len(unstored._texts)) == (0, 0, {}, 0)


@pytest.mark.parametrize("max_bytes", [0, 500, MIB])
def test_a_reader_sees_what_was_acknowledged_whatever_is_stored(tmp_path: Path, max_bytes: int) -> None:
    """Random histories, stored and let go of at any later moment, against a model: every page and every flag."""
    ports = Ports(DATABASES["sqlite"](tmp_path), StillClock())
    with asyncio.Runner() as runner:
        runner.run(ports.open())

        @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        @given(PLANS, PLANS)
        def example(before: list[Step], after: list[Step]) -> None:
            runner.run(run(ports, max_bytes, before, after))

        try:
            example()
        finally:
            runner.run(ports.close())
