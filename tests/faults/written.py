"""What is looked for in the end: words that were written, as the recording has them, and numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from random import Random
from typing import Final

from parley.verify.history import Event
from tests.faults.stored import StoredChat

_GAPS: Final = 50
"""Of a scope, how many numbers of the gap ledger are asked for."""
_WORDS: Final = 3
"""Of a chat, how many messages of each kind are looked for: any live ones, edited ones, deleted ones."""

Written = Mapping[int, list[str]]
"""The words of a chat by number: of its create, and of its edits, also of those that may not have been done."""


def read_written(events: Iterable[Event]) -> Mapping[tuple[str, int], Written]:
    """Collect the words of creates that were acknowledged and of edits that were tried, by application and chat."""
    written: defaultdict[tuple[str, int], defaultdict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    for event in events:
        if (event.f == "post" and event.t == "ok") or (event.f == "edit" and event.t in {"ok", "info"}):
            for number, word in enumerate(event.v, start=event.n):
                known = written[event.app, event.chat][number]
                if word not in known:  # a retry has it again
                    known.append(word)
    return written


def words_to_seek(chat: StoredChat, written: Written) -> list[str]:
    """Choose words of live messages, and words that were overwritten or deleted."""
    rng = Random(chat.number)
    live = {row.number: row.value for row in chat.rows}
    edited = _some(rng, (number for number in live if len(written.get(number, ())) > 1))
    found = [live[number] for number in [*edited, *_some(rng, live)]]
    overwritten = [word for number in edited for word in written[number] if word != live[number]]
    deleted = [word for number in _some(rng, chat.tombstones) for word in written.get(number, ())]
    return list(dict.fromkeys([*found, *overwritten, *deleted]))


def numbers_to_ask_for(chat: StoredChat) -> list[int]:
    """Choose every number that is a row, a tombstone or a letter, some of the gap ledger, and the first above all."""
    given = {*(row.number for row in chat.rows), *chat.tombstones, *chat.letters}
    rng = Random(chat.number)
    unused = {rng.randint(*rng.choice(chat.gaps)) for _ in range(_GAPS)} if chat.gaps else set()
    return sorted({*given, *unused, max(given, default=0) + 1})


def _some(rng: Random, numbers: Iterable[int]) -> list[int]:
    known = sorted(numbers)
    return rng.sample(known, min(_WORDS, len(known)))
