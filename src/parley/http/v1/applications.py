"""Routes of applications."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

import msgspec

from parley.domain.cursors import encode_cursor
from parley.domain.events import IdempotencyKey
from parley.http.exchange import Exchange
from parley.http.fields import read_name
from parley.http.links import link_header
from parley.http.parameters import read_cursors, read_parameters
from parley.http.requests import check_content, check_size, read_idempotency_key, read_object, read_wait
from parley.http.services import Services
from parley.http.v1.answers import send_created, send_found, send_written
from parley.http.v1.checks import check_read, check_write, kept
from parley.http.v1.routing import Place
from parley.http.v1.schemas import show_application
from parley.ingest.writes import STORED

_FINGERPRINT_BYTES: Final = 16


class ApplicationRoutes:
    """Answers what is asked of applications; they are in the database before the answer."""

    def __init__(self, services: Services) -> None:
        """Use the services' access rule, reads and writes."""
        self._access = services.access
        self._reads = services.reads
        self._writes = services.writes
        self._applications = services.applications

    async def list_applications(self, exchange: Exchange, place: Place) -> None:
        """Answer ``GET A``."""
        del place
        self._access.check(exchange)
        check_read(exchange)
        parameters = read_parameters(exchange.query)
        page = await self._reads.list_applications(read_cursors(parameters))
        links = link_header(
            exchange,
            kept(parameters, "limit"),
            next=None if page.after is None else [("after", encode_cursor(page.after))],
            prev=None if page.before is None else [("before", encode_cursor(page.before))],
        )
        send_found(exchange, [show_application(application) for application in page.items], links)

    async def create_application(self, exchange: Exchange, place: Place) -> None:
        """Answer ``POST A``."""
        del place
        self._access.check(exchange)
        self._writes.admission.check()
        check_content(exchange)
        key, wait_s = read_idempotency_key(exchange), read_wait(exchange)
        check_size(exchange)
        name = read_name(read_object(exchange.body, "chat_application"))
        application, replayed = await self._applications.create_application(name, _identify(key, name))
        send_created(exchange, show_application(application), STORED, wait_s, replayed=replayed)

    async def get_application(self, exchange: Exchange, place: Place) -> None:
        """Answer ``GET A/{token}``."""
        check_read(exchange)
        send_found(exchange, show_application(await self._reads.get_application(place.token)))

    async def rename_application(self, exchange: Exchange, place: Place) -> None:
        """Answer ``PATCH`` and ``PUT A/{token}``."""
        wait_s = check_write(exchange, self._writes)
        await self._reads.check_application(place.token)
        name = read_name(read_object(exchange.body, "chat_application"))
        application = await self._applications.rename_application(place.token, name)
        send_written(exchange, show_application(application), STORED, wait_s)

    async def delete_application(self, exchange: Exchange, place: Place) -> None:
        """Answer ``DELETE A/{token}``."""
        wait_s = check_write(exchange, self._writes)
        await self._applications.delete_application(place.token)
        send_written(exchange, None, STORED, wait_s)


def _identify(key: str | None, name: str) -> IdempotencyKey | None:
    if key is None:
        return None
    identity = msgspec.json.encode(("POST", "applications", name))
    return IdempotencyKey("applications", key, blake2b(identity, digest_size=_FINGERPRINT_BYTES).digest())
