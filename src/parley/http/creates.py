"""The create routes, once for both ports: checks in the contract's order, then one append.

Everything runs in callbacks: no task is made for a create whose parents are remembered.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Final, NamedTuple

import msgspec

from parley.domain.errors import NotFoundError, ParleyError
from parley.domain.events import IdempotencyKey
from parley.domain.model import Draft
from parley.http.exchange import Exchange
from parley.http.fields import Object, read_draft, read_drafts, read_title
from parley.http.problems import refuse
from parley.http.requests import (
    check_content,
    check_size,
    read_idempotency_key,
    read_number,
    read_object,
    read_wait,
)
from parley.http.times import format_time
from parley.http.written import written_headers
from parley.ingest.chats import ChatWrites
from parley.ingest.messages import MessageWrites
from parley.ingest.writes import Accepted, Writes

Headers = list[tuple[bytes, bytes]]

_FINGERPRINT_BYTES: Final = 16
_JSON: Final = (b"Content-Type", b"application/json")
_REPLAYED: Final = (b"Idempotent-Replayed", b"true")

_encode = msgspec.json.Encoder().encode


class _Asked(NamedTuple):
    """A create whose headers are fine."""

    exchange: Exchange
    key: str | None
    wait_s: int | None


class Creates:
    """Answers creates of chats and messages."""

    def __init__(self, writes: Writes, chats: ChatWrites, messages: MessageWrites) -> None:
        """Ask ``writes`` for admission and parents, write through ``chats`` and ``messages``."""
        self._writes = writes
        self._chats = chats
        self._messages = messages

    def create_chat(self, exchange: Exchange, token: str) -> None:
        """Answer ``POST A/{token}/chats``."""
        self._begin(exchange, token, None, self._chat)

    def create_message(self, exchange: Exchange, token: str, chat: str) -> None:
        """Answer ``POST …/chats/{chat}/messages``."""
        self._begin(exchange, token, chat, self._message)

    def create_messages(self, exchange: Exchange, token: str, chat: str) -> None:
        """Answer ``POST …/chats/{chat}/messages/bulk``."""
        self._begin(exchange, token, chat, self._bulk)

    def _begin(
        self, exchange: Exchange, token: str, chat: str | None, go_on: Callable[[_Asked, str, int], None]
    ) -> None:
        """Check what comes before the parents; find the parents; then ``go_on`` or refuse."""
        try:
            self._writes.admission.check()
            check_content(exchange)
            asked = _Asked(exchange, read_idempotency_key(exchange), read_wait(exchange))
            check_size(exchange)
        except ParleyError as error:
            refuse(exchange, error)
            return
        number = None if chat is None else read_number(chat)

        def found(error: ParleyError | None) -> None:
            if error is None and chat is not None and number is None:
                error = NotFoundError("Chat")
            try:
                if error is not None:
                    raise error
                go_on(asked, token, number or 0)
            except ParleyError as refusal:
                refuse(exchange, refusal)

        self._writes.parents.resolve(token, number, found)

    def _chat(self, asked: _Asked, token: str, _: int) -> None:
        exchange = asked.exchange
        members: Object = read_object(exchange.body, "chat") if exchange.body else {}
        title = read_title(members)

        def made(result: Accepted | ParleyError) -> None:
            if isinstance(result, ParleyError):
                refuse(exchange, result)
                return
            body = b'{"number":%d,"messages_count":0,"title":%b,"created_at":"%b"}' % (
                result.number,
                _encode(title),
                format_time(result.at).encode(),
            )
            self._answer(asked, result, body, b"%b/%d" % (exchange.path.encode(), result.number))

        key = _identify("chats", asked.key, token, None, title)
        self._chats.create_chat(token, title, key, asked.wait_s, made)

    def _message(self, asked: _Asked, token: str, chat: int) -> None:
        exchange = asked.exchange
        draft = read_draft(read_object(exchange.body, "message"), exchange.body)

        def made(result: Accepted | ParleyError) -> None:
            if isinstance(result, ParleyError):
                refuse(exchange, result)
                return
            location = b"%b/%d" % (exchange.path.encode(), result.number)
            self._answer(asked, result, _created_message(result, draft), location)

        key = _identify("messages", asked.key, token, chat, draft)
        self._messages.create_messages((token, chat), (draft,), key, asked.wait_s, made)

    def _bulk(self, asked: _Asked, token: str, chat: int) -> None:
        exchange = asked.exchange
        drafts = read_drafts(read_object(exchange.body), exchange.body)

        def made(result: Accepted | ParleyError) -> None:
            if isinstance(result, ParleyError):
                refuse(exchange, result)
                return
            numbers = range(result.number, result.number + len(drafts))
            self._answer(asked, result, b'{"numbers":%b}' % _encode(list(numbers)), None)

        key = _identify("bulk", asked.key, token, chat, drafts)
        self._messages.create_messages((token, chat), drafts, key, asked.wait_s, made)

    def _answer(self, asked: _Asked, accepted: Accepted, body: bytes, location: bytes | None) -> None:
        headers: Headers = [_JSON, *written_headers(accepted.durability, asked.wait_s)]
        if location is not None:
            headers.append((b"Location", location))
        if accepted.replayed:
            headers.append(_REPLAYED)
        asked.exchange.respond(201, headers, body)


def _identify(
    route: str, key: str | None, token: str, chat: int | None, payload: str | Draft | tuple[Draft, ...] | None
) -> IdempotencyKey | None:
    """Fingerprint the validated request, so that wrapped and flat bodies are the same one."""
    if key is None:
        return None
    identity = _encode(("POST", route, token, chat, payload))
    return IdempotencyKey(route, key, blake2b(identity, digest_size=_FINGERPRINT_BYTES).digest())


def _created_message(accepted: Accepted, draft: Draft) -> bytes:
    """Write the number, the fields given, and the time."""
    sender = b"" if draft.sender is None else b',"sender":' + _encode(draft.sender)
    metadata = b"" if draft.metadata is None else b',"metadata":' + draft.metadata.encode()
    return b'{"number":%d,"body":%b%b%b,"created_at":"%b"}' % (
        accepted.number,
        _encode(draft.body),
        sender,
        metadata,
        format_time(accepted.at).encode(),
    )
