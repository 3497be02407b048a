"""Tokens in what is printed: the first four digits of each, as in log lines."""

from __future__ import annotations

import re
from typing import Final

_KEPT: Final = 4
_DIGITS: Final = re.compile(rb"[0-9A-Fa-f]{32,}")
"""Wider than what log lines look for: in a binary form a token stands between any bytes."""


def mask_bytes(raw: bytes, token: str) -> bytes:
    """Write over all but the start of ``token``, and of whatever else may be one; the length stays."""
    if token:
        raw = raw.replace(token.encode(), _masked(token.encode()))
    return _DIGITS.sub(lambda found: _masked(found[0]), raw)


def mask_token(token: str) -> str:
    """Keep the start of one token."""
    return f"{token[:_KEPT]}****" if token else ""


def mask_text(text: str, token: str) -> str:
    """Mask tokens in a text."""
    return mask_bytes(text.encode("utf-8", "surrogatepass"), token).decode("utf-8", "replace")


def _masked(token: bytes) -> bytes:
    return token[:_KEPT] + b"*" * (len(token) - _KEPT)
