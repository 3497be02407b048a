"""What an index of ours is called and looks like."""

from __future__ import annotations

import re
from typing import Final

from parley.search.opensearch.address import Address

VERSION: Final = 1
"""Of the layout and of `parley.domain.text.fold`: raised whenever an older index would give other answers."""

BODY: Final = "body"
SHORT_BODY: Final = "body.short"
CHAT: Final = "chat"
KEY: Final = "key"
GONE: Final = "gone"
POSITIONS: Final = "positions"

LONGEST_SHORT: Final = 2
"""Code points up to which a text is one term of `SHORT_BODY`."""

_FOUND_WITHIN: Final = "500ms"
"""Of its being indexed; with 1 s the slowest in a hundred took longer than 2 s from the answer at 1,000 a second."""

_MARK: Final = "parley_search"


class Names:
    """The names of one installation's indexes; a *generation* counts how often the index was made anew.

    The layout's version is part of every name. So an older and a newer release beside each other, during an
    update, each have an index that they can read.
    """

    def __init__(self, prefix: str) -> None:
        """Begin all names with ``prefix``."""
        self._family = f"{prefix}-messages"
        self.alias = f"{self._family}-v{VERSION}"
        """What searches read: it points to a complete index or does not exist."""
        self.all = f"{self._family}-v*"
        self._index = re.compile(rf"{re.escape(self._family)}-v(\d+)-(\d+)")

    def index(self, generation: int, layout: int = VERSION) -> str:
        """Name the index of a generation."""
        return f"{self._family}-v{layout}-{generation}"

    def door(self, generation: int) -> str:
        """Name the alias by which a generation is written.

        It goes when its index goes: who did not hear of that is refused, and makes no index by writing to it.
        """
        return f"{self.alias}-{generation}-door"

    def parse(self, index: str) -> tuple[int, int] | None:
        """Give (layout version, generation) of an index's name, ``None`` if it is not one of these."""
        matched = self._index.fullmatch(index)
        return (int(matched[1]), int(matched[2])) if matched else None


def is_ours(mappings: object) -> bool:
    """Tell whether an index was made by `describe`, of whatever version."""
    meta = mappings.get("_meta") if isinstance(mappings, dict) else None
    return isinstance(meta, dict) and _MARK in meta


def describe(address: Address, door: str) -> dict[str, object]:
    """Say how an index is made: its settings, its fields and the alias by which it is written."""
    spread = {"auto_expand_replicas": "0-1"} if address.replicas is None else {"number_of_replicas": address.replicas}
    return {
        "settings": {
            "index": {
                "number_of_shards": address.shards,
                **spread,
                "refresh_interval": _FOUND_WITHIN,  # said, or a shard that nobody searched for a while stops refreshing
                "translog.durability": "request",
                "analysis": {
                    "analyzer": {
                        "trigrams": {"type": "custom", "tokenizer": "trigrams"},
                        "short": {"type": "custom", "tokenizer": "short"},
                    },
                    "tokenizer": {
                        "trigrams": {"type": "ngram", "min_gram": 3, "max_gram": 3},
                        "short": {"type": "ngram", "min_gram": 1, "max_gram": LONGEST_SHORT},
                    },
                },
            }
        },
        "mappings": {
            "_meta": {_MARK: VERSION},
            "dynamic": "strict",
            "_routing": {"required": True},
            "_source": {"includes": [POSITIONS]},  # the bodies are the database's: from there an index is made again
            "properties": {
                BODY: {
                    "type": "text",
                    "analyzer": "trigrams",
                    "norms": False,
                    "fields": {
                        "short": {"type": "text", "analyzer": "short", "norms": False, "index_options": "docs"},
                    },
                },
                CHAT: {"type": "keyword", "doc_values": False, "norms": False},
                KEY: {"type": "long"},
                GONE: {"type": "boolean", "doc_values": False},
                POSITIONS: {"type": "object", "enabled": False},
            },
        },
        "aliases": {door: {}},
    }
