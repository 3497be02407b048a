"""Routes of chats, apart from their creation, which both ports share."""

from __future__ import annotations

from parley.domain.errors import NothingToUpdateError, ParleyError
from parley.http.exchange import Exchange
from parley.http.fields import read_title
from parley.http.parameters import read_parameters, read_window
from parley.http.requests import read_object
from parley.http.services import Services
from parley.http.v1.answers import degraded, send_found, send_written
from parley.http.v1.checks import check_read, check_write
from parley.http.v1.pages import page_links
from parley.http.v1.routing import Place
from parley.http.v1.schemas import show_chat


class ChatRoutes:
    """Answers what is asked of chats."""

    def __init__(self, services: Services) -> None:
        """Use the services' reads and writes."""
        self._reads = services.reads
        self._writes = services.writes
        self._chats = services.chats

    async def list_chats(self, exchange: Exchange, place: Place) -> None:
        """Answer ``GET …/chats``."""
        check_read(exchange)
        parameters = read_parameters(exchange.query)
        try:
            window = read_window(parameters)
        except ParleyError:
            await self._reads.check_application(place.token)
            raise
        page = await self._reads.list_chats(place.token, window)
        links = page_links(exchange, parameters, window, page)
        send_found(exchange, [show_chat(chat) for chat in page.items], [*links, *degraded(self._reads)])

    async def get_chat(self, exchange: Exchange, place: Place) -> None:
        """Answer ``GET …/chats/{chat}``."""
        check_read(exchange)
        chat = await self._reads.get_chat(place.token, place.chat)
        send_found(exchange, show_chat(chat), degraded(self._reads))

    async def retitle_chat(self, exchange: Exchange, place: Place) -> None:
        """Answer ``PATCH`` and ``PUT …/chats/{chat}``."""
        wait_s = check_write(exchange, self._writes)
        await self._reads.check_chat(place.token, place.chat)
        members = read_object(exchange.body, "chat")
        if "title" not in members:
            raise NothingToUpdateError
        chat, accepted = await self._chats.retitle_chat(place.token, place.chat, read_title(members), wait_s)
        send_written(exchange, show_chat(chat), accepted.durability, wait_s)

    async def delete_chat(self, exchange: Exchange, place: Place) -> None:
        """Answer ``DELETE …/chats/{chat}``."""
        wait_s = check_write(exchange, self._writes)
        accepted = await self._chats.delete_chat(place.token, place.chat, wait_s)
        send_written(exchange, None, accepted.durability, wait_s)
