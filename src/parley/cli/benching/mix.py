"""What is asked next: creates and reads in the shares that were asked for, bytes ready to send."""

from __future__ import annotations

from random import Random
from typing import Final, NamedTuple

from parley.cli.benching.book import Book
from parley.cli.benching.plan import Origin, Plan, Services

CREATE: Final = "create"
READ: Final = "read"
PAGE: Final = "page"
OPERATIONS: Final = (CREATE, READ, PAGE)

BODIES: Final = 64
"""So many different bodies take turns."""
LAST_PAGE: Final = f"?before={2**63 - 1}&limit=50"

_SCATTER: Final = 2_654_435_761
_LETTERS: Final = "eeeetttaaaooiinnsshhrrdlcumwfgypbvkxjqz"
_HEAD: Final = (
    "{method} {target} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: parley-bench\r\nAccept: application/json\r\n"
)


class Request(NamedTuple):
    """One request: what it is, of which chat, for which service, and its bytes."""

    operation: str
    chat: int
    is_write: bool
    data: bytes


class Mix:
    """Makes requests in turn, spread evenly over the chats. Reads ask for what the book says is there."""

    def __init__(self, plan: Plan, services: Services, application: str, book: Book) -> None:
        """Take the path of an application; where reads are asked for, the book has a number in every chat."""
        self._reads, self._keys = plan.reads, plan.keys
        self._chats = plan.chats
        self._numbers = book.acknowledged
        self._asked = self._created = self._looked = 0
        self._bodies = [b'{"body":"%s"}' % text.encode() for text in texts(plan.size)]
        length = f"Content-Type: application/json\r\nContent-Length: {len(self._bodies[0])}\r\n"
        places = [f"{application}/chats/{chat}/messages" for chat in range(plan.chats + 1)]
        self._creates = [(_head("POST", services.write, place) + length).encode() for place in places]
        self._pages = [(_head("GET", services.read, place + LAST_PAGE) + "\r\n").encode() for place in places]
        # A percent sign of the path must not be taken for the place of the number.
        self._singles = [
            _head("GET", services.read, f"{place}/\0").replace("%", "%%").replace("\0", "%d").encode()
            for place in places
        ]

    def next(self) -> Request:
        """Make the next one."""
        asked = self._asked
        self._asked += 1
        return self._look() if falls_in(self._reads, asked) else self._create()

    def _create(self) -> Request:
        created = self._created
        self._created += 1
        chat = created % self._chats + 1
        key = b"Idempotency-Key: bench-%d\r\n" % created if falls_in(self._keys, created) else b""
        body = self._bodies[created % BODIES]
        return Request(CREATE, chat, True, b"%s%s\r\n%s" % (self._creates[chat], key, body))  # noqa: FBT003 - a member

    def _look(self) -> Request:
        """Ask for single messages and for last pages in turn."""
        looked = self._looked
        self._looked += 1
        chat = (looked >> 1) % self._chats + 1
        if looked & 1:
            return Request(PAGE, chat, False, self._pages[chat])  # noqa: FBT003 - a member
        numbers = self._numbers[chat]
        number = numbers[looked * _SCATTER % len(numbers)]
        return Request(READ, chat, False, self._singles[chat] % number + b"\r\n")  # noqa: FBT003 - a member


def falls_in(percent: int, index: int) -> bool:
    """Tell whether the request of this index is one of the ``percent``: exactly so many of each hundred, evenly."""
    return index * percent % 100 < percent


def texts(size: int) -> list[str]:
    """Make bodies of words, always the same: one text for all would be too easy for an index and a disk."""
    random = Random(size)  # noqa: S311 - it only has to look like writing
    return [_text(random, size) for _ in range(BODIES)]


def _text(random: Random, size: int) -> str:
    words, length = list[str](), 0
    while length < size:
        words.append("".join(random.choices(_LETTERS, k=random.randint(2, 9))))
        length += len(words[-1]) + 1
    text = " ".join(words)[:size]
    return text.removesuffix(" ").ljust(size, "e")


def _head(method: str, origin: Origin, path: str) -> str:
    return _HEAD.format(method=method, target=origin.prefix + path, authority=origin.authority)
