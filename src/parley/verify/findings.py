"""A finding: one place where a history breaks a promise."""

from __future__ import annotations

import msgspec


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a check has found."""

    check: str
    where: str
    what: str
    """A sentence for people."""
    number: int = 0
    value: str = ""
    at_s: float | None = None
    """When, in seconds since the recording's first operation."""
    fault: str = ""
    """How that lies to the nearest fault."""
    operations: tuple[tuple[int, int], ...] = ()
    """``p`` and ``i`` of what proves it, the decisive one first."""
