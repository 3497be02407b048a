"""The metrics as Prometheus reads them, together with the process's memory, CPU and files."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from parley.telemetry.instruments import Counter, Family, Gauge, Histogram
from parley.telemetry.metrics import Metrics

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4.encode("ascii")


class Exposition:
    """Writes what `Metrics` holds, in a registry of its own."""

    def __init__(self, metrics: Metrics) -> None:
        """Expose ``metrics``."""
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Catalogue(metrics))
        ProcessCollector(registry=self._registry)

    def render(self) -> bytes:
        """Write everything in the Prometheus text format."""
        return generate_latest(self._registry)


class _Catalogue(Collector):
    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        """Turn every family into the library's own."""
        for family in self._metrics.families:
            yield _exposed(family)


def _exposed(family: Family[Counter] | Family[Gauge] | Family[Histogram]) -> Metric:
    if family.kind == "counter":
        exposed: Metric = CounterMetricFamily(family.name, family.sentence, labels=family.labels)
    elif family.kind == "gauge":
        exposed = GaugeMetricFamily(family.name, family.sentence, labels=family.labels)
    else:
        exposed = HistogramMetricFamily(family.name, family.sentence, labels=family.labels)
    for values, instrument in family:
        _add(exposed, values, instrument)
    return exposed


def _add(exposed: Metric, values: tuple[str, ...], instrument: Counter | Gauge | Histogram) -> None:
    if isinstance(exposed, HistogramMetricFamily) and isinstance(instrument, Histogram):
        exposed.add_metric(values, buckets=instrument.buckets(), sum_value=instrument.sum)
    elif isinstance(exposed, CounterMetricFamily) and isinstance(instrument, Counter):
        exposed.add_metric(values, instrument.value)
    elif isinstance(exposed, GaugeMetricFamily) and isinstance(instrument, Gauge):
        exposed.add_metric(values, instrument.sample())
