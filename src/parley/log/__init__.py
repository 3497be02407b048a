"""The log: gives numbers and keeps entries, opened by URL."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Final, cast

from parley.domain.events import ReadAgain
from parley.log.port import Inline, LogOpening, Opened
from parley.opening import load_opener
from parley.telemetry.clock import Clock
from parley.telemetry.findings import Finding

_REDIS: Final = "parley.log.redis:open_"

ADAPTERS: Final = {
    "sqlite": "parley.log.sqlite:open_",
    "redis": _REDIS,
    "rediss": _REDIS,
    "valkey": _REDIS,
    "valkeys": _REDIS,
    "unix": _REDIS,
    "redis+sentinel": _REDIS,
    "redis+cluster": _REDIS,
}
DIAGNOSES: Final = {
    scheme: "parley.log.redis.diagnosis:diagnose" for scheme, path in ADAPTERS.items() if path == _REDIS
}
READERS: Final = dict.fromkeys(DIAGNOSES, "parley.log.redis.entries:read_again")


def find_reader(url: str) -> ReadAgain | None:
    """Give what reads entries of this log that were set aside unread; ``None``: an embedded one sets none aside."""
    if url.partition(":")[0] not in READERS:
        return None
    return cast("ReadAgain", load_opener(url, READERS, "PARLEY_LOG_URL"))


def open_log(  # noqa: PLR0913 - each adapter takes what it needs
    url: str,
    *,
    inline: Inline | None = None,
    clock: Clock,
    writer_id: str = "",
    partitions: int = 4,
    accepts_relaxed: bool = False,
    unsettled_s: float = 5.0,
    key_ttl_s: int = 86_400,
    key_budget: int = 1_000_000,
) -> Opened:
    """Open the log at ``url``.

    An embedded one stores through ``inline`` in the same transaction, and needs no more. One of its own ignores it;
    ``writer_id`` names this process among all its writers, ever; ``accepts_relaxed`` says that the operator gives up
    acknowledged writes; after ``unsettled_s`` an append that has no outcome is given up; ``key_budget`` bounds the
    idempotency keys that stay on the log once they are stored.

    Raises:
        ConfigurationError: no adapter serves the URL, or it does not go with the database.
    """
    opening = LogOpening(inline, clock, writer_id, partitions, accepts_relaxed, unsettled_s, key_ttl_s, key_budget)
    return cast("Opened", load_opener(url, ADAPTERS, "PARLEY_LOG_URL")(url, opening))


def diagnose_log(url: str, clock: Clock, *, partitions: int, accepts_relaxed: bool) -> Awaitable[list[Finding]] | None:
    """Look at the servers behind ``url``, changing nothing; ``None``: an embedded log has none.

    Raises:
        ConfigurationError: the URL cannot be understood, or the driver is not installed.
    """
    if url.partition(":")[0] in ADAPTERS.keys() - DIAGNOSES.keys():
        return None
    diagnose = load_opener(url, DIAGNOSES, "PARLEY_LOG_URL")
    return cast("Awaitable[list[Finding]]", diagnose(url, clock, partitions, accepts_relaxed=accepts_relaxed))
