"""What is told to those who are refused because too much is under way."""

from __future__ import annotations

from itertools import cycle
from typing import Final

from parley.domain.errors import UnavailableError

_RETRY_AFTER_S: Final = (1, 2, 3)
"""Told in turn: those who are refused together do not come again together."""


class Overload:
    """Makes refusals that name one reason."""

    def __init__(self, detail: str) -> None:
        """Refuse because of ``detail``."""
        self._detail = f"{detail}; nothing was written"
        self._retry_after_s = cycle(_RETRY_AFTER_S)

    def refusal(self) -> UnavailableError:
        """Give ``overloaded``, with the seconds to wait."""
        return UnavailableError(self._detail, code="overloaded", retry_after_s=next(self._retry_after_s))
