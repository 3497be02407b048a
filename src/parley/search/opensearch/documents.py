"""Documents as the index holds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from parley.domain.documents import WHOLE_CHAT, Document
from parley.domain.events import NUMBER_LIMIT
from parley.domain.text import fold
from parley.search.opensearch.bulk import Line
from parley.search.opensearch.layout import BODY, CHAT, GONE, KEY

_NUMBER_BITS: Final = 32
_CHAT_LIMIT: Final = 2**31 - 1
_LIMIT: Final = 2**63 - 1


class Sorted(NamedTuple):
    """What one call asks for, each message once."""

    chats: list[int]
    """Whose messages are to be removed; none of them is among the lines."""
    lines: list[Line]


def sort(documents: Sequence[Document]) -> Sorted:
    """Part the documents into chats that are gone and messages, each in its latest state.

    Raises:
        ValueError: a document has no place in the index.
    """
    latest: dict[tuple[int, int], Document] = {}
    for document in documents:
        _check(document)
        place = document.chat_id, document.number
        if place not in latest or document.version >= latest[place].version:
            latest[place] = document
    chats = [chat_id for chat_id, number in latest if number == WHOLE_CHAT]
    gone = frozenset(chats)
    return Sorted(chats, [_line(document) for document in latest.values() if document.chat_id not in gone])


def key_of(chat_id: int, number: int) -> int:
    """Give what messages are sorted by: a chat's are together, by number."""
    return chat_id << _NUMBER_BITS | min(max(number, 0), NUMBER_LIMIT)


def number_of(key: int) -> int:
    """Give the message's number back."""
    return key & NUMBER_LIMIT


def _check(document: Document) -> None:
    chat_id, number, _, application_id, version = document
    if not 0 <= number <= NUMBER_LIMIT or not 0 < chat_id <= _CHAT_LIMIT:
        raise ValueError(f"chat id {chat_id}, number {number} has no place in the index")
    if not 0 <= application_id <= _LIMIT or not 0 <= version <= _LIMIT:
        raise ValueError(f"application id {application_id}, version {version} has no place in the index")


def _line(document: Document) -> Line:
    """Write a document; a tombstone keeps its version, so that no late write revives the message.

    Equal versions replace each other: the same state may be sent again.
    """
    chat_id, number, body, application_id, version = document
    id_ = f"{chat_id}-{number}"
    action = {"_id": id_, "routing": str(application_id), "version": version, "version_type": "external_gte"}
    source: dict[str, object] = {CHAT: str(chat_id), KEY: key_of(chat_id, number)}
    source |= {GONE: True} if body is None else {BODY: fold(body)}
    return Line(id_, _lines({"index": action}, source))


def _lines(*values: Mapping[str, object]) -> bytes:
    return b"".join(msgspec.json.encode(value) + b"\n" for value in values)
