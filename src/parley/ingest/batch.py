"""Entries that travel in one append, open until the log begins with it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple

from parley.domain.errors import ParleyError
from parley.domain.events import Entry, MessagesPosted
from parley.domain.numbering import Outcome

Done = Callable[[Outcome | ParleyError], None]


class BatchLimits(NamedTuple):
    """Bounds of one append; an entry above them travels alone."""

    max_entries: int
    max_bytes: int


class Waiting:
    """One entry on its way; ``done`` is called once and then forgotten."""

    __slots__ = ("deadline", "done", "entry", "messages", "size")

    def __init__(self, entry: Entry, size: int, deadline: float, done: Done) -> None:
        """Take the entry, its approximate bytes, and when it is overdue."""
        self.entry = entry
        self.messages = len(entry.what.messages) if isinstance(entry.what, MessagesPosted) else 1
        self.size = size
        self.deadline = deadline
        self.done: Done | None = done

    def settle(self, result: Outcome | ParleyError) -> None:
        """Hand the result on, unless something was handed on before."""
        if self.done is None:
            return
        done, self.done = self.done, None
        try:
            done(result)
        except Exception as error:  # noqa: BLE001 - told to the loop; the others of the batch get their answers
            context = {"message": "an outcome could not be handed on", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)


class OpenBatch:
    """Takes entries in until the log seals it, maybe from another thread, or until it is full.

    So what arrives while a batch waits for the log still travels with it.
    """

    def __init__(self, limits: BatchLimits, sent_at: float) -> None:
        """Begin empty; ``sent_at`` is when it was handed to the log."""
        self.sent_at = sent_at
        self.entries: list[Waiting] = []
        self._max_entries, self._max_bytes = limits
        self._size = 0
        self._sealed = False
        self._lock = threading.Lock()

    def add(self, waiting: Waiting) -> bool:
        """Take one more in; ``False`` if it is sealed or full. An empty one takes anything."""
        with self._lock:
            size = self._size + waiting.size
            if self._sealed or (self.entries and (size > self._max_bytes or len(self.entries) >= self._max_entries)):
                return False
            self.entries.append(waiting)
            self._size = size
            return True

    def seal(self) -> Sequence[Entry]:
        """Give the entries; from now on nothing joins or leaves."""
        with self._lock:
            self._sealed = True
            return [waiting.entry for waiting in self.entries]

    def drop_overdue(self, now: float) -> list[Waiting]:
        """Take out what is overdue, if it certainly was not sent."""
        with self._lock:
            if self._sealed:
                return []
            overdue = [waiting for waiting in self.entries if waiting.deadline <= now]
            self.entries = [waiting for waiting in self.entries if waiting.deadline > now]
            return overdue
