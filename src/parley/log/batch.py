"""A batch that is complete from the start, for whoever appends without a batcher."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from parley.domain.events import Entry


class FixedBatch(NamedTuple):
    """These entries and no others."""

    entries: Sequence[Entry]

    def seal(self) -> Sequence[Entry]:
        """Give the entries."""
        return self.entries
