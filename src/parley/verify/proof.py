"""Why a recording proves too little."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from parley.verify.index import Index
from parley.verify.scopes import Scope
from parley.verify.totals import Totals

_OF_CHATS: Final = ("pages", "sql")
"""The sources that must tell an application's chats; the others tell messages."""


def weaknesses(index: Index, totals: Totals) -> list[str]:
    """Say what is missing for a proof: operations, faults that were met, draining, final readings."""
    manifest = index.manifest
    acknowledged = sum(totals.acknowledged.values())
    reasons = []
    if acknowledged < manifest.min_acknowledged:
        reasons.append(f"{acknowledged:,} writes were acknowledged, and {manifest.min_acknowledged:,} are the least")
    if totals.met < manifest.min_met:
        reasons.append(f"{totals.met:,} operations met a fault, and {manifest.min_met:,} are the least")
    if not manifest.drained:
        reasons.append("not everything was stored and indexed before the final phase read")
    return [*reasons, *_unread(index)]


def _unread(index: Index) -> Iterator[str]:
    for scope in index.scopes.values():
        if not _is_wanted(scope):
            continue
        wanted = index.manifest.sources if scope.chat else [s for s in index.manifest.sources if s in _OF_CHATS]
        missing = [source for source in wanted if not _is_read(scope, source)]
        if missing:
            yield f"{scope.where}: the final phase did not read {', '.join(missing)}"


def _is_read(scope: Scope, source: str) -> bool:
    """Tell whether a source was read, whole by each that was asked."""
    readings = [reading for reading in scope.readings.values() if reading.source == source]
    return bool(readings) and all(reading.is_whole for reading in readings)


def _is_wanted(scope: Scope) -> bool:
    """Tell whether there is anything to find: a create that may not be lost, in a chat that nobody has deleted."""
    return not scope.may_be_closed and any(write.is_firm for write in scope.creates)
