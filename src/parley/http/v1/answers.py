"""Good answers of the full API: what was found, what was written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from parley.http.etags import entity_tag, is_known
from parley.http.exchange import Exchange
from parley.http.v1.schemas import ApplicationView, ChatView, MessageView
from parley.http.written import written_headers
from parley.queries.reads import Reads

Headers = list[tuple[bytes, bytes]]
View = ApplicationView | ChatView | MessageView | msgspec.Raw

_JSON: Final = (b"Content-Type", b"application/json")
_TAIL_IS_AWAY: Final = (b"Parley-Degraded", b"tail")
_REPLAYED: Final = (b"Idempotent-Replayed", b"true")

_encode = msgspec.json.Encoder().encode


def send_found(exchange: Exchange, found: View | Sequence[View], headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
    """Answer a read with 200, or 304 if the client has these bytes."""
    send_bytes(exchange, _encode(found), [_JSON, *headers])


def degraded(reads: Reads) -> Headers:
    """Give the header that says so if what was read may lack the end of the log."""
    return [_TAIL_IS_AWAY] if reads.has_lacked else []


def send_bytes(exchange: Exchange, body: bytes, headers: Headers) -> None:
    """Answer a read with ``body`` and its entity tag, or 304 if the client has it."""
    tag = entity_tag(body)
    headers.append((b"ETag", tag))
    condition = exchange.headers.get(b"if-none-match")
    if condition is not None and is_known(tag, condition):
        exchange.respond(304, [header for header in headers if header[0] != b"Content-Type"], b"")
    else:
        exchange.respond(200, headers, body)


def send_written(exchange: Exchange, view: View | None, durability: str, wait_s: int | None) -> None:
    """Answer a change with the new state, or a deletion (``None``) with 204."""
    headers = list(written_headers(durability, wait_s))
    if view is None:
        exchange.respond(204, headers, b"")
    else:
        exchange.respond(200, [_JSON, *headers], _encode(view))


def send_created(exchange: Exchange, view: View, durability: str, wait_s: int | None, *, replayed: bool) -> None:
    """Answer a creation with the new object."""
    headers = [_JSON, *written_headers(durability, wait_s)]
    if replayed:
        headers.append(_REPLAYED)
    exchange.respond(201, headers, _encode(view))
