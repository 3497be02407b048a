"""Walks live messages in the order of the search index: by chat id, then by number."""

from __future__ import annotations

from typing import Final

from parley.domain.events import NUMBER_LIMIT
from parley.storage.mysql.audit.snapshot import Snapshot
from parley.storage.mysql.rows import NUMBER_BITS, Row

_CHATS: Final = 200


def live_messages(snapshot: Snapshot, after: int, limit: int) -> list[int]:
    """Give up to ``limit`` live messages above ``chat id << 32 | number``; fewer only at the end."""
    chat_id, number = after >> NUMBER_BITS, after & NUMBER_LIMIT
    found: list[int] = []
    while len(found) < limit and (chats := snapshot.rows("audit_live_chats", chat_id, _CHATS)):
        if chats[0][0] != chat_id:
            number = 0
        last, rows = _some(snapshot, chats, number, limit - len(found))
        found += [id_ << NUMBER_BITS | at for id_, at in rows]
        chat_id, number = last + 1, 0
    return found[:limit]


def _some(snapshot: Snapshot, chats: list[Row], number: int, limit: int) -> tuple[int, list[Row]]:
    """Give messages of the first chat above ``number``, or all of some chats; and the last chat that was looked at."""
    chat_id, application_id, size = chats[0]
    if number or size > limit:
        return chat_id, snapshot.rows("audit_live_one", application_id, chat_id, number, limit)
    last = chat_id
    for last_seen, _, size in chats:
        limit -= size
        if limit < 0:
            break
        last = last_seen
    return last, sorted(snapshot.rows("audit_live_some", chat_id, last))
