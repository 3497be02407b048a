"""Compares the search index with the rows, while both may move on."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from parley.domain.errors import ConfigurationError, UnavailableError
from parley.domain.events import Position
from parley.search import open_index_audit
from parley.search.port import IndexAudit
from parley.storage import open_audit
from parley.storage.port import Audit, Difference, Pending

INDEX_CHECK: Final = "index"
INDEX_SENTENCE: Final = "every live message is in the search index, and no other"

_FOLLOWER: Final = "search"
_SLICE: Final = 10_000
_NUMBER_BITS: Final = 32
_LAST_KEY: Final = 2**63 - 1
_TRIES: Final = 20
_NOTHING: Final = Position(0, 0)


class Stray(NamedTuple):
    """A message that is in the rows alone, or in the index alone."""

    key: int
    """``chat id << 32 | number``."""
    is_live: bool


class IndexCheck:
    """The rows and the index as they were at nearly the same moment.

    The index is looked at first, so it is never ahead of the rows; what changed after its positions
    may be in it or not. ``note`` says why nothing can be compared, or how far the index is behind.
    """

    def __init__(self, rows: Audit, index: IndexAudit | None, note: str | None, damage: str | None = None) -> None:
        """Compare ``index`` with ``rows``, unless ``note`` or ``damage`` says why not."""
        self.rows = rows
        self.note = note
        self._damage = damage
        self._index = index

    def compare(self, show: Callable[[int], None]) -> Iterator[Difference]:
        """Give every difference; ``show`` is told how many messages are done."""
        try:
            yield from self._compare(show)
        except UnavailableError as error:
            yield Difference(INDEX_CHECK, "the files", error.detail)

    def _compare(self, show: Callable[[int], None]) -> Iterator[Difference]:
        yield from self.faults()
        for stray in self.strays(show):
            yield self.tell(stray)

    def faults(self) -> Iterator[Difference]:
        """Say why the index cannot be read, or what its engine finds wrong with it.

        Raises:
            UnavailableError: it cannot be read to its end.
        """
        if self._damage is not None:
            yield Difference(INDEX_CHECK, "the index file", self._damage)
        if self._index is not None and self.note is None:
            for found in self._index.integrity():
                yield Difference(INDEX_CHECK, "the index file", found)

    def tell(self, stray: Stray) -> Difference:
        """Say of a stray where it is."""
        what = "live, but not in the index" if stray.is_live else "in the index, but not live"
        return Difference(INDEX_CHECK, self.rows.place(stray.key), what)

    def strays(self, show: Callable[[int], None]) -> Iterator[Stray]:
        """Give every message that is in one of the two alone; none if they cannot be compared.

        Raises:
            UnavailableError: one of them cannot be read to its end.
        """
        index = self._index
        if index is None or self.note is not None:
            return
        pending = self.rows.pending(index.positions())
        if len(pending.messages):
            self.note = f"{len(pending.messages):,} changed messages are not indexed yet"
        after = done = 0
        while after < _LAST_KEY:
            live, indexed = self.rows.live(after, _SLICE), index.documents(after, _SLICE)
            last = min(_last(live), _last(indexed))
            yield from _compare_slice(_up_to(live, last), _up_to(indexed, last), pending)
            done += bisect_left(live, last + 1)
            after = last
            show(done)

    def close(self) -> None:
        """Let go of both."""
        self.rows.close()
        if self._index is not None:
            self._index.close()


def _compare_slice(live: list[int], indexed: list[int], pending: Pending) -> Iterator[Stray]:
    if live == indexed:
        return
    are_live = frozenset(live)
    for key in sorted(are_live.symmetric_difference(indexed)):
        if not _is_pending(key, pending):
            yield Stray(key, key in are_live)


def open_index_check(database_url: str, search_url: str) -> IndexCheck:
    """Open both so that the index's positions can be followed in the changes: never behind what was trimmed.

    Raises:
        ConfigurationError: the database cannot be read.
    """
    for _ in range(_TRIES):
        try:
            index = open_index_audit(search_url)
        except ConfigurationError as error:
            return IndexCheck(open_audit(database_url), None, None, error.detail)
        rows = _open_rows(database_url, index)
        if index is None:
            return IndexCheck(rows, None, "there is no index; it is made at the next start")
        positions, floor = index.positions(), rows.floor(_FOLLOWER)
        if not positions:
            return IndexCheck(rows, index, "the index is being made again")
        if all(positions.get(partition, _NOTHING) >= passed for partition, passed in floor.items()):
            ahead = any(positions.get(partition, _NOTHING) > end for partition, end in rows.ends().items())
            return IndexCheck(rows, index, _AHEAD if ahead else None)
        rows.close()
        index.close()
    index = open_index_audit(search_url)
    rows = _open_rows(database_url, index)
    return IndexCheck(rows, index, "the index is older than the changes; it is made again at the next start")


def _open_rows(database_url: str, index: IndexAudit | None) -> Audit:
    """Open the database beside an index that is open, or neither."""
    try:
        return open_audit(database_url)
    except BaseException:
        if index is not None:
            index.close()
        raise


_AHEAD: Final = "the index is of a newer database; it is made again at the next start"


def _last(keys: Sequence[int]) -> int:
    """Give up to where a slice is complete."""
    return keys[-1] if len(keys) == _SLICE else _LAST_KEY


def _up_to(keys: list[int], last: int) -> list[int]:
    return keys if not keys or keys[-1] <= last else keys[: bisect_left(keys, last + 1)]


def _is_pending(key: int, pending: Pending) -> bool:
    if key >> _NUMBER_BITS in pending.chats:
        return True
    at = bisect_left(pending.messages, key)
    return at < len(pending.messages) and pending.messages[at] == key
