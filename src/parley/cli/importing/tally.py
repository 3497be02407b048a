"""What an import counts, and its table at the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table


@dataclass
class Tally:
    """Outcomes of this run. Every record ends in exactly one of the first four."""

    created: int = 0
    replayed: int = 0
    rejected: int = 0
    skipped: int = 0
    empty_lines: int = 0
    chats: int = 0

    @property
    def records(self) -> int:
        """Records that have their outcome."""
        return self.created + self.replayed + self.rejected + self.skipped

    @property
    def lines(self) -> int:
        """Lines that are done with."""
        return self.records + self.empty_lines


def summary(tally: Tally, seconds: float, retries: int) -> Table:
    """Draw the table that ends an import."""
    from rich.table import Table  # noqa: PLC0415 - rich is imported once the work is done

    sent = tally.records - tally.skipped
    table = Table("what", "count", "means", title="parley import")
    table.columns[1].justify = "right"
    for what, count, means in (
        ("records", f"{tally.records:,}", "lines with something in them"),
        ("created", f"{tally.created:,}", "stored by this run"),
        ("replayed", f"{tally.replayed:,}", "were there already under the same idempotency key"),
        ("rejected", f"{tally.rejected:,}", "see the rejected file"),
        ("skipped", f"{tally.skipped:,}", "done in an earlier run, by the journal"),
        ("chats", f"{tally.chats:,}", "opened by this run, one a channel"),
        ("retries", f"{retries:,}", "requests sent again with the same key"),
        ("seconds", f"{seconds:,.1f}", "without reading the file for its digest"),
        ("rate", f"{sent / seconds if seconds else 0:,.0f}", "records a second"),
    ):
        table.add_row(what, count, means)
    return table
