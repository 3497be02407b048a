"""Makes the search index anew beside the one that is searched, when somebody wants it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from parley.domain.documents import Document
from parley.domain.events import Position
from parley.search.port import Renewal
from parley.storage.port import Changes
from parley.telemetry.clock import Clock
from parley.workers.feed import Feed
from parley.workers.walk import Walk


class Renewing:
    """One new index: it is given what changes from before its walk begins, so at the end of that it lacks nothing.

    A walk reads a message and puts it within one step, and no step is done beside it. So what changed
    later arrives later, and a chat that went does not come back.
    """

    def __init__(self, name: str, renewal: Renewal, feed: Feed, walk: Walk) -> None:
        """Fill the index called ``name`` by ``feed``, into which ``walk`` leads."""
        self.name = name
        self._renewal = renewal
        self._feed = feed
        self._walk = walk

    async def put(self, documents: Sequence[Document]) -> None:
        """Take what changed."""
        await self._feed.put(documents, {})

    async def step(self, positions: Mapping[int, Position]) -> bool:
        """Index the next slice; `True` when searches read the new index, which is as far as ``positions``."""
        if not await self._walk.step():
            return False
        await self._feed.put([], positions)
        await self._renewal.publish(self.name)
        self._walk.say("done")
        return True


async def begin_renewing(renewal: Renewal, changes: Changes, feed: Feed, clock: Clock, slice_messages: int) -> Renewing:
    """Begin with an empty index, whatever another process has put into the one that was wanted."""
    name, target = await renewal.begin()
    feed = feed.onto(target)
    walk = Walk("search reindex", changes, feed, clock, slice_messages)
    walk.say("began")
    return Renewing(name, renewal, feed, walk)
