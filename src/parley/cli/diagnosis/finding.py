"""One thing that was looked at."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Finding(NamedTuple):
    """What was found, and what to do about it unless it is fine."""

    subject: str
    status: Literal["ok", "warn", "fail"]
    found: str
    advice: str = ""
