"""Services that break one promise, as real ones did: each must be caught."""

from __future__ import annotations

from typing import Final

from parley.verify.history import Row
from tests.support.histories.service import ServedChat


class LosesTheLast(ServedChat):
    """Acknowledges before it is safe: a crash takes the last message with it."""

    def crash(self) -> None:
        """Lose one, whoever was told of it, and leave its number in the ledger."""
        if self.order:
            self.fragile.add(self.order[-1])
        super().crash()


class ForgetsKeys(ServedChat):
    """Keeps idempotency keys in memory alone."""

    def create(self, values: tuple[str, ...], shas: tuple[str, ...], key: str, *, is_fragile: bool) -> int:
        """Write a retry a second time."""
        self.keys.clear()
        return super().create(values, shas, key, is_fragile=is_fragile)


class CountsFromRows(ServedChat):
    """Rebuilds its counter from what it finds: numbers of what was lost or deleted are given again."""

    def crash(self) -> None:
        """Lose what may be lost, and count on from the highest row."""
        for number in sorted(self.fragile):
            del self.rows[number]
            self.order.remove(number)
        self.fragile.clear()
        self.last = self.order[-1] if self.order else 0


class BurnsInSilence(ServedChat):
    """Leaves numbers out without writing them down."""

    def crash(self) -> None:
        """Forget the ledger."""
        super().crash()
        self.gaps.clear()


class NumbersInBlocks(ServedChat):
    """Has two writers, each with a block of its own, and says nothing about it."""

    def create(self, values: tuple[str, ...], shas: tuple[str, ...], key: str, *, is_fragile: bool) -> int:
        """Take from the upper block now and then."""
        if key in self.keys or len(self.keys) % 10 != 0:
            return super().create(values, shas, key, is_fragile=is_fragile)
        low, self.last = self.last, self.last + 10_000 * (1 + len(self.keys))
        number = super().create(values, shas, key, is_fragile=is_fragile)
        self.last = low
        self.order.sort()
        return number


class ReadsLate(ServedChat):
    """Reads a replica that is behind."""

    def walk(self, after: int) -> tuple[Row, ...]:
        """Leave out what came last."""
        return self.stale_walk(after)


class KeepsDeleted(ServedChat):
    """Says that it has deleted, and has not."""

    def delete(self, number: int) -> bool:
        """Do nothing."""
        return number in self.rows


class DropsEdits(ServedChat):
    """Says that it has edited, and has not."""

    def edit(self, number: int, value: str, sha: str) -> bool:
        """Do nothing."""
        return bool(value and sha) and number in self.rows


class TearsBulks(ServedChat):
    """Stores a bulk message by message, and stops before its last."""

    def create(self, values: tuple[str, ...], shas: tuple[str, ...], key: str, *, is_fragile: bool) -> int:
        """Store all but the last, whose number is a tombstone."""
        is_torn = len(values) > 1 and key not in self.keys
        first = super().create(values, shas, key, is_fragile=is_fragile)
        if is_torn:
            self.delete(self.last)
        return first


class CutsTexts(ServedChat):
    """Stores what fits."""

    def create(self, values: tuple[str, ...], shas: tuple[str, ...], key: str, *, is_fragile: bool) -> int:
        """Store other bytes."""
        return super().create(values, tuple(sha[::-1] for sha in shas), key, is_fragile=is_fragile)


class DeniesEdits(ServedChat):
    """Looks for a message in rows that are behind, and says that there is none."""

    def edit(self, number: int, value: str, sha: str) -> bool:
        """Find nothing of the last messages."""
        return number not in self.order[-5:] and super().edit(number, value, sha)


class DegradesTooFar(ServedChat):
    """Reads a replica while the log is away: what was answered as stored is not in it."""

    def stale_walk(self, after: int) -> tuple[Row, ...]:
        """Leave out what came last, stored or not."""
        self.stored_until = 0
        return super().stale_walk(after)


class FindsNothing(ServedChat):
    """Has an index that nobody feeds."""

    def search(self, value: str, *, is_late: bool) -> tuple[Row, ...]:  # noqa: ARG002 - as the service
        """Be late for ever."""
        return ()


class IndexesNoEdits(ServedChat):
    """Feeds its index with what is new, and with nothing that changes."""

    def edit(self, number: int, value: str, sha: str) -> bool:
        """Leave the index as it was."""
        is_edited = super().edit(number, value, sha)
        self.indexed[value] = 0
        return is_edited


class FindsNowAndThen(ServedChat):
    """Has two replicas of its index, of which one is empty."""

    is_asked_last = False

    def search(self, value: str, *, is_late: bool) -> tuple[Row, ...]:
        """Take turns."""
        self.is_asked_last = not self.is_asked_last
        return super().search(value, is_late=is_late) if self.is_asked_last else ()


FLAWS: Final[dict[str, tuple[str, type[ServedChat]]]] = {
    "acknowledges before it is safe": ("lost", LosesTheLast),
    "forgets keys": ("duplicate", ForgetsKeys),
    "counts from rows": ("reused", CountsFromRows),
    "cuts texts": ("reused", CutsTexts),
    "keeps what is deleted": ("phantom", KeepsDeleted),
    "tears bulks": ("phantom", TearsBulks),
    "numbers in blocks": ("order", NumbersInBlocks),
    "burns in silence": ("gaps", BurnsInSilence),
    "reads late": ("read your write", ReadsLate),
    "drops edits": ("edits", DropsEdits),
    "denies edits": ("read your write", DeniesEdits),
    "degrades too far": ("page walk", DegradesTooFar),
    "finds nothing": ("search", FindsNothing),
    "indexes no edits": ("search", IndexesNoEdits),
    "finds now and then": ("search", FindsNowAndThen),
}
"""By what is wrong: the check that must name it."""
