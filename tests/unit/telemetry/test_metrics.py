"""Metrics: counted in plain numbers, exposed in the text format that Prometheus reads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from parley.telemetry.exposition import CONTENT_TYPE, Exposition
from parley.telemetry.files import watch_files
from parley.telemetry.instruments import Histogram
from parley.telemetry.metrics import Metrics


def samples(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Read what a scrape gives, with Prometheus' own parser."""
    families = text_string_to_metric_families(Exposition(metrics).render().decode())
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def test_every_metric_has_a_name_and_a_sentence() -> None:
    """The name begins with the product, a counter's ends as Prometheus asks, none is used twice."""
    families = Metrics().families

    for family in families:
        assert re.fullmatch(r"parley_[a-z_]+", family.name)
        assert family.name.endswith("_total") == (family.kind == "counter")
        assert re.fullmatch(r"[A-Z].*\.", family.sentence)
    assert len({family.name for family in families}) == len(families)


def test_scrape_gives_what_was_counted() -> None:
    """Counters, gauges and histograms, with their labels."""
    metrics = Metrics()
    metrics.entries.child("appended").add(3)
    metrics.entries.child("appended").add()
    metrics.connections.watch(lambda: 7)
    metrics.index_lag_ms.value = 12
    for entries in (1, 2, 3, 1_000):
        metrics.append_entries.observe(entries)

    found = samples(metrics)

    assert found["parley_entries_total", frozenset({("outcome", "appended")})] == 4
    assert found["parley_http_connections", frozenset()] == 7
    assert found["parley_index_lag_ms", frozenset()] == 12
    buckets = [found["parley_append_entries_bucket", frozenset({("le", le)})] for le in ("1.0", "2.0", "4.0", "+Inf")]
    assert buckets == [1, 2, 3, 4]
    assert found["parley_append_entries_sum", frozenset()] == 1_006
    assert found["parley_append_entries_count", frozenset()] == 4


def test_scrape_gives_the_process_itself() -> None:
    """Memory, CPU and open files."""
    found = samples(Metrics())

    assert found["process_resident_memory_bytes", frozenset()] > 1_000_000
    assert found["process_open_fds", frozenset()] > 2
    assert ("process_cpu_seconds_total", frozenset()) in found
    assert CONTENT_TYPE == b"text/plain; version=0.0.4; charset=utf-8"


def test_scrape_gives_a_value_that_stands_on_a_bound_to_its_bucket() -> None:
    """Bounds are inclusive."""
    histogram = Histogram((1, 2))

    histogram.observe(1)

    assert histogram.buckets() == [("1.0", 1), ("2.0", 1), ("+Inf", 1)]


def test_two_processes_in_one_share_nothing() -> None:
    """There is no global registry."""
    first, second = Metrics(), Metrics()

    first.erased_rows.add()

    assert (first.erased_rows.value, second.erased_rows.value) == (1, 0)
    assert samples(second)["parley_erased_rows_total", frozenset()] == 0


def test_a_child_is_always_the_same() -> None:
    """And needs a value for every label."""
    requests = Metrics().requests

    assert requests.child("api", "GET", "/x", "2xx") is requests.child("api", "GET", "/x", "2xx")
    with pytest.raises(ValueError, match="parley_http_requests_total"):
        requests.child("api")


def test_scrape_gives_the_sizes_of_the_files(tmp_path: Path) -> None:
    """A file that is not there has none."""
    metrics = Metrics()
    (tmp_path / "a.db").write_bytes(b"12345")
    watch_files(metrics, tmp_path, {"database": f"sqlite://{tmp_path}/a.db", "index": "redis://a"})

    found = samples(metrics)

    assert found["parley_file_bytes", frozenset({("file", "database")})] == 5
    assert found["parley_file_bytes", frozenset({("file", "database_wal")})] == 0
    assert ("parley_file_bytes", frozenset({("file", "index")})) not in found
    assert found["parley_data_free_bytes", frozenset()] > 0
