"""The create routes, once for both ports: checks in the contract's order, then one append.

Everything runs in callbacks: no task is made for a create whose parents are remembered.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from hashlib import blake2b
from typing import Final

import msgspec

from parley.domain.errors import NotFoundError, ParleyError
from parley.domain.events import IdempotencyKey
from parley.domain.model import Draft
from parley.http.exchange import Exchange
from parley.http.fields import read_draft, read_drafts, read_title
from parley.http.paths import CreatePath, Kind
from parley.http.problems import refuse
from parley.http.requests import (
    check_content,
    check_size,
    read_idempotency_key,
    read_object,
    read_wait,
)
from parley.http.times import time_bytes
from parley.http.written import written_headers
from parley.ingest.chats import ChatWrites
from parley.ingest.messages import MessageWrites
from parley.ingest.writes import Accepted, Writes

Headers = list[tuple[bytes, bytes]]

_FINGERPRINT_BYTES: Final = 16
_JSON: Final = (b"Content-Type", b"application/json")
_REPLAYED: Final = (b"Idempotent-Replayed", b"true")
_NUMBERING: Final = (b"Parley-Degraded", b"numbering")

_encode = msgspec.json.Encoder().encode


class _Asked(msgspec.Struct, frozen=True):
    """A create whose headers are fine."""

    exchange: Exchange
    path: CreatePath
    key: str | None
    wait_s: int | None


class Creates:
    """Answers creates of chats and messages."""

    def __init__(self, writes: Writes, chats: ChatWrites, messages: MessageWrites) -> None:
        """Ask ``writes`` for admission and parents, write through ``chats`` and ``messages``."""
        self._check_admission = writes.admission.check
        self._resolve = writes.parents.resolve
        self._chats = chats
        self._messages = messages
        self._send: dict[Kind, Callable[[_Asked], None]] = {
            "chats": self._chat, "messages": self._message, "bulk": self._bulk,
        }  # fmt: skip

    def create(self, exchange: Exchange, path: CreatePath) -> None:
        """Check what comes before the parents; find the parents; then send it, or refuse."""
        try:
            self._check_admission()
            check_content(exchange)
            asked = _Asked(exchange, path, read_idempotency_key(exchange), read_wait(exchange))
            check_size(exchange)
        except ParleyError as error:
            refuse(exchange, error)
            return
        self._resolve(path.token, path.chat, partial(self._resolved, asked), len(exchange.body))

    def _resolved(self, asked: _Asked, error: ParleyError | None) -> None:
        try:
            if error is not None:
                raise error
            if asked.path.is_impossible:
                raise NotFoundError("Chat")
            self._send[asked.path.kind](asked)
        except ParleyError as refusal:
            refuse(asked.exchange, refusal)

    def _chat(self, asked: _Asked) -> None:
        body, token = asked.exchange.body, asked.path.token
        title = read_title(read_object(body, "chat") if body else {})
        self._chats.create_chat(
            token, title, identify(asked.path, asked.key, title), asked.wait_s, partial(self._chat_made, asked, title)
        )

    def _chat_made(self, asked: _Asked, title: str | None, result: Accepted | ParleyError) -> None:
        if isinstance(result, ParleyError):
            refuse(asked.exchange, result)
            return
        body = b'{"number":%d,"messages_count":0,"title":%b,"created_at":"%b"}' % (
            result.number, _encode(title), time_bytes(result.at),
        )  # fmt: skip
        _answer(asked, result, body, is_located=True)

    def _message(self, asked: _Asked) -> None:
        body = asked.exchange.body
        draft = read_draft(read_object(body, "message"), body)
        self._messages.create_messages(
            _parent(asked),
            (draft,),
            identify(asked.path, asked.key, draft),
            asked.wait_s,
            partial(self._message_made, asked, draft),
        )

    def _message_made(self, asked: _Asked, draft: Draft, result: Accepted | ParleyError) -> None:
        if isinstance(result, ParleyError):
            refuse(asked.exchange, result)
        else:
            _answer(asked, result, _created_message(result, draft), is_located=True)

    def _bulk(self, asked: _Asked) -> None:
        body = asked.exchange.body
        drafts = read_drafts(read_object(body), body)
        self._messages.create_messages(
            _parent(asked),
            drafts,
            identify(asked.path, asked.key, drafts),
            asked.wait_s,
            partial(self._bulk_made, asked, len(drafts)),
        )

    def _bulk_made(self, asked: _Asked, count: int, result: Accepted | ParleyError) -> None:
        if isinstance(result, ParleyError):
            refuse(asked.exchange, result)
            return
        numbers = list(range(result.number, result.number + count))
        _answer(asked, result, b'{"numbers":%b}' % _encode(numbers), is_located=False)


def _parent(asked: _Asked) -> tuple[str, int]:
    return asked.path.token, asked.path.chat or 0


def _answer(asked: _Asked, accepted: Accepted, body: bytes, *, is_located: bool) -> None:
    headers: Headers = [_JSON, *written_headers(accepted.durability, asked.wait_s)]
    if is_located:
        headers.append((b"Location", b"%b/%d" % (asked.path.location, accepted.number)))
    if accepted.replayed:
        headers.append(_REPLAYED)
    if accepted.by_standby:
        headers.append(_NUMBERING)
    asked.exchange.respond(201, headers, body)


def identify(
    path: CreatePath, key: str | None, payload: str | Draft | tuple[Draft, ...] | None
) -> IdempotencyKey | None:
    """Fingerprint the validated request, so that wrapped and flat bodies are the same one; nothing without a key."""
    if key is None:
        return None
    identity = _encode(("POST", path.kind, path.token, path.chat, payload))
    return IdempotencyKey(path.kind, key, blake2b(identity, digest_size=_FINGERPRINT_BYTES).digest())


def _created_message(accepted: Accepted, draft: Draft) -> bytes:
    """Write the number, the fields given, and the time."""
    sender = b"" if draft.sender is None else b',"sender":' + _encode(draft.sender)
    metadata = b"" if draft.metadata is None else b',"metadata":' + draft.metadata.encode()
    return b'{"number":%d,"body":%b%b%b,"created_at":"%b"}' % (
        accepted.number,
        _encode(draft.body),
        sender,
        metadata,
        time_bytes(accepted.at),
    )
