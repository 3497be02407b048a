"""What the engine is asked for."""

from __future__ import annotations

from typing import Final

from parley.domain.documents import ChatId
from parley.search.opensearch.documents import key_of
from parley.search.opensearch.layout import BODY, CHAT, GONE, KEY, LONGEST_SHORT, SHORT_BODY

_MOST_HITS: Final = 10_000
"""More than that the engine gives at no time."""


def candidates_query(chat: ChatId, folded: str, after: int, limit: int) -> dict[str, object]:
    """Ask for the chat's messages that hold the text, by number; their sort key is all that is wanted of them.

    A text of three code points or more is a phrase of trigrams one behind the other, which is exact.
    """
    if len(folded) <= LONGEST_SHORT:
        holds: dict[str, object] = {"term": {SHORT_BODY: folded}}
    else:
        holds = {"match_phrase": {BODY: folded}}
    return {
        "size": min(limit, _MOST_HITS),
        "query": {"bool": {"filter": [{"term": {CHAT: str(chat.chat)}}, holds]}},
        "sort": [{KEY: "asc"}],
        "search_after": [key_of(chat.chat, after)],
        "track_total_hits": False,
        "_source": False,
        "stored_fields": "_none_",
    }


def everything_query() -> dict[str, object]:
    """Ask for all messages but the deleted ones, by chat and number."""
    return {
        "size": _MOST_HITS,
        "query": live(),
        "sort": [{KEY: "asc"}],
        "_source": False,
        "stored_fields": "_none_",
    }


def live() -> dict[str, object]:
    """Say which documents are messages: neither deleted ones nor the positions."""
    return {"bool": {"filter": [{"exists": {"field": KEY}}], "must_not": [{"term": {GONE: True}}]}}
