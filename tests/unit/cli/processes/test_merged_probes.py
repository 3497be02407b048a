"""Health and readiness of several processes as one page each."""

from __future__ import annotations

from typing import Any

from parley.cli.processes.merged_probes import Condition, Readiness, merge_health, merge_ready
from parley.http.health import Part

READY = Readiness(ready=True)
FINE = Condition("healthy", {"database": Part("healthy", 1), "search": Part("healthy", 2)})
NOW = "2026-01-01T00:00:00.000Z"


def ready(status: int, degraded: list[str], reasons: list[str] | None = None) -> tuple[int, dict[str, Any]]:
    """Give what is expected."""
    return status, {"ready": status == 200, "reasons": reasons or [], "degraded": degraded}


def test_all_are_ready() -> None:
    """Nothing to say."""
    assert merge_ready({1: READY, 2: READY}, {}, []) == ready(200, [])


def test_one_that_died_is_named_while_the_others_work() -> None:
    """Taking the service out would help nobody."""
    trouble = "restarting, exited with -9 (3 in a row)"

    assert merge_ready({1: READY}, {2: trouble}, []) == ready(200, [f"process 2: {trouble}"])


def test_what_all_say_is_said_once() -> None:
    """And what only some say names them."""
    told = {
        1: Readiness(ready=True, degraded=["log: relaxed", "search: late"]),
        2: Readiness(ready=True, degraded=["log: relaxed", "search: late"]),
        3: Readiness(ready=False, reasons=["database: away"], degraded=["log: relaxed"]),
    }

    assert merge_ready(told, {}, []) == ready(
        200, ["process 3: database: away", "log: relaxed", "processes 1, 2: search: late"]
    )


def test_nobody_can_work() -> None:
    """503 with every reason."""
    told = {number: Readiness(ready=False, reasons=["log: away"]) for number in (1, 2)}

    assert merge_ready(told, {3: "starting"}, []) == ready(503, [], ["log: away", "process 3: starting"])
    assert merge_ready({}, {1: "no answer"}, []) == ready(503, [], ["process 1: no answer"])


def test_all_work_but_the_parent_stops() -> None:
    """A balancer sends no more."""
    assert merge_ready({1: READY}, {}, ["stopping"]) == ready(503, [], ["stopping"])


def test_health_is_the_worst_of_each_dependency() -> None:
    """With the message of whoever says so; the slowest of the worst counts."""
    slow = Condition("degraded", {"database": Part("healthy", 3), "search": Part("degraded", 9, "late")})
    away = Condition("unhealthy", {"database": Part("unhealthy", 5, "away"), "search": Part("degraded", 7, "late")})

    status, body = merge_health({1: FINE, 2: slow}, {}, NOW, 4)
    worse, worst = merge_health({1: FINE, 2: slow, 3: away}, {}, NOW, 4)

    assert (status, body["status"], body["timestamp"]) == (200, "degraded", NOW)
    assert body["services"] == {
        "database": Part("healthy", 3),
        "search": Part("degraded", 9, "process 2: late"),
        "processes": Part("healthy", 4),
    }
    assert (worse, worst["status"]) == (503, "unhealthy")
    assert worst["services"]["database"] == Part("unhealthy", 5, "process 3: away")
    assert worst["services"]["search"] == Part("degraded", 9, "processes 2, 3: late")


def test_health_names_those_who_give_no_answer() -> None:
    """Some missing is degraded, all missing is unhealthy."""
    status, body = merge_health({1: FINE}, {2: "no answer"}, NOW, 4)
    worse, worst = merge_health({}, {1: "starting", 2: "no answer"}, NOW, 4)

    assert (status, body["status"]) == (200, "degraded")
    assert body["services"]["processes"] == Part("degraded", 4, "process 2: no answer")
    assert (worse, worst["status"]) == (503, "unhealthy")
    assert worst["services"] == {"processes": Part("unhealthy", 4, "process 1: starting; process 2: no answer")}
