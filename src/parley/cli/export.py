"""``parley export``: write an application's messages as JSONL, page by page."""

from __future__ import annotations

import os
import random
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import msgspec
import uvloop
from cyclopts import Parameter, validators

from parley.cli.client import DEFAULT_URL, PAGE_LIMIT, ApiError, application_path, next_page, parse_url, read_answer
from parley.cli.lane import Lane, Patience
from parley.cli.progress import Meter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from typing import BinaryIO

GIVE_UP_AFTER_S = 10.0

_NOT_FOUND = 404
_NULL = msgspec.Raw(b"null")

_encode = msgspec.json.Encoder().encode


class _Chat(msgspec.Struct):
    number: int
    title: str | None
    created_at: str
    updated_at: str


class _Message(msgspec.Struct):
    """A message as it came: what is not looked at keeps its bytes."""

    number: int
    body: msgspec.Raw
    created_at: str
    updated_at: str
    sender: msgspec.Raw = _NULL
    metadata: msgspec.Raw = _NULL
    edited: bool = False


class _Line(msgspec.Struct):
    """One line of the export."""

    chat: int
    title: str | None
    number: int | None
    body: msgspec.Raw
    sender: msgspec.Raw
    metadata: msgspec.Raw
    created_at: str
    updated_at: str
    edited: bool


def export(
    *,
    application: Annotated[str, Parameter(env_var="PARLEY_APPLICATION")],
    url: str = DEFAULT_URL,
    chat: Annotated[int | None, Parameter(validator=validators.Number(gte=1))] = None,
    output: Path | None = None,
) -> None:
    """Write an application's messages as JSONL, with their numbers.

    Example: parley export --application TOKEN --output backup.jsonl

    Each line is {"chat", "title", "number", "body", "sender", "metadata",
    "created_at", "updated_at", "edited"}, ordered by chat and number; the numbers
    of deleted messages are absent. A chat without messages is one line with its
    own times, where "number" and "body" are null.

    The server goes on working meanwhile: messages that come in during the export
    may be in it or not. The output file appears once it is complete, or not at all.

    Args:
        application: The application's token.
        url: Address of the full API.
        chat: Number of the one chat to write; all chats if not given.
        output: The file to write; standard output if not given.
    """
    address, path = parse_url(url), application_path(application)
    with _open_output(output) as file, Meter("messages", None, time.monotonic) as meter:
        uvloop.run(_export(Lane(address, _patience(), wall_clock=time.time), path, chat, file, meter))


async def _export(lane: Lane, path: str, chat: int | None, file: BinaryIO, meter: Meter) -> None:
    written = 0
    async with lane:
        async for found in _chats(lane, path, chat):
            async for lines, count in _pages(lane, path, found):
                file.write(lines)
                written += count
                meter.show(written, written)
    file.flush()
    sys.stderr.write(f"parley: {written:,} messages written in {meter.elapsed_s:.1f} s\n")


async def _chats(lane: Lane, path: str, number: int | None) -> AsyncIterator[_Chat]:
    if number is not None:
        yield read_answer(await lane.request("GET", f"{path}/chats/{number}"), _Chat)
        return
    page: str | None = f"{path}/chats?limit={PAGE_LIMIT}"
    while page is not None:
        answer = await lane.request("GET", page)
        for chat in read_answer(answer, list[_Chat]):
            yield chat
        page = next_page(answer, page)


async def _pages(lane: Lane, path: str, chat: _Chat) -> AsyncIterator[tuple[bytes, int]]:
    """Give the chat's lines page by page with their count; nothing if it was deleted meanwhile."""
    page: str | None = f"{path}/chats/{chat.number}/messages?limit={PAGE_LIMIT}"
    empty = True
    while page is not None:
        answer = await lane.request("GET", page)
        try:
            messages = read_answer(answer, list[_Message])
        except ApiError as error:
            if error.status == _NOT_FOUND:
                sys.stderr.write(f"parley: chat {chat.number} was deleted during the export\n")
                return
            raise
        if messages:
            empty = False
            yield b"".join(_line(chat, message) for message in messages), len(messages)
        page = next_page(answer, page)
    if empty:
        yield _empty_chat(chat), 0


def _line(chat: _Chat, message: _Message) -> bytes:
    line = _Line(
        chat.number,
        chat.title,
        message.number,
        message.body,
        message.sender,
        message.metadata,
        message.created_at,
        message.updated_at,
        message.edited,
    )
    return _encode(line) + b"\n"


def _empty_chat(chat: _Chat) -> bytes:
    line = _Line(chat.number, chat.title, None, _NULL, _NULL, _NULL, chat.created_at, chat.updated_at, edited=False)
    return _encode(line) + b"\n"


@contextmanager
def _open_output(path: Path | None) -> Iterator[BinaryIO]:
    """Give standard output, or a temporary file that takes the path's place once it is complete."""
    if path is None:
        yield sys.stdout.buffer
        return
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        try:
            yield cast("BinaryIO", file)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def _patience() -> Patience:
    return Patience(GIVE_UP_AFTER_S, time.monotonic, random.Random())  # noqa: S311 - jitter
