"""The collector's metrics for ``/metrics``."""

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from contract import VERSION

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)


class OptionalGauge(Collector):
    """A gauge that is absent while its ``value`` is ``None``."""

    def __init__(self, name: str, text: str) -> None:
        self.value: float | None = None
        self.name, self._text = name, text
        REGISTRY.register(self)

    def collect(self) -> Iterable[Metric]:
        """Yield the metric family if the value is known."""
        if self.value is not None:
            yield GaugeMetricFamily(self.name, self._text, value=self.value)

    def describe(self) -> Iterable[Metric]:
        """Yield the metric family without a value."""
        yield GaugeMetricFamily(self.name, self._text)


class CallbackCounter(Collector):
    """A counter that reads its value from ``callback`` at each scrape of ``/metrics``."""

    def __init__(self, name: str, text: str) -> None:
        self.callback: Callable[[], float] = lambda: 0.0
        self._name, self._text = name, text
        REGISTRY.register(self)

    def collect(self) -> Iterable[Metric]:
        """Yield the metric family."""
        yield CounterMetricFamily(self._name, self._text, value=self.callback())

    def describe(self) -> Iterable[Metric]:
        """Yield the metric family without a value."""
        yield CounterMetricFamily(self._name, self._text)


Gauge("dispycluster_build_info", "1, with the version of the service.", ["version"], registry=REGISTRY).labels(
    VERSION
).set(1)

ROUNDS = Counter("collector_rounds", "Rounds started.", registry=REGISTRY)
PUBLICATIONS = Counter(
    "collector_publications",
    "Rounds sent to Redis, by outcome: published, repeated, lost, fenced, failed.",
    ["outcome"],
    registry=REGISTRY,
)
SCRAPE_SECONDS = Histogram(
    "collector_scrape_duration_seconds",
    "Duration of scrapes of nodes.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
    registry=REGISTRY,
)
SCRAPES_FAILED = Counter("collector_scrapes_failed", "Failed scrapes, by reason.", ["reason"], registry=REGISTRY)
TARGETS = Gauge("collector_targets", "Targets by status.", ["status"], registry=REGISTRY)
REDIS_UP = Gauge("collector_redis_up", "1 while Redis answers.", registry=REGISTRY)
REDIS_RECONNECTS = Counter("collector_redis_reconnects", "Reconnections to Redis.", registry=REGISTRY)
LEADING = Gauge("collector_leading", "1 while this collector holds the lease.", registry=REGISTRY)
FILE_ERRORS = Counter(
    "collector_file_errors", "Times that a targets or rules file was invalid.", ["file"], registry=REGISTRY
)
DNS_FAILURES = Counter(
    "collector_dns_failures",
    "Failed lookups of DNS targets, by reason: error, timeout.",
    ["reason"],
    registry=REGISTRY,
)
QUEUED_ENTRIES = Gauge("collector_queued_log_entries", "Alert transitions not yet in the log.", registry=REGISTRY)
HISTORY_RECORDS = Counter(
    "collector_history_records",
    "Entries of metric history and node events, by outcome: recorded, refused (by Redis), lost (from a full queue).",
    ["outcome"],
    registry=REGISTRY,
)
HISTORY_QUEUED = Gauge(
    "collector_queued_history_records",
    "Entries of the metric history and node events not yet in Redis.",
    registry=REGISTRY,
)

LAST_PUBLISHED = OptionalGauge(
    "collector_last_published_timestamp_seconds", "When this collector last published a round, in Unix seconds."
)
ROUNDS_MISSED = CallbackCounter(
    "collector_rounds_missed",
    "Rounds of the leading collector that were not published within half an interval after they were due.",
)
ALERTS_FIRING = Gauge(
    "collector_alerts_firing",
    "Firing alerts by severity, from the leading collector.",
    ["severity"],
    registry=REGISTRY,
)
DEGRADED = Gauge(
    "dispycluster_degraded",
    "1 for each code of a degradation of the product, from the leading collector; absent if not degraded or unknown.",
    ["code"],
    registry=REGISTRY,
)
REDIS_MEMORY_USED = OptionalGauge("collector_redis_memory_used_bytes", "Memory that Redis uses, as Redis reports it.")
REDIS_MEMORY_LIMIT = OptionalGauge(
    "collector_redis_memory_limit_bytes", "maxmemory of Redis; absent if it has no limit."
)
REDIS_PERSISTENCE = OptionalGauge(
    "collector_redis_persistence", "1 while Redis saves its data; 0 if saving fails or is switched off."
)
LAST_BACKUP = OptionalGauge(
    "collector_last_backup_timestamp_seconds", "Time of the last backup of Redis, in Unix seconds."
)
CERTIFICATE_END = OptionalGauge(
    "collector_certificate_end_timestamp_seconds",
    "When the certificate in COLLECTOR_CERTIFICATE_FILE expires, in Unix seconds.",
)


def exposition() -> tuple[bytes, str]:
    """Return the exposition of all metrics and its content type."""
    return generate_latest(REGISTRY), CONTENT_TYPE_LATEST
