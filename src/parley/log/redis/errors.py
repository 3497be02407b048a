"""What the engine's errors mean: whether an append that got one may have written."""

from __future__ import annotations

from typing import Final

from redis.exceptions import (
    AskError,
    AuthenticationError,
    BusyLoadingError,
    ClusterDownError,
    ExecAbortError,
    MasterDownError,
    NoPermissionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    TryAgainError,
)

from parley.domain.errors import UnavailableError

AWAY: Final = "log_unavailable"

_REFUSALS: Final = (
    AskError,
    AuthenticationError,
    BusyLoadingError,
    ClusterDownError,
    ExecAbortError,
    MasterDownError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    TryAgainError,
)
_REFUSED_CODES: Final = ("MISCONF", "NOREPLICAS", "BUSY", "MASTERDOWN", "UNKILLABLE")
"""Of refusals that the driver has no class for."""


def is_refusal(error: Exception) -> bool:
    """Tell whether the engine refused a command before it did anything, and may take it later."""
    return isinstance(error, _REFUSALS) or str(error).startswith(_REFUSED_CODES)


def is_other_life(reply: object) -> bool:
    """Tell whether a script, or its absence, says that the log is not in the life that was named."""
    return reply == b"EPOCH" or isinstance(reply, NoScriptError)


def away(error: object) -> UnavailableError:
    """Say that the log is away, and that nothing was written."""
    return UnavailableError(f"The log is away: {error}", code=AWAY)
