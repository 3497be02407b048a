"""The search port: exact substring search over folded bodies, fed behind the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from parley.domain.documents import ChatId, Document
from parley.domain.events import Position


class Candidates(NamedTuple):
    """Numbers that may match, ascending; ``next_after`` continues the walk, ``None`` ends it."""

    numbers: list[int]
    next_after: int | None


class Target(Protocol):
    """Where documents are put: an index that is searched, or one that is made beside it."""

    async def index(self, documents: Sequence[Document], positions: Mapping[int, Position]) -> None:
        """Put or remove the documents, as `SearchIndex.index` does."""


class SearchIndex(Protocol):
    """Finds the messages of one chat whose folded body holds the folded text.

    *Idempotent*: indexing the same documents again changes nothing, so a follower may repeat.
    *Positions last*: those of a call are stored with its documents or after them, never before; a
    crash repeats a call at most. *Current*: a document is the state read after its change, so a
    later call never carries an older state; where several processes may index, its version tells.
    *Exact*: `candidates` never misses an indexed message and may name too many; the caller verifies
    each on the stored body. *Whole or not at all*: until positions were stored, and while the index
    is damaged, `candidates` raises. *Retries*: none inside, but for what a busy engine put off; the
    follower repeats. All methods raise `UnavailableError` when the engine does not answer.
    """

    shortest: int
    """Folded code points from which on `candidates` answers; shorter texts are scanned in the storage."""

    async def start(self) -> None:
        """Connect, check and make what is missing.

        Raises:
            ConfigurationError: the engine cannot be used as it is; the text says what to change.
        """

    async def index(self, documents: Sequence[Document], positions: Mapping[int, Position]) -> None:
        """Put or remove the documents, and remember each partition's position with them.

        Raises:
            ValueError: a document cannot be indexed by any retry; no position of the call was stored, and no
                document either where this can be told beforehand.
            UnavailableError: also if another process indexed beyond these positions, where several may.
        """

    async def candidates(self, chat: ChatId, folded: str, after: int, limit: int) -> Candidates:
        """Give up to ``limit`` numbers above ``after`` whose message may hold ``folded``.

        ``folded`` has at least `shortest` code points.
        """

    async def positions(self) -> dict[int, Position]:
        """Give the last indexed position by partition; a missing one means: rebuild from the start.

        An adapter that met damage starts its store afresh here, where only the follower asks.
        """

    async def clear(self) -> None:
        """Forget every document and position, before a rebuild."""

    async def name(self) -> str:
        """Name what is indexed into; nothing that was emptied or lost has the name of what comes after it.

        It is looked at whenever `positions` are.
        """

    async def ping(self) -> None:
        """Return if the index answers, else raise `UnavailableError`."""

    async def close(self) -> None:
        """Finish what was handed in and let go of the engine."""


@runtime_checkable
class Upkeep(Protocol):
    """What an index that keeps its own file can do beside: an ability, not every adapter has it."""

    async def sync(self) -> None:
        """Return when what `SearchIndex.positions` gave before would survive a power cut."""

    async def tidy(self) -> bool:
        """Drop from the file, a slice a call, what was removed or replaced; `False`: nothing is left."""


class Filling(NamedTuple):
    """How far a new index is: messages in it, and in the one that is searched."""

    done: int
    total: int


class Renewal(Protocol):
    """Makes an index anew beside the one that is searched, so that searches are answered all the time.

    Anybody asks for it. Whoever feeds the index fills the new one from its begin, feeds both from then on,
    and publishes it. All methods raise `UnavailableError` when the engine does not answer.
    """

    async def ask(self) -> None:
        """Want a new index, unless one is wanted already.

        Raises:
            ConflictError: ``index_incomplete``: there is no complete index beside which another could be made.
        """

    async def searched(self) -> str | None:
        """Name the index that is searched; ``None``: none is complete."""

    async def asked(self) -> str | None:
        """Name the index that is wanted, by a name that no other ever has; ``None``: no one is."""

    async def begin(self) -> tuple[str, Target]:
        """Put an empty one in the place of the one that is wanted, and give its name and where to fill it."""

    async def publish(self, name: str) -> None:
        """Let searches read that one, which has its positions, and let go of the one they read before.

        Raises:
            UnavailableError: another one is wanted by now.
        """

    async def filling(self) -> Filling | None:
        """Say how far the wanted one is; ``None``: no one is wanted.

        Raises:
            UnavailableError: also while one of the two is made or deleted.
        """

    async def cancel(self) -> None:
        """Want none any more, and let go of what is in it."""


@runtime_checkable
class Renewable(Protocol):
    """An index that can be made anew beside the one that is searched: an ability, not every adapter has it."""

    @property
    def renewal(self) -> Renewal:
        """What makes it."""


class IndexAudit(Protocol):
    """What the index holds: read-only, beside a running server, all on one snapshot. Synchronous, for one command.

    All methods raise `UnavailableError` when the engine does not answer.
    """

    def integrity(self) -> list[str]:
        """Give what the engine finds wrong with its own files."""

    def positions(self) -> dict[int, Position]:
        """Give the last indexed position by partition; none while it is made again."""

    def documents(self, after: int, limit: int) -> list[int]:
        """Give documents above ``chat id << 32 | number``, in that order."""

    def close(self) -> None:
        """Let go of the snapshot."""
