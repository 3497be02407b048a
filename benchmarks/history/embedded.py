"""Loads a history through the log that the embedded storage carries itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from benchmarks.history.entries import Numbered, batches
from parley.bootstrap.ports import Ports
from parley.domain.numbering import Appended
from parley.log.batch import FixedBatch

APPEND_ROWS: Final = 10_000


async def load(ports: Ports, entries: Iterable[Numbered]) -> None:
    """Append the entries, each of which must get its number.

    Raises:
        ValueError: the store has another history.
    """
    for batch in batches(entries, APPEND_ROWS):
        outcomes = await ports.log.log.append(FixedBatch([each.entry for each in batch]))
        for wanted, outcome in zip(batch, outcomes, strict=True):
            if not isinstance(outcome, Appended) or outcome.number != wanted.number:
                raise ValueError(f"{wanted.entry.token} {wanted.entry.chat}: {outcome} instead of {wanted.number}")
