"""Messages of what is not stored yet: texts are in memory, or where they were left when memory ran out."""

from __future__ import annotations

from msgspec.structs import replace

from parley.domain.errors import NotFoundError
from parley.domain.events import MessageEdited, MessagesPosted, Position, What
from parley.domain.model import Message
from parley.domain.partitions import partition_of
from parley.log.port import Stream
from parley.queries.unstored_chat import Edit, Place, Posted
from parley.storage.port import Storage


class Wording:
    """Makes the messages of one read in one chat.

    A text that was let go of is on the log, and once it is trimmed there in the database: only what is stored is
    trimmed. A message that is nowhere any more was deleted while the read was under way.
    """

    def __init__(self, storage: Storage, stream: Stream, partitions: int, place: Place) -> None:
        """Look on ``stream``, then in ``storage``."""
        self._storage = storage
        self._stream = stream
        self._partition = partition_of(place[0], partitions)
        self._place = place
        self._read: dict[Position, What | None] = {}

    async def post(self, number: int, posted: Posted, edit: Edit | None) -> Message | None:
        """Give a message that is not stored, ``None`` if it is nowhere any more."""
        draft = posted.said
        if draft is None:
            what = await self._read_again(posted.position)
            draft = what.messages[posted.index] if isinstance(what, MessagesPosted) else None
        if draft is None:
            stored = await self._find_stored(number)
            return None if stored is None else await self.edit(stored, edit)
        at = posted.position.at
        return await self.edit(Message(number, draft.body, draft.sender, draft.metadata, at, at), edit)

    async def edit(self, message: Message, edit: Edit | None) -> Message | None:
        """Give a message with its last body, ``None`` if it is nowhere any more."""
        if edit is None:
            return message
        body = edit.said
        if body is None:
            what = await self._read_again(edit.position)
            body = what.body if isinstance(what, MessageEdited) else None
        if body is None:
            return await self._find_stored(message.number)
        return replace(message, body=body, updated_at=edit.position.at, edited=True)

    async def _find_stored(self, number: int) -> Message | None:
        try:
            return await self._storage.get_message(*self._place, number)
        except NotFoundError:
            return None

    async def _read_again(self, position: Position) -> What | None:
        """Read an entry from the log; a bulk once for all of its messages."""
        if position not in self._read:
            before = Position(position.epoch, position.id - 1)
            reading = await self._stream.read({self._partition: before}, 1)
            found = [one.event for one in reading.entries.get(self._partition, ()) if one.position == position]
            self._read[position] = found[0].entry.what if found and found[0] is not None else None
        return self._read[position]
