"""The log: gives numbers and keeps entries, opened by URL."""

from __future__ import annotations

from typing import Final, cast

from parley.log.port import Inline, Log
from parley.opening import load_opener
from parley.telemetry.clock import Clock

ADAPTERS: Final = {"sqlite": "parley.log.sqlite:open_"}


def open_log(url: str, *, inline: Inline, clock: Clock) -> Log:
    """Open the log at ``url``; an embedded one stores through ``inline`` in the same transaction.

    Raises:
        ConfigurationError: no adapter serves the URL.
    """
    return cast("Log", load_opener(url, ADAPTERS, "PARLEY_LOG_URL")(url, inline=inline, clock=clock))
