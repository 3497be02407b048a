"""The catalogue of metrics: each once, typed, with a sentence. docs/metrics.md is made from it.

One `Metrics` is built by bootstrap and handed to those who count; there is no global registry.
A metric without labels is its instrument; one with labels is a `Family`, whose children are
asked for once, at wiring.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from parley.telemetry.instruments import Counter, Family, Gauge, Histogram, Instrument

BATCH_SIZES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)
APPEND_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)
PERSIST_SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
REQUEST_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)


class Metrics:
    """Every metric that Parley exposes besides those of the process itself."""

    def __init__(self) -> None:
        """Make all instruments, at 0."""
        self.families: list[Family[Counter] | Family[Gauge] | Family[Histogram]] = []
        """The catalogue, in the order of the documents."""

        self.requests = self._family(
            "parley_http_requests_total",
            "Requests answered, by port (api, write), method, route template and status class (2xx … 5xx).",
            ("port", "method", "route", "status"),
            Counter,
        )
        self.request_seconds = self._family(
            "parley_http_request_seconds",
            "Seconds from a request's last byte to its answer, by port.",
            ("port",),
            lambda: Histogram(REQUEST_SECONDS),
        )
        self.connections = self._gauge("parley_http_connections", "Connections that are open, both ports together.")
        self.connections_refused = self._counter(
            "parley_http_connections_refused_total", "Connections refused because the bound was reached."
        )

        self.entries = self._family(
            "parley_entries_total",
            "Entries handed to the log, by outcome: appended, replayed, refused, failed. A bulk is one entry.",
            ("outcome",),
            Counter,
        )
        self.append_entries = self._histogram(
            "parley_append_entries", "Entries that travelled in one append.", BATCH_SIZES
        )
        self.append_seconds = self._histogram(
            "parley_append_seconds", "Seconds an append took, its disk sync included.", APPEND_SECONDS
        )
        self.waiting_messages = self._gauge(
            "parley_waiting_messages", "Messages without an outcome; creates answer 503 at PARLEY_DEPTH_MAX_MESSAGES."
        )
        self.waiting_bytes = self._gauge(
            "parley_waiting_bytes", "Bytes of those messages; creates answer 503 at PARLEY_DEPTH_MAX_BYTES."
        )
        self.depth_messages = self._gauge("parley_depth_messages", "Messages on the log that are not yet stored.")

        self.persisted_messages = self._counter(
            "parley_persisted_messages_total", "Messages on a log of its own that became rows of the database."
        )
        self.persist_seconds = self._histogram(
            "parley_persist_seconds",
            "Seconds from an entry's append to its row, of the oldest entry in each transaction.",
            PERSIST_SECONDS,
        )
        self.dropped_entries = self._counter(
            "parley_dropped_entries_total", "Entries that were not stored because their application or chat is gone."
        )
        self.dead_letters = self._counter(
            "parley_dead_letters_total",
            "Events that could not be stored and were set aside, with later ones behind them.",
        )
        self.dead_letters_waiting = self._gauge(
            "parley_dead_letters_waiting",
            "Events of the whole deployment that are set aside until somebody replays or discards them.",
        )
        self.partition_lag_ms = self._family(
            "parley_partition_lag_ms",
            "Milliseconds by which the database is behind a partition's log; 0 where another process holds its lease.",
            ("partition",),
            Gauge,
        )
        self.lives_opened = self._family(
            "parley_lives_opened_total",
            "Lives of a partition's log opened, by reason; all but unloaded and restarted began a new epoch.",
            ("reason",),
            Counter,
        )
        self.standby_partitions = self._gauge(
            "parley_standby_partitions",
            "Partitions of which the database gives the numbers, because their log was away for a second.",
        )
        self.log_away_partitions = self._gauge(
            "parley_log_away_partitions", "Partitions whose log this process cannot reach."
        )
        self.leases_held = self._family(
            "parley_leases_held",
            "Whether (1) or not (0) this process holds the lease of a job; nobody does the job if the sum stays 0.",
            ("lease",),
            Gauge,
        )

        self.index_lag_ms = self._gauge(
            "parley_index_lag_ms",
            "Milliseconds by which the search index is behind, 0 where another process feeds it; above 2000 searches "
            "miss news.",
        )
        self.index_rebuilding = self._gauge(
            "parley_index_rebuilding",
            "Whether (1) or not (0) the search index is made again, while searches answer 503.",
        )
        self.index_documents = self._counter(
            "parley_index_documents_total", "Documents put into or removed from the search index."
        )
        self.index_refused = self._counter(
            "parley_index_refused_total", "Documents that the search index cannot take; each is in the log."
        )

        self.tail_pages = self._counter(
            "parley_tail_pages_total", "Pages of messages answered from memory, without asking the storage."
        )
        self.tail_bytes = self._gauge(
            "parley_tail_bytes", "Memory that the ends of chats take, at most PARLEY_TAIL_MAX_BYTES."
        )

        self.unstored_events = self._gauge(
            "parley_unstored_events", "Events of a log of its own that this process keeps because no row has them yet."
        )

        self.erased_rows = self._counter("parley_erased_rows_total", "Rows of deleted parents that were erased.")
        self.expired_keys = self._counter("parley_keys_swept_total", "Idempotency keys looked at by the hourly sweep.")
        self.worker_failures = self._family(
            "parley_worker_failures_total", "Steps that failed and are repeated, by worker.", ("worker",), Counter
        )

        self.file_bytes = self._family(
            "parley_file_bytes", "Size of an embedded file: database, database_wal, index, index_wal.", ("file",), Gauge
        )
        self.free_bytes = self._gauge("parley_data_free_bytes", "Bytes free on the data folder's disk.")
        self.info = self._family("parley_info", "Always 1; the label tells the version.", ("version",), Gauge)

    def _family(
        self, name: str, sentence: str, labels: Sequence[str], make: Callable[[], Instrument]
    ) -> Family[Instrument]:
        family = Family(name, sentence, labels, make)
        self.families.append(family)
        return family

    def _counter(self, name: str, sentence: str) -> Counter:
        return self._family(name, sentence, (), Counter).child()

    def _gauge(self, name: str, sentence: str) -> Gauge:
        return self._family(name, sentence, (), Gauge).child()

    def _histogram(self, name: str, sentence: str, bounds: Sequence[float]) -> Histogram:
        return self._family(name, sentence, (), lambda: Histogram(bounds)).child()
