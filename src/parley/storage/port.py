"""The storage's ports: durable rows and pages, tenants, changes, erasure.

All methods raise `UnavailableError` when the database is away. Tokens and numbers are the public
names; a `ChatId` is the storage's own and never leaves the process.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from parley.domain.cursors import Window
from parley.domain.documents import Change, ChatId, Document
from parley.domain.events import IdempotencyKey, Position, ReadAgain
from parley.domain.model import Application, Chat, Message
from parley.storage.sharing import Shared
from parley.telemetry.clock import Clock

Item = TypeVar("Item")


class Page(NamedTuple, Generic[Item]):
    """Rows in ascending order, and whether there are more on either side."""

    items: list[Item]
    more_before: bool
    more_after: bool


class Scan(NamedTuple):
    """Messages that hold a text, and where to go on; ``next_after`` is ``None`` at the end."""

    items: list[Message]
    next_after: int | None


class Storage(Protocol):
    """Durable chats and messages. Deleted parents and tombstones are `NotFoundError`, like absent ones."""

    async def find_chat(self, token: str, chat: int | None) -> ChatId:
        """Give the chat's ids (with 0 for the chat, if ``chat`` is ``None``) or raise `NotFoundError`."""

    async def get_chat(self, token: str, chat: int) -> Chat:
        """Give one chat."""

    async def page_chats(self, token: str, window: Window) -> Page[Chat]:
        """Give a page of live chats by number: one range read."""

    async def get_message(self, token: str, chat: int, number: int) -> Message:
        """Give one message."""

    async def page_messages(self, token: str, chat: int, window: Window) -> Page[Message]:
        """Give a page of live messages by number: one range read."""

    async def pick_messages(self, chat: ChatId, numbers: Sequence[int]) -> list[Message]:
        """Give those of the numbers that are live, ascending."""

    async def scan_messages(self, chat: ChatId, folded: str, after: int, limit: int) -> Scan:
        """Look through one chat for a folded text, bounded in rows and time."""

    async def ping(self) -> None:
        """Return if the database answers."""


class Tenants(Protocol):
    """Applications, written to the database before the answer."""

    async def create(self, name: str, key: IdempotencyKey | None) -> tuple[Application, bool]:
        """Make an application; with a known key give the first one again and ``True``.

        Raises:
            KeyReusedError: the key came with another fingerprint.
        """

    async def get(self, token: str) -> Application:
        """Give a live application or raise `NotFoundError`."""

    async def page(self, after: int, limit: int) -> tuple[list[Application], int | None]:
        """Give live applications in creation order above a cursor value, and the next value."""

    async def page_before(self, before: int, limit: int) -> tuple[list[Application], int | None]:
        """Give the last live applications below a cursor value, ascending, and the value to go on below."""

    async def rename(self, token: str, name: str) -> Application:
        """Change the name and give the new state."""

    async def delete(self, token: str) -> None:
        """Commit the deletion; the rows are erased later."""


class Changes(Protocol):
    """What followers of the database read. A follower stores its own position where it likes."""

    async def read(self, after: Mapping[int, Position], limit: int) -> list[Change]:
        """Give about ``limit`` touched messages' changes above each partition's position, in order."""

    async def load(self, keys: Sequence[tuple[int, int]]) -> list[Document]:
        """Give the present state of each (chat id, number)."""

    async def walk(self, after: tuple[int, int], limit: int) -> list[Document]:
        """Give live messages above (chat id, number) in that order, for a rebuild."""

    async def ends(self) -> dict[int, Position]:
        """Give every partition's present position."""

    async def passed(self, follower: str, positions: Mapping[int, Position]) -> None:
        """Record how far a follower is, durably, and trim the changes that every follower passed."""

    async def floor(self, follower: str) -> dict[int, Position]:
        """Give what `passed` recorded last; changes at or below it may be gone."""


class Erasure(Protocol):
    """Removes what was deleted, in slices, keeping the numbers' tombstones."""

    async def erase(self, limit: int) -> int:
        """Erase up to ``limit`` rows of deleted applications and chats; 0 means nothing is left."""

    async def scrub(self) -> None:
        """Make what was edited, deleted or erased since the last time unreadable in the files, too."""

    async def expire_keys(self, before: int, limit: int) -> int:
        """Remove idempotency keys made before UTC milliseconds; 0 means nothing is left."""


class Scope(NamedTuple):
    """Where numbers count, by the storage's own ids: an application's chats (``chat`` is 0), or a chat's messages."""

    partition: int
    application: int
    chat: int


class Missing(NamedTuple):
    """Numbers of a scope that were given, and of which nothing says what became of them."""

    scope: Scope
    first: int
    last: int


class Difference(NamedTuple):
    """One place where two things that must agree do not."""

    check: str
    """Which of `Audit.checks` found it."""
    where: str
    """The application and chat, tokens shortened."""
    what: str
    """What is there and what should be."""
    remedy: Missing | Scope | None = None
    """What `Ledger` can do about it: explain these numbers, or settle this scope."""


class Recount(NamedTuple):
    """What was found among some applications or chats, and the last that was looked at; ``None`` ends a walk."""

    wrong: list[Difference]
    last: int | None


class Counting(Enum):
    """What is counted: the chats of applications, or the messages of chats."""

    CHATS = "chats"
    MESSAGES = "messages"


class Counts(Protocol):
    """What applications and chats say of how many they hold. Deleted ones are not looked at."""

    async def recount(self, what: Counting, after: int, limit: int, *, repair: bool) -> Recount:
        """Compare what up to ``limit`` of them above an id say with the rows; ``repair`` what was found."""


class Ledger(Protocol):
    """What becomes of numbers that were given, where people decide it."""

    async def explain(self, missing: Missing) -> bool:
        """Write numbers that nothing has into the gap ledger; ``False``: one has something by now."""

    async def settle(self, scope: Scope) -> None:
        """Raise what a scope says of its numbers to what was used of them.

        A log of its own may go on by what it was told before, until its next epoch.
        """


class Pending(NamedTuple):
    """What a follower may still have in another state than the rows have."""

    messages: Sequence[int]
    """``chat id << 32 | number``, sorted."""
    chats: frozenset[int]
    """Ids of chats that are gone, or about to be."""


class Audit(Protocol):
    """Compares a database with itself: read-only, beside a running server, all on one snapshot.

    Synchronous, on the caller's thread: it serves one command that does nothing else.
    """

    checks: Mapping[str, str]
    """Every check with a sentence."""

    def chats(self) -> int:
        """Count the chats, deleted ones too, as the size of the work."""

    def compare(self, show: Callable[[int], None]) -> Iterator[Difference]:
        """Give every difference; ``show`` is told how many chats are done."""

    def ends(self) -> dict[int, Position]:
        """Give every partition's position."""

    def floor(self, follower: str) -> dict[int, Position]:
        """Give what a follower recorded; changes at or below it may be gone."""

    def live(self, after: int, limit: int) -> list[int]:
        """Give live messages above ``chat id << 32 | number``, in that order."""

    def pending(self, after: Mapping[int, Position]) -> Pending:
        """Give what was changed above each partition's position."""

    def place(self, key: int) -> str:
        """Say where ``chat id << 32 | number`` is, for people."""

    def close(self) -> None:
        """Let go of the snapshot."""


class Opening(NamedTuple):
    """What a storage needs besides its URL."""

    clock: Clock
    new_token: Callable[[], str]
    partitions: int
    key_ttl_s: int
    readers: int
    scan_max_messages: int
    scan_max_s: float
    accepts_relaxed: bool = False
    """Whether a database that does not sync before a commit returns is opened or refused."""
    read_again: ReadAgain | None = None
    """Reads what a log of its own has set aside unread."""
    dead_letter_run: int = 100
    """How many entries in a row cannot be stored until it is not the entries that are wrong."""


class Opened(NamedTuple):
    """One database behind its ports; ``inline`` is set where it can carry a log itself, ``shared`` where it need not.

    `start` comes first: it connects, checks and migrates, and raises `ConfigurationError`.
    """

    storage: Storage
    tenants: Tenants
    changes: Changes
    erasure: Erasure
    counts: Counts
    inline: Any
    shared: Shared | None
    start: Callable[[], Awaitable[None]]
    close: Callable[[], Awaitable[None]]
    ledger: Ledger
