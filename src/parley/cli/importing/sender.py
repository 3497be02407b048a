"""Sends records, one at a time within a channel, and files their outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from parley.cli.client import ApiError, read_answer, read_problem
from parley.cli.importing.records import Record, Rejection, make_key

if TYPE_CHECKING:
    import asyncio

    import httpx

    from parley.cli.importing.journal import Journal
    from parley.cli.importing.rejects import Rejects
    from parley.cli.importing.tally import Tally
    from parley.cli.importing.window import Window
    from parley.cli.lane import Lane

_CREATED = 201
_NOT_FOUND = 404
_THE_RECORD_IS_WRONG = frozenset({400, 413, 422})


class Refusal(NamedTuple):
    """Why the server takes no message of a channel, or not this one."""

    status: int
    reason: str


class _Numbered(msgspec.Struct):
    number: int


class Ledger(NamedTuple):
    """Where outcomes are filed; shared by all senders of an import."""

    journal: Journal
    rejects: Rejects
    tally: Tally
    closed: dict[str | None, Refusal]
    """Channels whose chat could not be created: their other records share the reason."""
    opening: asyncio.Lock
    """Held while a chat is created, so that chats are numbered in the file's order of channels."""


class Sender:
    """One connection's work: claim a record, send it until its outcome is known, file it."""

    def __init__(self, lane: Lane, application: str, ledger: Ledger) -> None:
        """Take the connection, the application's path and the shared books."""
        self._lane = lane
        self._chats = f"{application}/chats"
        self._ledger = ledger

    async def run(self, window: Window) -> None:
        """Work until cancelled.

        Raises:
            ApiError: the deployment refuses the import as a whole.
        """
        while True:
            record = await window.claim()
            await self.send(record)
            window.finish(record)

    async def send(self, record: Record) -> None:
        """Create the record's message, or reject its line."""
        outcome = await self._create(record)
        journal, rejects, tally, *_ = self._ledger
        if isinstance(outcome, Refusal):
            rejects.add(Rejection(record.line, record.data, outcome.reason, outcome.status))
            tally.rejected += 1
        elif outcome.headers.get("Idempotent-Replayed") == "true":
            tally.replayed += 1
        else:
            tally.created += 1
        journal.acknowledged(record.channel, record.line)

    async def _create(self, record: Record) -> httpx.Response | Refusal:
        number = self._ledger.journal.chats.get(record.channel)
        if number is None:
            async with self._ledger.opening:
                opened = await self._open_chat(record.channel)
            if isinstance(opened, Refusal):
                return opened
            number = opened
        return await self._post(f"{self._chats}/{number}/messages", record.key, record.payload)

    async def _open_chat(self, channel: str | None) -> int | Refusal:
        """Create the channel's chat; its key depends on nothing but the channel, so a repeat finds it again."""
        closed = self._ledger.closed.get(channel)
        if closed is not None:
            return closed
        key = "import-chat" if channel is None else make_key(f"import-chat:{channel}")
        answer = await self._post(self._chats, key, msgspec.json.encode({} if channel is None else {"title": channel}))
        if isinstance(answer, Refusal):
            refusal = Refusal(answer.status, f"no chat for this channel: {answer.reason}")
            self._ledger.closed[channel] = refusal
            return refusal
        number = read_answer(answer, _Numbered).number
        self._ledger.journal.chat_created(channel, number)
        self._ledger.tally.chats += 1
        return number

    async def _post(self, path: str, key: str, payload: bytes) -> httpx.Response | Refusal:
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        answer = await self._lane.request("POST", path, content=payload, headers=headers)
        if answer.status_code == _CREATED:
            return answer
        code, reason = read_problem(answer)
        if answer.status_code in _THE_RECORD_IS_WRONG or (answer.status_code, code) == (_NOT_FOUND, "chat_not_found"):
            return Refusal(answer.status_code, reason)
        raise ApiError(f"the server refuses the import: {reason}", status=answer.status_code, code=code or None)
