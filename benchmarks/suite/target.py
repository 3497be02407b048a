"""What a load goes to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Target(NamedTuple):
    """A service, the applications it knows, and the processes whose CPU counts while it is loaded."""

    url: str
    tokens: Sequence[str]
    processes: Mapping[str, int]
