"""Removes whole chats from an index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from parley.domain.errors import UnavailableError
from parley.search.opensearch.layout import CHAT
from parley.search.opensearch.wire import CODE, WORK_TIMEOUT_S, Wire

SLICE: Final = 10_000
"""Documents a request: done well within its time."""

_FRUITLESS: Final = 5
"""Times in a row that others may change every document which was to be removed."""


async def remove_chats(wire: Wire, door: str, chats: Sequence[int]) -> None:
    """Remove all documents of the chats, tombstones too, wherever they are routed to.

    Raises:
        UnavailableError: the engine does not answer, or others write there all the time.
    """
    if not chats:
        return
    await wire.ask("POST", f"/{door}/_refresh", timeout_s=WORK_TIMEOUT_S)  # it finds only what a search finds
    query = {"query": {"terms": {CHAT: [str(chat) for chat in chats]}}}
    fruitless = 0
    while fruitless < _FRUITLESS:
        answer = await wire.ask(
            "POST",
            f"/{door}/_delete_by_query",
            query,
            timeout_s=WORK_TIMEOUT_S,
            conflicts="proceed",
            refresh="true",
            max_docs=SLICE,
            scroll_size=SLICE,
        )
        if answer["failures"]:
            raise UnavailableError("The search engine could not remove a chat", code=CODE)
        if not answer["deleted"] and not answer["version_conflicts"]:
            return
        fruitless = 0 if answer["deleted"] else fruitless + 1
    raise UnavailableError("Others write into a chat that is removed from search", code=CODE)
