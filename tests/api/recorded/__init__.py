"""Recorded answers, written by hand from the HTTP contract."""

from __future__ import annotations

from tests.api.recorded import bulk, chats, headers, malformed, messages, order, paths
from tests.api.recorded.cases import Case

ALL: dict[str, Case] = {
    f"{module.__name__.rsplit('.', 1)[-1]}-{case.name}": case
    for module in (chats, messages, bulk, malformed, paths, headers, order)
    for case in module.CASES
}
