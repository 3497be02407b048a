"""The metrics of several processes as one page.

Counters and histograms are sums, and never fall: what a process had counted when it was last asked
stays after its end. Of the gauges, only those are summed whose sum is the service's own number:
connections, and what each process holds of messages, memory and files (`SUMMED`). All others keep a
value for each process, labelled ``process``, for their sum would be none: every process sees the same
depth, lag and disk, and the sum of start times or versions means nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

SUMMED: Final = frozenset({
    "parley_http_connections",
    "parley_waiting_messages",
    "parley_waiting_bytes",
    "parley_tail_bytes",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_virtual_memory_bytes",
})  # fmt: skip
"""Gauges whose sum over the processes is what one process would tell."""

_LASTING: Final = frozenset({"counter", "histogram", "summary"})
_PROCESS: Final = "process"

_Labels = tuple[tuple[str, str], ...]


class _Family:
    """One metric over all processes: its samples by name and labels, in the order of their first appearance."""

    def __init__(self, name: str, kind: str, sentence: str) -> None:
        self.name = name
        self.kind = kind
        self.sentence = sentence
        self.values: dict[tuple[str, _Labels], float] = {}

    def add(self, sample: str, labels: Mapping[str, str], value: float) -> None:
        key = sample, tuple(sorted(labels.items()))
        self.values[key] = self.values.get(key, 0) + value

    def exposed(self) -> Metric:
        metric = Metric(self.name, self.sentence, self.kind)
        for (sample, labels), value in self.values.items():
            metric.add_sample(sample, dict(labels), value)
        return metric


class Merged:
    """Adds expositions up."""

    def __init__(self) -> None:
        """Begin with nothing counted."""
        self._families: dict[str, _Family] = {}

    def keep(self, exposition: bytes) -> None:
        """Keep what a process that has ended had counted; its gauges end with it."""
        for metric in _metrics(exposition):
            if metric.type in _LASTING:
                _add(self._families, metric, None)

    def render(
        self, running: Iterable[tuple[int, bytes]], own: Iterable[Metric] = (), leaving: Iterable[bytes] = ()
    ) -> bytes:
        """Write one page of those who run, by number, and of what is kept.

        Those who are ``leaving`` have a successor under the same number: they count in the sums only.
        ``own`` are the parent's metrics.
        """
        families: dict[str, _Family] = {}
        for kept in self._families.values():
            families[kept.name] = _Family(kept.name, kept.kind, kept.sentence)
            families[kept.name].values.update(kept.values)
        for process, exposition in [*running, *((None, exposition) for exposition in leaving)]:
            for metric in _metrics(exposition):
                _add(families, metric, process)
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Page([*(family.exposed() for family in families.values()), *own]))
        return generate_latest(registry)


class _Page(Collector):
    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        """Give the page's metrics."""
        return iter(self._metrics)


def _metrics(exposition: bytes) -> Iterable[Metric]:
    return text_string_to_metric_families(exposition.decode("utf-8"))


def _add(families: dict[str, _Family], metric: Metric, process: int | None) -> None:
    is_summed = metric.type in _LASTING or metric.name in SUMMED
    if process is None and not is_summed:
        return
    family = families.setdefault(metric.name, _Family(metric.name, metric.type, metric.documentation))
    for sample in metric.samples:
        labels = sample.labels if is_summed else {**sample.labels, _PROCESS: str(process)}
        family.add(sample.name, labels, sample.value)
