"""What a replayed data set must look like through the API, worked out without Parley's own code."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import quote

from tests.support.answers import links
from tests.support.client import Client
from tests.support.oracle import matches
from tests.support.polling import wait_for
from tests.support.tenant import expect


class Record(NamedTuple):
    """One record of a data set, as it must come back."""

    channel: str
    sender: str
    body: str
    sent_at: str


Stored = dict[str, list[dict[str, Any]]]
"""Messages in number order, by their chat's title."""

_NO_VOID: Mapping[str, Collection[int]] = MappingProxyType({})


def read_lines(path: Path) -> list[dict[str, Any]]:
    r"""Read every record; bodies may hold other line ends, so the file is split at ``\n`` only."""
    return [json.loads(line) for line in path.read_bytes().split(b"\n") if line]


def distinct(lines: list[dict[str, Any]]) -> list[Record]:
    """Give the records that must be stored: each ``source_id`` (or line) once, blank bodies left out."""
    once = {line.get("source_id", index): line for index, line in enumerate(lines)}
    return [Record(*(line[name] for name in Record._fields)) for line in once.values() if line["body"].strip()]


def walk(client: Client, target: str) -> Iterator[dict[str, Any]]:
    """Read a paged list to its end, following ``Link: rel="next"``."""
    following: str | None = f"{target}{'&' if '?' in target else '?'}limit=100"
    while following:
        answer = client.get(following)
        yield from expect(answer, 200)
        following = links(answer, following).get("next")


def stored_messages(client: Client, application: str) -> Stored:
    """Read every message of an application."""
    return {
        chat["title"]: list(walk(client, f"{application}/chats/{chat['number']}/messages"))
        for chat in walk(client, f"{application}/chats")
    }


def check_records(stored: Stored, records: list[Record], void: Mapping[str, Collection[int]] = _NO_VOID) -> None:
    """Check that each record is stored exactly once, as it was, in the file's order, numbered without a hole.

    Numbers that the gap ledger explains, by the chat's title, are no hole.
    """
    due: dict[str, list[Record]] = {}
    for record in records:
        due.setdefault(record.channel, []).append(record)
    assert set(stored) == set(due)
    for channel, messages in stored.items():
        numbers = [message["number"] for message in messages]
        explained = void.get(channel, ())
        assert numbers == [n for n in range(1, max(numbers) + 1) if n not in explained], channel
        found = [Record(channel, m["sender"], m["body"], m["metadata"]["sent_at"]) for m in messages]
        assert found == due[channel], channel


def check_counts(client: Client, application: str, stored: Stored) -> None:
    """Check that the counts are those of what is stored, at the latest 5 s after the last write."""
    due = {title: len(messages) for title, messages in stored.items()}

    def counted() -> bool:
        chats = {chat["title"]: chat["messages_count"] for chat in walk(client, f"{application}/chats")}
        return chats == due and expect(client.get(application), 200)["chats_count"] == len(due)

    wait_for(counted, "chats_count and messages_count", timeout_s=5)


def wait_until_indexed(client: Client) -> None:
    """Wait until the index's own position is that of the last write, as the metrics say."""
    wait_for(lambda: index_lag(client) == 0, "the index's lag is 0", timeout_s=60)


def index_lag(client: Client) -> float:
    """Read how far the index is behind."""
    text = client.get("/metrics").body.decode()
    found = re.findall(r"^(parley_\S*lag\S*) (\S+)$", text, re.MULTILINE)
    lags = [float(value) for name, value in found if "index" in name or "search" in name]
    assert lags, "no metric tells the index's lag"
    return sum(lags)


def check_search(client: Client, application: str, stored: Stored, needle: str) -> int:
    """Search every chat for a text, compare with a plain substring test, and give the number of hits."""
    hits = 0
    for chat in walk(client, f"{application}/chats"):
        bodies = {message["number"]: message["body"] for message in stored[chat["title"]]}
        target = f"{application}/chats/{chat['number']}/messages/search?q={quote(needle, safe='')}"
        found = [message["number"] for message in walk(client, target)]
        assert found == matches(bodies, needle), (chat["title"], needle)
        hits += len(found)
    return hits
