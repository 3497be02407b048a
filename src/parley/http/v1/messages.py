"""Routes of messages, apart from their creation, which both ports share."""

from __future__ import annotations

from parley.domain.errors import ParleyError
from parley.http.exchange import Exchange
from parley.http.fields import read_body
from parley.http.links import link_header
from parley.http.parameters import read_limit, read_number_above, read_parameters, read_text, read_window, text_name
from parley.http.requests import read_object
from parley.http.services import Services
from parley.http.v1.answers import degraded, send_found, send_written
from parley.http.v1.checks import check_read, check_write, kept
from parley.http.v1.pages import page_links
from parley.http.v1.routing import Place
from parley.http.v1.schemas import show_listed, show_message


class MessageRoutes:
    """Answers what is asked of messages."""

    def __init__(self, services: Services) -> None:
        """Use the services' reads, search and writes."""
        self._reads = services.reads
        self._search = services.search
        self._writes = services.writes
        self._messages = services.messages

    async def list_messages(self, exchange: Exchange, place: Place) -> None:
        """Answer ``GET …/messages``."""
        check_read(exchange)
        parameters = read_parameters(exchange.query)
        try:
            window = read_window(parameters)
        except ParleyError:
            await self._reads.check_chat(place.token, place.chat)
            raise
        page = await self._reads.list_messages(place.token, place.chat, window)
        links = page_links(exchange, parameters, window, page)
        send_found(exchange, [show_listed(message) for message in page.items], [*links, *degraded(self._reads)])

    async def search_messages(self, exchange: Exchange, place: Place) -> None:
        """Answer ``GET …/messages/search``."""
        check_read(exchange)
        parameters = read_parameters(exchange.query)
        try:
            text = read_text(parameters)
            after = read_number_above(parameters, "after", 0) or 0
            limit = read_limit(parameters)
        except ParleyError:
            await self._reads.check_chat(place.token, place.chat)
            raise
        scan = await self._search.search_messages(place.token, place.chat, text, after, limit)
        following = None if scan.next_after is None else [("after", scan.next_after)]
        links = link_header(exchange, kept(parameters, text_name(parameters), "limit"), next=following)
        send_found(exchange, [show_message(message) for message in scan.items], [*links, *degraded(self._reads)])

    async def get_message(self, exchange: Exchange, place: Place) -> None:
        """Answer ``GET …/messages/{number}``."""
        check_read(exchange)
        message = await self._reads.get_message(*place)
        send_found(exchange, show_message(message), degraded(self._reads))

    async def edit_message(self, exchange: Exchange, place: Place) -> None:
        """Answer ``PATCH`` and ``PUT …/messages/{number}``."""
        wait_s = check_write(exchange, self._writes)
        await self._reads.get_message(*place)
        body = read_body(read_object(exchange.body, "message"))
        message, accepted = await self._messages.edit_message(*place, body, wait_s)
        send_written(exchange, show_message(message), accepted.durability, wait_s)

    async def delete_message(self, exchange: Exchange, place: Place) -> None:
        """Answer ``DELETE …/messages/{number}``."""
        wait_s = check_write(exchange, self._writes)
        accepted = await self._messages.delete_message(*place, wait_s)
        send_written(exchange, None, accepted.durability, wait_s)
