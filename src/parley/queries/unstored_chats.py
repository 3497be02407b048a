"""What happened to an application's chats since they were stored last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from parley.queries.rising import Rising
from parley.queries.unstored_chat import Retitled, UnstoredChat


class UnstoredChats(Mapping[int, UnstoredChat]):
    """Its chats by number; what a page of chats needs of them lies apart, so that it need not look at each."""

    __slots__ = ("_chats", "closed", "made", "retitled")

    def __init__(self) -> None:
        """Begin with nothing."""
        self._chats: dict[int, UnstoredChat] = {}
        self.made: Rising[UnstoredChat] = Rising()
        """Those that have no row yet, and are not deleted."""
        self.retitled: dict[int, Retitled] = {}
        """The last titles of those that are not deleted."""
        self.closed: set[int] = set()
        """The numbers of those that are deleted."""

    def __getitem__(self, number: int) -> UnstoredChat:
        """Give a chat."""
        return self._chats[number]

    def __iter__(self) -> Iterator[int]:
        """Go through the numbers."""
        return iter(self._chats)

    def __len__(self) -> int:
        """Count the chats."""
        return len(self._chats)

    def get_or_add(self, token: str, number: int) -> UnstoredChat:
        """Give a chat, of which nothing may have been remembered before."""
        chat = self._chats.get(number)
        if chat is None:
            chat = self._chats[number] = UnstoredChat((token, number))
        return chat

    def note(self, chat: UnstoredChat) -> None:
        """Note what became of a chat itself."""
        number, is_open = chat.place[1], chat.closed_at is None
        if chat.created is None or not is_open:
            self.made.take(number)
        elif number not in self.made:
            self.made.add(number, chat)
        if chat.retitled is None or not is_open:
            self.retitled.pop(number, None)
        else:
            self.retitled[number] = chat.retitled
        if is_open:
            self.closed.discard(number)
        else:
            self.closed.add(number)

    def forget(self, number: int) -> UnstoredChat | None:
        """Forget a chat, and give what was remembered of it."""
        chat = self._chats.pop(number, None)
        self.made.take(number)
        self.retitled.pop(number, None)
        self.closed.discard(number)
        return chat
