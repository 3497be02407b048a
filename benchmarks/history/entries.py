"""A stage as entries of a log, each with the number that it has to get."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from benchmarks.history.shape import Stage
from benchmarks.history.words import Talk
from parley.domain.events import ChatCreated, Entry, MessagesPosted


class Numbered(NamedTuple):
    """An entry, its (first) number, and how many rows it makes."""

    entry: Entry
    number: int
    rows: int


def chats_of(stage: Stage, tokens: Sequence[str]) -> Iterator[Numbered]:
    """Give a stage's new chats; ``tokens`` are those of the applications."""
    for (application, number), _ in stage.new_chats:
        yield Numbered(Entry(tokens[application], None, ChatCreated(f"chat {number}")), number, 1)


def messages_of(stage: Stage, tokens: Sequence[str], talk: Talk) -> Iterator[Numbered]:
    """Give a stage's messages, whose chats must be stored by then."""
    for (application, number), first, count in stage.sittings:
        yield Numbered(Entry(tokens[application], number, MessagesPosted(talk.say(count))), first, count)


def batches(entries: Iterable[Numbered], rows: int) -> Iterator[list[Numbered]]:
    """Part entries into batches of at least so many rows, but for the last."""
    batch: list[Numbered] = []
    held = 0
    for each in entries:
        batch.append(each)
        held += each.rows
        if held >= rows:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch
