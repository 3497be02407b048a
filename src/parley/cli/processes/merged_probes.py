"""Health and readiness of several processes as one page each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from parley.http.health import Part

_RANK: Final = ("healthy", "degraded", "unhealthy")
_UNAVAILABLE: Final = 503

Status = Literal["healthy", "degraded", "unhealthy"]
Troubles = Mapping[int, str]
"""What is wrong with processes that do not tell it themselves, by number."""


class Readiness(msgspec.Struct, frozen=True):
    """What one process says on ``/ready``."""

    ready: bool
    reasons: Sequence[str] = ()
    degraded: Sequence[str] = ()


class Condition(msgspec.Struct, frozen=True):
    """What one process says on ``/health``."""

    status: Status
    services: Mapping[str, Part] = {}


def merge_ready(told: Mapping[int, Readiness], troubles: Troubles, refusals: Sequence[str]) -> tuple[int, Any]:
    """Give status and body: 503 if no process can do its job; else those that cannot are named as degraded."""
    away = [f"process {number}: {trouble}" for number, trouble in sorted(troubles.items())]
    refused = _shared({number: each.reasons for number, each in told.items() if not each.ready}, told)
    degraded = _shared({number: each.degraded for number, each in told.items()}, told)
    if refusals or not any(each.ready for each in told.values()):
        reasons = [*refusals, *refused, *away]
        return _UNAVAILABLE, {"ready": False, "reasons": reasons, "degraded": degraded}
    return 200, {"ready": True, "reasons": [], "degraded": [*refused, *away, *degraded]}


def merge_health(
    told: Mapping[int, Condition], troubles: Troubles, timestamp: str, latency_ms: float
) -> tuple[int, Any]:
    """Give status and body: of each dependency the worst that a process says; 503 if one says unhealthy.

    ``processes`` stands among the services: degraded when some do not answer, unhealthy when none does.
    """
    names = dict.fromkeys(name for each in told.values() for name in each.services)
    parts = {
        name: _worst({number: each.services[name] for number, each in told.items() if name in each.services})
        for name in names
    }
    parts["processes"] = _processes(told, troubles, latency_ms)
    status = worst_of([*(each.status for each in told.values()), parts["processes"].status])
    body = {"status": status, "timestamp": timestamp, "services": parts}
    return _UNAVAILABLE if status == "unhealthy" else 200, body


def worst_of(statuses: Iterable[Status]) -> Status:
    """Give the worst of some statuses."""
    return max(statuses, key=_RANK.index)


def _processes(told: Mapping[int, Condition], troubles: Troubles, latency_ms: float) -> Part:
    status: Status = "healthy" if not troubles else "degraded" if told else "unhealthy"
    message = "; ".join(f"process {number}: {trouble}" for number, trouble in sorted(troubles.items()))
    return Part(status, latency_ms, message or None)


def _worst(parts: Mapping[int, Part]) -> Part:
    """Give the worst part, and the slowest of those; a message that not all give names its processes."""
    status = worst_of(part.status for part in parts.values())
    bad = {number: part for number, part in parts.items() if part.status == status}
    said = {number: [part.message] for number, part in bad.items() if part.message is not None}
    message = "; ".join(_shared(said, parts))
    return Part(status, max(part.latency_ms for part in bad.values()), message or None)


def _shared(said: Mapping[int, Sequence[str]], everybody: Mapping[int, object]) -> list[str]:
    """List sentences once each: as they are if everybody says them, else with the processes that do."""
    speakers: dict[str, list[int]] = {}
    for number, sentences in sorted(said.items()):
        for sentence in sentences:
            speakers.setdefault(sentence, []).append(number)
    return [
        sentence if len(numbers) == len(everybody) else f"{_named(numbers)}: {sentence}"
        for sentence, numbers in speakers.items()
    ]


def _named(numbers: Sequence[int]) -> str:
    return f"process{'es' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"
