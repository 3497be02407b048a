"""Search as the contract words it, done naively: what every answer of the search is held against."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping


def folded(text: str) -> str:
    """Fold as Unicode D145 says: NFC(casefold(NFD(text)))."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


def matches(bodies: Mapping[int, str], query: str) -> list[int]:
    """Give the numbers whose body contains the trimmed query, ascending."""
    needle = folded(query.strip())
    return sorted(number for number, body in bodies.items() if needle in folded(body))
