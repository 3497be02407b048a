"""What lies on a log of its own and is not in the database yet, as those remember it who follow the log.

`Overlaid` lays it over the database's rows. A partition's oldest events are let go of once they are known to be stored.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable
from typing import Final, NamedTuple

from parley.domain.events import (
    ApplicationClosed,
    ChatCreated,
    ChatDeleted,
    ChatRetitled,
    Event,
    MessageDeleted,
    MessageEdited,
    MessagesPosted,
    Position,
)
from parley.queries.unstored_chat import Created, Edit, Freed, Place, Posted, Retitled, UnstoredChat
from parley.queries.unstored_chats import UnstoredChats

_NONE: Final = UnstoredChats()


class _Mark(NamedTuple):
    """Where an event stands on the log, and which numbers of a chat it touched; nothing of what it said."""

    position: Position
    place: Place
    first: int
    numbers: int


class Unstored:
    """The unstored events of all partitions, texts within a bound."""

    def __init__(self, max_bytes: int) -> None:
        """Keep about ``max_bytes`` of messages; older texts are read from the log when they are asked for."""
        self.bytes = 0
        """Memory of the messages that have their text."""
        self._chats: dict[str, UnstoredChats] = {}
        self._max_bytes = max_bytes
        self._marks: dict[int, deque[_Mark]] = defaultdict(deque)
        self._texts: deque[Posted | Edit] = deque()
        """What still has its text, the oldest first, and among it what has not any more."""
        self._freed = 0

    def __len__(self) -> int:
        """Count the events."""
        return sum(map(len, self._marks.values()))

    def chat(self, place: Place) -> UnstoredChat | None:
        """Give what is remembered of a chat, ``None`` if that is nothing."""
        return self._chats.get(place[0], _NONE).get(place[1])

    def chats(self, token: str) -> UnstoredChats:
        """Give what is remembered of an application's chats, by number."""
        return self._chats.get(token, _NONE)

    def add(self, partition: int, event: Event) -> None:
        """Remember an event, the latest of its partition."""
        entry, what = event.entry, event.entry.what
        if isinstance(what, ApplicationClosed):
            for number in list(self.chats(entry.token)):
                self._forget_chat((entry.token, number))
            return
        chats = self._chats.setdefault(entry.token, UnstoredChats())
        number = event.number if isinstance(what, ChatCreated) else entry.chat or 0
        chat = chats.get_or_add(entry.token, number)
        count = len(what.messages) if isinstance(what, MessagesPosted) else 1
        self._marks[partition].append(_Mark(event.position, chat.place, event.number, count))
        self._take(chat, event)
        if isinstance(what, ChatCreated | ChatRetitled | ChatDeleted):
            chats.note(chat)

    def drop(self, partition: int, until: Position) -> None:
        """Let go of a partition's events up to ``until``: they are in the database."""
        marks = self._marks[partition]
        while marks and marks[0].position <= until:
            mark = marks.popleft()
            chat = self.chat(mark.place)
            if chat is not None:
                self._let_go(chat, mark)

    def drop_all(self, partition: int) -> None:
        """Let go of everything of a partition whose log began another life: none of it is to be read any more."""
        for mark in self._marks.pop(partition, ()):
            self._forget_chat(mark.place)

    def _take(self, chat: UnstoredChat, event: Event) -> None:
        what, position, number = event.entry.what, event.position, event.number
        if isinstance(what, MessagesPosted):
            for index, draft in enumerate(what.messages):
                posted = Posted(position, draft, index)
                self._free([chat.post(number + index, posted)])
                self._hold(posted)
        elif isinstance(what, MessageEdited):
            edit = Edit(position, what.body)
            self._hold(edit)
            self._free([chat.edit(number, edit)])
        elif isinstance(what, MessageDeleted):
            self._free(chat.delete(number, position))
        elif isinstance(what, ChatDeleted):
            self._free(chat.close(position))
        elif isinstance(what, ChatCreated):
            chat.created = Created(what.title, position)
        elif isinstance(what, ChatRetitled):
            chat.retitled = Retitled(what.title, position)

    def _let_go(self, chat: UnstoredChat, mark: _Mark) -> None:
        for number in range(mark.first, mark.first + mark.numbers):
            self._free([chat.let_go(number, mark.position)])
        if chat.let_go_of_itself(mark.position):
            self.chats(mark.place[0]).note(chat)
        if chat.is_empty:
            self._forget_chat(mark.place)

    def _hold(self, words: Posted | Edit) -> None:
        """Keep a text, and let go of the oldest instead if there is no room."""
        self._texts.append(words)
        self.bytes += words.size
        while self.bytes > self._max_bytes:
            oldest = self._texts.popleft()
            if oldest.said is None:
                self._freed -= 1
            else:
                oldest.said = None
                self.bytes -= oldest.size

    def _free(self, words: Iterable[Freed]) -> None:
        for each in words:
            if each is not None and each.said is not None:
                each.said = None
                self.bytes -= each.size
                self._freed += 1
        if self._freed and self._freed * 2 >= len(self._texts):
            self._texts = deque(each for each in self._texts if each.said is not None)
            self._freed = 0

    def _forget_chat(self, place: Place) -> None:
        chats = self.chats(place[0])
        chat = chats.forget(place[1])
        if chat is not None:
            self._free(chat.clear())
        if not chats:
            self._chats.pop(place[0], None)
