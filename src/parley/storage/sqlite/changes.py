"""What followers read: changes in order, present states, ends; trimmed behind the slowest."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from parley.database.session import Session, elements
from parley.database.sqlite import Database
from parley.domain.documents import WHOLE_CHAT, Change, Document
from parley.domain.events import Position
from parley.storage.port import Changes
from parley.storage.sqlite.rows import message_id, split_id

_NOTHING: Final = Position(0, 0)
_TRIM_SLICE: Final = 250
"""Changes that one transaction forgets: of 10,000 messages each, writes wait 0.2 s for it."""


class SqliteChanges:
    """The ``change`` and ``follower`` tables."""

    def __init__(self, database: Database) -> None:
        """Read and trim on ``database``."""
        self._database = database

    async def read(self, after: Mapping[int, Position], limit: int) -> list[Change]:
        """Give about ``limit`` touched messages' changes above each partition's position, in order."""

        def work(session: Session) -> list[Change]:
            found: list[Change] = []
            for partition, _, _ in session.rows("partition_ends"):
                above = (partition, *after.get(partition, _NOTHING), limit)
                for epoch, position, keys in elements(session.rows("changes_after", *above)[0][0]):
                    ids = array("q", bytes.fromhex(keys))
                    found.append(Change(partition, Position(epoch, position), [split_id(id_) for id_ in ids]))
            return found

        return await self._database.read(work)

    async def load(self, keys: Sequence[tuple[int, int]]) -> list[Document]:
        """Give the present state of each (chat id, number)."""

        def work(session: Session) -> list[Document]:
            chats = session.pick("chats_of_documents", sorted({chat_id for chat_id, _ in keys}))
            applications = {row[0]: row[1] for row in chats}
            live = {row[0] for row in chats if row[2]}
            ids = sorted(message_id(chat_id, number) for chat_id, number in set(keys) if chat_id in live and number)
            states = {row[0]: row[1:] for row in session.pick("documents", ids)}
            documents = []
            for chat_id, number in sorted(set(keys)):
                body, version = states.get(message_id(chat_id, number), (None, 0))
                if number != WHOLE_CHAT or chat_id not in live:
                    documents.append(Document(chat_id, number, body, applications.get(chat_id, 0), version))
            return documents

        return await self._database.read(work)

    async def walk(self, after: tuple[int, int], limit: int) -> list[Document]:
        """Give live messages above (chat id, number) in that order, for a rebuild."""

        def work(session: Session) -> list[Document]:
            above = after[0] << 32 | after[1]
            rows = session.rows("documents_after", above, limit)
            return [Document(*split_id(row[0]), *row[1:]) for row in rows]

        return await self._database.read(work)

    async def ends(self) -> dict[int, Position]:
        """Give every partition's present position."""

        def work(session: Session) -> dict[int, Position]:
            rows = session.rows("partition_ends")
            return {id_: Position(epoch, position) for id_, epoch, position in rows}

        return await self._database.read(work)

    async def passed(self, follower: str, positions: Mapping[int, Position]) -> None:
        """Record how far a follower is, durably, and trim the changes that every follower passed."""

        def work(session: Session) -> bool:
            for partition, position in positions.items():
                session.rows("record_follower", follower, partition, *position)
            return _trim(positions, session)

        more = await self._database.write(work)
        while more:
            more = await self._database.write(partial(_trim, positions))

    async def floor(self, follower: str) -> dict[int, Position]:
        """Give what `passed` recorded last; changes at or below it may be gone."""

        def work(session: Session) -> dict[int, Position]:
            rows = session.rows(
                "follower_positions",
                follower,
            )
            return {partition: Position(epoch, position) for partition, epoch, position in rows}

        return await self._database.read(work)


def _trim(partitions: Iterable[int], session: Session) -> bool:
    """Forget one slice of what all followers have passed; `True` if there may be more."""
    left = _TRIM_SLICE
    for partition in partitions:
        (slowest,) = session.rows("slowest_follower", partition)
        session.rows("trim_changes", partition, *slowest, left)
        left -= session.changes()
    return left == 0


if TYPE_CHECKING:
    _conforms: type[Changes] = SqliteChanges
