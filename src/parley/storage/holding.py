"""What adapters read when they say what a database holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from parley.domain.events import Position
from parley.storage.archive import Holdings, Place

FOLLOWER: Final = "search"
QUERIES: Final = ("archive_schema", "archive_partitions", "archive_scopes", "archive_counts")
"""The named queries whose rows `read_holdings` takes, in their order."""

_COUNTED: Final = ("applications", "chats", "messages", "keys", "gaps", "letters")


def read_holdings(rows: Callable[[str], Iterable[tuple[Any, ...]]]) -> Holdings:
    """Ask for everything by ``rows(query)``, all of it of one state."""
    ((schema, oldest_code),), partitions, ((scopes, highest),), (counts,) = map(rows, QUERIES)
    places = [
        Place(id_, epoch, mode.decode() if isinstance(mode, bytes) else mode, Position(*at[:2]), Position(*at[2:]))
        for id_, epoch, mode, *at in partitions
    ]
    return Holdings(schema, oldest_code, places, scopes, highest, dict(zip(_COUNTED, counts, strict=True)))
