"""What a look at a part of the deployment found, and what to do about it."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Finding(NamedTuple):
    """One thing that was looked at; ``advice`` is empty if it is fine. No text holds a password."""

    subject: str
    status: Literal["ok", "warn", "fail"]
    found: str
    advice: str = ""
