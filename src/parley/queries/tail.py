"""The ends of the chats that are being read, as bytes ready to send.

A page that reaches the end of its chat is kept, and follows what is written from then on, so that most reads of a busy
chat ask nobody. It follows before the writes are answered: whoever was told of a write reads it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from parley.domain.cursors import Window
from parley.domain.errors import ParleyError, UnavailableError
from parley.domain.events import (
    ApplicationClosed,
    ChatDeleted,
    Entry,
    Event,
    MessageDeleted,
    MessageEdited,
    MessagesPosted,
)
from parley.domain.model import Message
from parley.domain.numbering import Appended, Outcome
from parley.queries.ends import LENGTH, End, Shown
from parley.storage.port import Page

Place = tuple[str, int]
"""A chat: its application's token, and its number."""

_MOST_WATCHED: Final = 10_000


class Tail:
    """Keeps ends within a bound, those that were not read for longest given up first.

    With an embedded log every write comes through this process: what its appends did is all that can
    happen to a chat.
    """

    def __init__(self, encode: Callable[[Message], msgspec.Raw], max_bytes: int, on_hit: Callable[[], None]) -> None:
        """Keep what ``encode`` makes of messages, about ``max_bytes`` of memory in all; count pages by ``on_hit``."""
        self.bytes = 0
        """Memory in use, about."""
        self._on_hit = on_hit
        self._encode = encode
        self._max_bytes = max_bytes
        self._ends: OrderedDict[Place, End] = OrderedDict()
        self._watched: dict[Place, object] = {}

    def has(self, place: Place) -> bool:
        """Whether anything of a chat is kept."""
        return place in self._ends

    def page(self, place: Place, window: Window) -> Page[Shown] | None:
        """Give a page, ``None`` if not all of it is known."""
        end = self._ends.get(place)
        page = None if end is None else end.page(window)
        if page is not None:
            self._ends.move_to_end(place)
            self._on_hit()
        return page

    def watch(self, place: Place) -> object:
        """Watch a chat while it is read from the storage; give what `keep` wants to see again."""
        if len(self._watched) >= _MOST_WATCHED:
            self._watched.clear()
        return self._watched.setdefault(place, object())

    def keep(self, place: Place, watched: object, window: Window, page: Page[Message]) -> Page[Shown] | None:
        """Keep a page from the storage, if it reaches the chat's end and nothing happened to the chat meanwhile.

        Give it as it is kept, so that it is encoded once; ``None`` if it is not.
        """
        if not self._max_bytes or page.more_after or self._watched.get(place) is not watched:
            return None
        shown = [self._show(message) for message in page.items]
        end = End.of_page(window, shown, more_before=page.more_before)
        self._drop([place])
        self._ends[place] = end
        self._grow(end.size)
        return Page(list(shown), page.more_before, page.more_after)

    def follow(self, entries: Sequence[Entry], results: Sequence[Outcome | ParleyError]) -> None:
        """Take in what became of one append's entries, before anybody is told."""
        if not (self._ends or self._watched):
            return
        try:
            for entry, result in zip(entries, results, strict=True):
                self._take(entry, result)
        except BaseException:
            self._forget(list(self._ends))
            raise

    def take(self, event: Event | None) -> None:
        """Take in an event of a log of its own; ``None``: anything may have happened."""
        if event is None:
            self._forget(list(self._ends))
        elif isinstance(event.entry.what, ApplicationClosed):
            self.forget(event.entry.token)
        elif self._ends or self._watched:
            self.follow([event.entry], [Appended(event.number, event.position)])

    def forget(self, token: str) -> None:
        """Let go of an application that is deleted."""
        self._forget([place for place in self._ends if place[0] == token])

    def _take(self, entry: Entry, result: Outcome | ParleyError) -> None:
        if isinstance(result, Appended):
            if entry.chat is not None:
                self._change((entry.token, entry.chat), entry, result)
        elif isinstance(result, ParleyError) and not isinstance(result, UnavailableError):
            self._forget(list(self._ends))  # nobody knows what was written

    def _change(self, place: Place, entry: Entry, result: Appended) -> None:
        self._watched.pop(place, None)
        end = self._ends.get(place)
        if end is None:
            return
        size, what, is_right = end.size, entry.what, True
        if isinstance(what, MessagesPosted):
            self._add(end, what, result)
        elif isinstance(what, MessageDeleted):
            is_right = end.remove(result.number)
        elif isinstance(what, MessageEdited):
            is_right = result.number < end.first
        else:
            is_right = not isinstance(what, ChatDeleted)
        self._grow(end.size - size)
        if not is_right:
            self._drop([place])

    def _add(self, end: End, what: MessagesPosted, result: Appended) -> None:
        """Add the messages of a post; of a long bulk those that stay."""
        skipped = max(0, len(what.messages) - LENGTH)
        if skipped:
            end.restart(result.number + skipped)
        at = result.position.at
        for number, draft in enumerate(what.messages[skipped:], result.number + skipped):
            end.add(self._show(Message(number, draft.body, draft.sender, draft.metadata, at, at)))

    def _show(self, message: Message) -> Shown:
        return Shown(message.number, self._encode(message))

    def _forget(self, places: Iterable[Place]) -> None:
        self._watched.clear()
        self._drop(places)

    def _drop(self, places: Iterable[Place]) -> None:
        for place in places:
            end = self._ends.pop(place, None)
            if end is not None:
                self.bytes -= end.size

    def _grow(self, change_bytes: int) -> None:
        self.bytes += change_bytes
        while self.bytes > self._max_bytes and self._ends:
            _, end = self._ends.popitem(last=False)
            self.bytes -= end.size
