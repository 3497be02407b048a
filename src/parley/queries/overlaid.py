"""The database's rows with what is not stored yet laid over them: the storage port as readers need it.

What is remembered is taken before the database is asked, so nothing can be stored in between and be missed. Where both
know a message the remembered state counts: anything later happened while the read was under way.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec.structs import replace

from parley.domain.cursors import Window
from parley.domain.documents import ChatId
from parley.domain.errors import NotFoundError
from parley.domain.model import Chat, Message
from parley.domain.text import fold
from parley.log.port import Stream
from parley.queries.pages import fetch_living, mend, merge
from parley.queries.unstored import Unstored
from parley.queries.unstored_chat import Edit, Place, Retitled, UnstoredChat
from parley.queries.wording import Wording
from parley.storage.port import Page, Scan, Storage

UNSTORED: Final = ChatId(0, 0)
"""What a chat is called that has no row yet: nothing of it is stored, and nothing indexed."""

_MOST_PLACES: Final = 10_000
_NO_ROWS: Final = Page(list[Message](), more_before=False, more_after=False)


class Overlaid:
    """A `Storage` over another one. Somebody else keeps what is remembered up to date."""

    def __init__(self, storage: Storage, unstored: Unstored, stream: Stream, partitions: int) -> None:
        """Lay ``unstored`` over ``storage``; texts that it let go of are read from ``stream``."""
        self._storage = storage
        self._unstored = unstored
        self._stream = stream
        self._partitions = partitions
        self._places: OrderedDict[ChatId, Place] = OrderedDict()

    async def find_chat(self, token: str, chat: int | None) -> ChatId:
        """Give the chat's ids, `UNSTORED` if it has no row yet."""
        known = None if chat is None else await self._open(token, chat)
        if known is not None and known.created is not None:
            return UNSTORED
        found = await self._storage.find_chat(token, chat)
        if chat is not None:
            self._places[found] = token, chat
            self._places.move_to_end(found)
            if len(self._places) > _MOST_PLACES:
                self._places.popitem(last=False)
        return found

    async def get_chat(self, token: str, chat: int) -> Chat:
        """Give one chat; its count follows the database, unless it is not stored itself."""
        known = await self._open(token, chat)
        if known is None:
            return await self._storage.get_chat(token, chat)
        retitled = known.retitled
        return _created(chat, known) or _retitled(await self._storage.get_chat(token, chat), retitled)

    async def page_chats(self, token: str, window: Window) -> Page[Chat]:
        """Give a page of live chats by number."""
        known = self._unstored.chats(token)
        made = {number: _created(number, chat) for number, chat in known.made.within(window).items()}
        closed, retitled, beside = frozenset(known.closed), dict(known.retitled), known.made.is_beside(window)
        fetch = partial(self._storage.page_chats, token)
        page = await fetch_living(fetch, window, closed)
        items = [_retitled(chat, retitled.get(chat.number)) for chat in page.items]
        laid = {number: chat for number, chat in made.items() if chat is not None}
        return await mend(fetch, window, merge(window, page._replace(items=items), laid), closed, beside)

    async def get_message(self, token: str, chat: int, number: int) -> Message:
        """Give one message."""
        known = await self._open(token, chat)
        if known is None:
            return await self._storage.get_message(token, chat, number)
        posted, edit, wording = known.posted.get(number), known.edits.get(number), self._wording(token, chat)
        if posted is not None:
            message = await wording.post(number, posted, edit)
        elif number in known.deleted or known.created is not None:
            message = None
        else:
            message = await wording.edit(await self._storage.get_message(token, chat, number), edit)
        if message is None:
            raise NotFoundError("Message")
        return message

    async def page_messages(self, token: str, chat: int, window: Window) -> Page[Message]:
        """Give a page of live messages by number."""
        known = await self._open(token, chat)
        if known is None:
            return await self._storage.page_messages(token, chat, window)
        posted, beside = known.posted.within(window), known.posted.is_beside(window)
        edits, gone = dict(known.edits), frozenset(known.deleted)
        is_stored, is_forward = known.created is None, window.before is None
        wording = self._wording(token, chat)
        shown = {number: await wording.post(number, each, edits.get(number)) for number, each in posted.items()}
        fetch = partial(self._storage.page_messages, token, chat)
        page = await fetch_living(fetch, window, gone) if is_stored else _NO_ROWS
        if len(posted) > window.limit:  # also if one of them is nowhere any more
            page = page._replace(more_after=True) if is_forward else page._replace(more_before=True)
        page = page._replace(items=await _Changes(wording, edits, gone, is_closed=False).lay_over(page.items))
        page = merge(window, page, {number: message for number, message in shown.items() if message is not None})
        return await mend(fetch, window, page, gone if is_stored else (), beside)

    async def pick_messages(self, chat: ChatId, numbers: Sequence[int]) -> list[Message]:
        """Give those of the numbers that are live, ascending."""
        changes = self._changes(chat)
        messages = await self._storage.pick_messages(chat, numbers)
        return messages if changes is None else await changes.lay_over(messages)

    async def scan_messages(self, chat: ChatId, folded: str, after: int, limit: int) -> Scan:
        """Look through the stored messages of one chat; what is not stored yet is found soon after."""
        changes = self._changes(chat)
        scan = await self._storage.scan_messages(chat, folded, after, limit)
        if changes is None:
            return scan
        live = await changes.lay_over(scan.items)
        return scan._replace(items=[message for message in live if folded in fold(message.body)])

    async def ping(self) -> None:
        """Return if the database answers."""
        await self._storage.ping()

    async def _open(self, token: str, chat: int) -> UnstoredChat | None:
        """Give what is remembered of a chat that is not deleted."""
        known = self._unstored.chat((token, chat))
        if known is not None and known.closed_at is not None:
            await self._storage.find_chat(token, None)
            raise NotFoundError("Chat")
        return known

    def _wording(self, token: str, chat: int) -> Wording:
        return Wording(self._storage, self._stream, self._partitions, (token, chat))

    def _changes(self, chat: ChatId) -> _Changes | None:
        """Give what happened to a chat's messages, as of now; ``None`` if that is nothing."""
        place = self._places.get(chat)
        known = None if place is None else self._unstored.chat(place)
        if place is None or known is None:
            return None
        is_closed = known.closed_at is not None
        return _Changes(self._wording(*place), dict(known.edits), frozenset(known.deleted), is_closed)


class _Changes(NamedTuple):
    """What happened to messages of one chat, to be laid over rows that are read after it was taken."""

    wording: Wording
    edits: Mapping[int, Edit]
    gone: Collection[int]
    is_closed: bool

    async def lay_over(self, rows: Sequence[Message]) -> list[Message]:
        """Leave out what was deleted, and give the last text of what was edited."""
        live = [] if self.is_closed else [message for message in rows if message.number not in self.gone]
        laid = [await self.wording.edit(message, self.edits.get(message.number)) for message in live]
        return [message for message in laid if message is not None]


def _created(number: int, chat: UnstoredChat) -> Chat | None:
    """Give a chat that is not stored yet, ``None`` if it is."""
    if chat.created is None:
        return None
    title, position = chat.created
    made = Chat(number, title, len(chat.posted), position.at, position.at)
    return _retitled(made, chat.retitled)


def _retitled(chat: Chat, retitled: Retitled | None) -> Chat:
    return chat if retitled is None else replace(chat, title=retitled.title, updated_at=retitled.position.at)


if TYPE_CHECKING:
    _conforms: type[Storage] = Overlaid
