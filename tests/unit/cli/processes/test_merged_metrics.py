"""The metrics of several processes as one page."""

from __future__ import annotations

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.parser import text_string_to_metric_families

from parley.cli.processes.merged_metrics import Merged
from parley.telemetry.exposition import Exposition
from parley.telemetry.metrics import Metrics


def values(page: bytes) -> dict[str, float]:
    """Give every sample of a page by its name and labels."""
    samples = [sample for family in text_string_to_metric_families(page.decode()) for sample in family.samples]
    found = {name_of(sample.name, sample.labels): sample.value for sample in samples}
    assert len(found) == len(samples), "a sample is there twice"
    return found


def name_of(name: str, labels: dict[str, str]) -> str:
    """Write a sample's name with its labels."""
    return name + "".join(f" {key}={value}" for key, value in labels.items())


def exposition(*, requests: int, connections: int = 0, depth: int = 0, seconds: float | None = None) -> bytes:
    """Give the page of one process."""
    metrics = Metrics()
    metrics.requests.child("write", "POST", "messages", "2xx").add(requests)
    metrics.connections.value = connections
    metrics.depth_messages.value = depth
    metrics.info.child("1.2.3").value = 1
    if seconds is not None:
        metrics.append_seconds.observe(seconds)
    return Exposition(metrics).render()


REQUESTS = "parley_http_requests_total method=POST port=write route=messages status=2xx"


def test_operator_sees_the_sum_of_counters_and_histograms() -> None:
    """Each bucket, the count and the sum."""
    page = values(
        Merged().render([(1, exposition(requests=3, seconds=0.002)), (2, exposition(requests=4, seconds=0.2))])
    )

    assert page[REQUESTS] == 7
    assert page["parley_append_seconds_bucket le=0.001"] == 0
    assert page["parley_append_seconds_bucket le=0.0025"] == 1
    assert page["parley_append_seconds_bucket le=0.25"] == 2
    assert page["parley_append_seconds_bucket le=+Inf"] == 2
    assert page["parley_append_seconds_count"] == 2
    assert page["parley_append_seconds_sum"] == 0.202


def test_operator_sees_gauges_as_a_sum_where_that_means_something() -> None:
    """Connections add up; depth is the same for all, so each process's own is told."""
    page = values(
        Merged().render(
            [
                (1, exposition(requests=0, connections=5, depth=90)),
                (2, exposition(requests=0, connections=6, depth=91)),
            ]
        )
    )

    assert page["parley_http_connections"] == 11
    assert [page[f"parley_depth_messages process={number}"] for number in (1, 2)] == [90, 91]
    assert "parley_depth_messages" not in page
    assert page["parley_info process=2 version=1.2.3"] == 1
    assert "process_start_time_seconds process=1" in page
    assert "process_resident_memory_bytes" in page


def test_counters_never_fall_when_a_process_ends() -> None:
    """What it had counted stays, and its successor begins at 0; its gauges end with it."""
    merged = Merged()
    one, two = exposition(requests=10, connections=4, seconds=0.1), exposition(requests=20, connections=5)
    before = values(merged.render([(1, one), (2, two)]))

    merged.keep(one)
    alone = values(merged.render([(2, two)]))
    again = values(merged.render([(1, exposition(requests=1)), (2, two)]))

    assert (before[REQUESTS], alone[REQUESTS], again[REQUESTS]) == (30, 30, 31)
    assert alone["parley_append_seconds_count"] == 1
    assert alone["parley_http_connections"] == 5
    assert not [name for name in alone if name.endswith("process=1")]


def test_process_that_leaves_counts_beside_its_successor() -> None:
    """It still serves, but only the successor speaks under their number."""
    page = values(
        Merged().render(
            [(1, exposition(requests=1, connections=2, depth=8))],
            leaving=[exposition(requests=5, connections=3, depth=7)],
        )
    )

    assert page[REQUESTS] == 6
    assert page["parley_http_connections"] == 5
    assert page["parley_depth_messages process=1"] == 8


def test_page_is_empty_before_the_first_answer() -> None:
    """A process that has not been asked yet adds nothing, and the parent's own are there."""
    own = GaugeMetricFamily("own", "One of the parent.", 3)

    assert values(Merged().render([(1, b"")], [own])) == {"own": 3}
