"""Health and readiness: what each dependency's state makes of the whole, and how long it may take."""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any

import pytest

from parley.domain.errors import UnavailableError
from parley.http import health as health_module
from parley.http.health import Check, Health, Reports
from parley.telemetry.clock import SystemClock
from parley.telemetry.exposition import Exposition
from parley.telemetry.metrics import Metrics

NAMES = ("database", "log", "search", "workers")


async def fine() -> None:
    """Be there."""


async def slow_index() -> str:
    """Work with a drawback."""
    return "3 s behind"


async def away() -> None:
    """Be away."""
    raise UnavailableError("The disk is gone")


async def broken() -> None:
    """Fail in a way that nobody thought of."""
    raise ZeroDivisionError


async def hanging() -> None:
    """Never answer."""
    await asyncio.Event().wait()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_module, "TIMEOUT_S", 0.1)


def build(metrics: Any = None, **reports: Any) -> Health:  # noqa: ANN401 - as `Reports` has them
    """Make a health of checks by name, all others being fine."""
    checks: dict[str, Check] = {name: reports.pop(name, fine) for name in NAMES}
    return Health(Reports(checks, **reports), SystemClock(), Exposition(metrics or Metrics()))


async def ask_health(**checks: Check) -> tuple[int, dict[str, Any]]:
    """Give status and body of the health."""
    status, content_type, body = await build(**checks).health()
    assert content_type == b"application/json"
    return status, json.loads(body)


async def test_probe_is_told_that_all_is_well() -> None:
    """Each part healthy with its latency, and no message."""
    status, body = await ask_health()

    assert (status, body["status"]) == (200, "healthy")
    assert list(body["services"]) == list(NAMES)
    for part in body["services"].values():
        assert sorted(part) == ["latency_ms", "status"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("check", [away, broken, hanging])
async def test_probe_is_told_what_is_away(name: str, check: Check) -> None:
    """503 without database or log; without search or workers still 200, degraded."""
    status, body = await ask_health(**{name: check})

    essential = name in {"database", "log"}
    assert status == (503 if essential else 200)
    assert body["status"] == ("unhealthy" if essential else "degraded")
    assert body["services"][name]["status"] == "unhealthy"
    assert body["services"][name]["message"]
    others = [part["status"] for other, part in body["services"].items() if other != name]
    assert others == ["healthy"] * 3


async def test_probe_is_told_of_a_drawback() -> None:
    """200 and degraded, with the sentence."""
    status, body = await ask_health(search=slow_index)

    assert (status, body["status"]) == (200, "degraded")
    assert body["services"]["search"]["message"] == "3 s behind"


async def test_probes_wait_together() -> None:
    """Two dependencies that hang take one time-out, not two, and many probes start one check each."""
    begun = 0

    async def count() -> None:
        nonlocal begun
        begun += 1
        await asyncio.Event().wait()

    subject = build(database=count, search=count)
    started = asyncio.get_running_loop().time()
    answers = await asyncio.gather(*(subject.health() for _ in range(50)))
    await subject.health()

    assert {status for status, _, _ in answers} == {503}
    assert begun == 2
    assert asyncio.get_running_loop().time() - started < 5


async def test_probe_is_told_when_it_is_there_again() -> None:
    """A check that ended is made again by the next probe."""
    states: list[Check] = [away, fine]

    async def next_state() -> str | None:
        return await states.pop(0)()

    subject = build(log=next_state)

    assert [(await subject.health())[0] for _ in range(2)] == [503, 200]


@pytest.mark.parametrize("name", ["database", "log"])
async def test_balancer_is_told_that_the_process_cannot_work(name: str) -> None:
    """503 with the reason."""
    status, _, body = await build(**{name: away}).ready()

    assert status == 503
    assert json.loads(body) == {"ready": False, "reasons": [f"{name}: The disk is gone"], "degraded": []}


async def test_balancer_is_told_that_the_process_stops() -> None:
    """Whatever the dependencies say."""
    status, _, body = await build(refusals=lambda: ["stopping"]).ready()

    assert status == 503
    assert json.loads(body)["reasons"] == ["stopping"]


async def test_balancer_keeps_a_process_that_works_with_drawbacks() -> None:
    """200 with what is degraded: a backlog does not take every instance out of service."""
    subject = build(search=away, workers=slow_index, drawbacks=lambda: ["the log is relaxed"])

    status, _, body = await subject.ready()

    assert status == 200
    degraded = ["search: The disk is gone", "workers: 3 s behind", "the log is relaxed"]
    assert json.loads(body) == {"ready": True, "reasons": [], "degraded": degraded}


async def test_scrape_reads_gauges_that_must_be_waited_for() -> None:
    """And says NaN for one that cannot be read, rather than an old value."""
    metrics = Metrics()
    metrics.index_lag_ms.value = metrics.depth_messages.value = 5

    async def seven() -> float:
        return 7

    async def unreadable() -> float:
        raise UnavailableError("The disk is gone")

    subject = build(metrics, gauges={metrics.depth_messages: seven, metrics.index_lag_ms: unreadable})
    status, content_type, body = await subject.metrics()

    assert status == 200
    assert content_type.startswith(b"text/plain")
    assert b"\nparley_depth_messages 7.0\n" in body
    assert b"\nparley_index_lag_ms NaN\n" in body
    assert math.isnan(metrics.index_lag_ms.value)


async def test_balancer_keeps_a_process_that_can_do_without_at_present() -> None:
    """What it needs otherwise is away, and somebody does it instead: a drawback, while the health says what is so."""
    health = build(log=away, spared=lambda: ["log"], drawbacks=lambda: ["another does it"])

    status, _, body = await health.ready()

    assert (status, json.loads(body)) == (
        200,
        {"ready": True, "reasons": [], "degraded": ["log: The disk is gone", "another does it"]},
    )
    assert (await health.health())[0] == 503
