"""Reading applications, chats and messages, of everything that was acknowledged before."""

from __future__ import annotations

from typing import NamedTuple

from parley.domain.cursors import NUMBER_MAX, Window
from parley.domain.model import Application, Chat, Message
from parley.queries.ends import Shown
from parley.queries.following import Follower
from parley.queries.tail import Tail
from parley.storage.port import Page, Scan, Storage, Tenants

__all__ = ["ApplicationPage", "Page", "Reads", "Scan", "Shown"]


class ApplicationPage(NamedTuple):
    """Applications in creation order, and the cursor values of the neighbouring pages, ``None`` where there is none."""

    items: list[Application]
    before: int | None
    after: int | None


class Reads:
    """Everything that can be read by name or by page."""

    def __init__(self, tenants: Tenants, storage: Storage, tail: Tail, follower: Follower | None = None) -> None:
        """Read applications from ``tenants``, the rest from ``storage``, the ends of chats from ``tail``.

        ``follower`` is who keeps ``tail`` up with a log of its own; an embedded one does so itself.
        """
        self._tenants = tenants
        self._storage = storage
        self._tail = tail
        self._follower = follower

    @property
    def is_degraded(self) -> bool:
        """Whether reads may lack the end of the log at present, or what a standby stored."""
        return self._follower is not None and (self._follower.is_away or self._follower.is_blind)

    @property
    def has_lacked(self) -> bool:
        """Whether what the present task has read may lack that; reads may have been degraded then, and no more."""
        return self.is_degraded or (self._follower is not None and self._follower.has_lacked)

    async def get_application(self, token: str) -> Application:
        """Give one application, or raise `NotFoundError`."""
        return await self._tenants.get(token)

    async def list_applications(self, window: Window) -> ApplicationPage:
        """Give applications in creation order; the window's bounds are the values of cursors."""
        if window.before is not None:
            items, preceding = await self._tenants.page_before(window.before, window.limit)
            after = max(window.before - 1, 0)
            following = (await self._tenants.page(after, 1))[0]
            return ApplicationPage(items, preceding, after if following else None)
        after = window.after or 0
        items, next_after = await self._tenants.page(after, window.limit)
        passed = (await self._tenants.page_before(min(after + 1, NUMBER_MAX), 1))[0] if after else []
        return ApplicationPage(items, min(after + 1, NUMBER_MAX) if passed else None, next_after)

    async def check_application(self, token: str) -> None:
        """Return if the application is there, or raise `NotFoundError`."""
        await self._storage.find_chat(token, None)

    async def check_chat(self, token: str, chat: int) -> None:
        """Return if the chat is there, or raise `NotFoundError`."""
        await self._storage.find_chat(token, chat)

    async def get_chat(self, token: str, chat: int) -> Chat:
        """Give one chat, or raise `NotFoundError`."""
        return await self._storage.get_chat(token, chat)

    async def list_chats(self, token: str, window: Window) -> Page[Chat]:
        """Give a page of chats by number."""
        return await self._storage.page_chats(token, window)

    async def get_message(self, token: str, chat: int, number: int) -> Message:
        """Give one message, or raise `NotFoundError`."""
        return await self._storage.get_message(token, chat, number)

    async def list_messages(self, token: str, chat: int, window: Window) -> Page[Shown] | Page[Message]:
        """Give a page of messages by number: in memory they are JSON already."""
        place = token, chat
        if self._follower is not None and not (self._follower.hears_all or self._follower.is_blind):
            return await self._storage.page_messages(token, chat, window)
        is_caught_up = self._follower is None or (self._tail.has(place) and await self._follower.catch_up())
        kept = self._tail.page(place, window) if is_caught_up else None
        if kept is not None:
            return kept
        watched = self._tail.watch(place)
        page = await self._storage.page_messages(token, chat, window)
        return self._tail.keep(place, watched, window, page) or page
