"""Lets counts and the search index say what the rows say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from parley.domain.documents import WHOLE_CHAT, Document
from parley.domain.events import NUMBER_LIMIT
from parley.search.port import SearchIndex
from parley.storage.port import Changes, Counting, Counts, Difference
from parley.workers.feed import Feed

SLICE: Final = 100
SLICE_MESSAGES: Final = 1_000

_NUMBER_BITS: Final = 32


async def recount(counts: Counts, show: Callable[[int], None], *, repair: bool) -> list[Difference]:
    """Compare all counts with the rows and give what differs, mended with ``repair``; ``show`` hears how many."""
    found: list[Difference] = []
    done = 0
    for what in Counting:
        last: int | None = 0
        while last is not None:
            wrong, last = await counts.recount(what, last, SLICE, repair=repair)
            found += wrong
            done += SLICE
            show(done)
    return found


async def mend_index(changes: Changes, index: SearchIndex, keys: Sequence[int], show: Callable[[int], None]) -> None:
    """Put the present state of each ``chat id << 32 | number`` into the index; ``show`` hears how many.

    Workers may feed it beside: a later state stays. Chats are asked for before and after, so that a chat that goes
    while its messages are on the way takes them along. A message whose row is lost goes for good, whatever state of
    it the index has: nothing gives its number a later one.
    """
    feed = Feed(index, lambda _: None, lambda: None)
    newest = max((end.id for end in (await changes.ends()).values()), default=0)
    for start in range(0, len(keys), SLICE_MESSAGES):
        messages = [(key >> _NUMBER_BITS, key & NUMBER_LIMIT) for key in keys[start : start + SLICE_MESSAGES]]
        chats = [(chat_id, WHOLE_CHAT) for chat_id in {chat_id for chat_id, _ in messages}]
        await feed.put([_settled(each, newest) for each in await changes.load([*messages, *chats])], {})
        await feed.put(await changes.load(chats), {})
        show(min(start + SLICE_MESSAGES, len(keys)))


def _settled(document: Document, newest: int) -> Document:
    is_lost = document.body is None and not document.version and document.number != WHOLE_CHAT
    return document._replace(version=newest) if is_lost else document
