"""Routes of what describes the service: probes, the OpenAPI document, the page for people."""

from __future__ import annotations

from typing import Final

import msgspec

from parley.http.docs import load_style, render_page
from parley.http.exchange import Exchange
from parley.http.openapi import build_document
from parley.http.services import Probe, Services
from parley.http.v1.answers import send_bytes
from parley.http.v1.checks import check_read
from parley.http.v1.routing import Handle, Place

_PAGE_HEADERS: Final = (
    (b"Content-Security-Policy", b"default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'"),
    (b"X-Content-Type-Options", b"nosniff"),
    (b"Referrer-Policy", b"no-referrer"),
)


def probe_handle(probe: Probe) -> Handle:
    """Make a probe answer an exchange."""

    async def handle(exchange: Exchange, place: Place) -> None:
        del place
        check_read(exchange)
        status, content_type, body = await probe()
        exchange.respond(status, [(b"Content-Type", content_type)], body)

    return handle


def fixed_handle(content_type: bytes, body: bytes, headers: tuple[tuple[bytes, bytes], ...] = ()) -> Handle:
    """Make bytes that never change answer an exchange."""

    async def handle(exchange: Exchange, place: Place) -> None:
        del place
        check_read(exchange)
        send_bytes(exchange, body, [(b"Content-Type", content_type), *headers])

    return handle


def document_handles(services: Services) -> dict[str, Handle]:
    """Give the handles of the operations on the service itself, by name."""
    document = build_document()
    return {
        **{name: probe_handle(services.probes[f"/{name}"]) for name in ("health", "ready", "metrics")},
        "openapi": fixed_handle(b"application/json", msgspec.json.encode(document)),
        "docs": fixed_handle(b"text/html; charset=utf-8", render_page().encode(), _PAGE_HEADERS),
        "docs_style": fixed_handle(b"text/css; charset=utf-8", load_style(), _PAGE_HEADERS),
    }
