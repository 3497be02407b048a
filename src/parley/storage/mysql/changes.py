"""What followers read: changes in order, present states, ends; trimmed behind the slowest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from parley.database.mysql.session import Session
from parley.database.mysql.transactions import Database
from parley.domain.documents import WHOLE_CHAT, Change, Document
from parley.domain.events import NUMBER_LIMIT, Position
from parley.storage.mysql.rows import Row, unpack_keys
from parley.storage.port import Changes

_NOTHING: Final = Position(0, 0)
_MAX_CHANGES: Final = 500
"""Changes of one partition that are read at once: each may touch thousands of messages."""
_TRIM_SLICE: Final = 5_000
_WALK_CHATS: Final = 200


class MySqlChanges:
    """The ``change`` and ``follower`` tables."""

    def __init__(self, database: Database) -> None:
        """Read and trim on ``database``."""
        self._database = database

    async def read(self, after: Mapping[int, Position], limit: int) -> list[Change]:
        """Give about ``limit`` touched messages' changes above each partition's position, in order."""

        async def work(session: Session) -> list[Change]:
            found: list[Change] = []
            for partition, _, _ in await session.rows("partition_ends"):
                epoch, id_ = after.get(partition, _NOTHING)
                above = (partition, epoch, id_, epoch, min(limit, _MAX_CHANGES))
                found += _bounded(partition, await session.rows("changes_after", *above), limit)
            return found

        return await self._database.read(work)

    async def load(self, keys: Sequence[tuple[int, int]]) -> list[Document]:
        """Give the present state of each (chat id, number)."""
        wanted = sorted(set(keys))

        async def work(session: Session) -> list[Document]:
            chats = {
                row[0]: row[1:] for row in await session.pick("document_chats", sorted({key[0] for key in wanted}))
            }
            numbers = [key for key in wanted if 0 < key[1] <= NUMBER_LIMIT]
            bodies = {row[:2]: row[2:] for row in await session.pick("documents", numbers)}
            return [
                _document(key, chats.get(key[0], (0, False, 0)), bodies.get(key, (None, 0)))
                for key in wanted
                if key[1] != WHOLE_CHAT or not chats.get(key[0], (0, False, 0))[1]
            ]

        return await self._database.read(work)

    async def walk(self, after: tuple[int, int], limit: int) -> list[Document]:
        """Give live messages above (chat id, number) in that order, for a rebuild."""

        async def work(session: Session) -> list[Document]:
            found: list[Row] = []
            chat_id, number = after
            while len(found) < limit and (chats := await session.rows("walk_chats", chat_id, _WALK_CHATS)):
                number = number if chats[0][0] == chat_id else 0
                last, rows = await _walk(session, chats, number, limit - len(found))
                found += rows
                chat_id, number = last + 1, 0
            return [Document(*row) for row in found]

        return await self._database.read(work)

    async def ends(self) -> dict[int, Position]:
        """Give every partition's present position."""
        rows = await self._database.read(lambda session: session.rows("partition_ends"))
        return {id_: Position(epoch, position) for id_, epoch, position in rows}

    async def passed(self, follower: str, positions: Mapping[int, Position]) -> None:
        """Record how far a follower is, durably, and trim the changes that every follower passed."""

        async def record(session: Session) -> None:
            for partition, position in sorted(positions.items()):
                await session.run("record_follower", follower.encode(), partition, *position)

        await self._database.write(record)
        for partition in sorted(positions):
            while await self._database.write(partial(_trim, partition)) == _TRIM_SLICE:
                pass

    async def floor(self, follower: str) -> dict[int, Position]:
        """Give what `passed` recorded last; changes at or below it may be gone."""
        rows = await self._database.read(lambda session: session.rows("follower_positions", follower.encode()))
        return {partition: Position(epoch, position) for partition, epoch, position in rows}


def _bounded(partition: int, rows: Sequence[Row], limit: int) -> list[Change]:
    """Give the changes up to the one that touches the last of ``limit`` messages."""
    found: list[Change] = []
    touched = 0
    for epoch, id_, keys in rows:
        found.append(Change(partition, Position(epoch, id_), list(unpack_keys(keys))))
        touched += len(found[-1].keys)
        if touched >= limit:
            break
    return found


def _document(key: tuple[int, int], chat: tuple[int, bool, int], message: tuple[str | None, int]) -> Document:
    """Give a message's state; of a chat that is gone it has none, since the chat's deletion or its own last change."""
    (application_id, is_live, gone_at), (body, position) = chat, message
    if is_live:
        return Document(*key, body, application_id, position)
    return Document(*key, None, application_id, max(position, gone_at))


async def _walk(session: Session, chats: Sequence[Row], number: int, limit: int) -> tuple[int, list[Row]]:
    """Give about ``limit`` messages, above ``number`` in the first chat, and the last chat that was looked at."""
    chat_id, application_id, last_number = chats[0]
    if number or last_number > limit:
        return chat_id, await session.rows("walk_one", application_id, chat_id, number, limit)
    wanted: list[tuple[int, int]] = []
    for chat_id, application_id, last_number in chats:
        limit -= last_number
        if limit < 0:
            break
        wanted.append((chat_id, application_id))
    return wanted[-1][0], sorted(await session.pick("walk_some", wanted))


async def _trim(partition: int, session: Session) -> int:
    epoch, id_ = min(await session.rows("followers_of", partition))
    return await session.run("trim_changes", partition, epoch, id_, epoch, _TRIM_SLICE)


if TYPE_CHECKING:
    _conforms: type[Changes] = MySqlChanges
