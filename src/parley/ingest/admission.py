"""Admission: whether a write may start at all, decided before any work is done for it."""

from __future__ import annotations

from typing import NamedTuple

from parley.domain.events import Depth
from parley.ingest.batcher import Batcher
from parley.ingest.overload import Overload
from parley.log.port import Log


class DepthBound(NamedTuple):
    """How much may wait on the log and in this process, in messages and in bytes."""

    max_messages: int
    max_bytes: int


class Admission:
    """Refuses writes while too much waits, or while this process is stopping."""

    def __init__(self, log: Log, batcher: Batcher, bound: DepthBound) -> None:
        """Measure the depth of ``log`` and ``batcher`` against ``bound``."""
        self._log = log
        self._batcher = batcher
        self._max_messages, self._max_bytes = bound
        self._overload = Overload("Too many messages wait to be stored")

    def check(self) -> None:
        """Return if a write may start.

        Raises:
            UnavailableError: ``overloaded``, with the seconds to wait.
        """
        if self._is_full():
            raise self._overload.refusal()

    def refusals(self) -> list[str]:
        """Say why writes are refused at present; empty if they are not."""
        return ["too many messages wait to be stored"] if self._is_full() else []

    def depth(self) -> Depth:
        """Give what is accepted and not yet stored."""
        messages, size = self._log.depth()
        return Depth(messages + self._batcher.waiting, size + self._batcher.waiting_bytes)

    def _is_full(self) -> bool:
        """Compare as `depth` adds; asked before every write, so without an object for it."""
        messages, size = self._log.depth()
        batcher = self._batcher
        return messages + batcher.waiting >= self._max_messages or size + batcher.waiting_bytes >= self._max_bytes
