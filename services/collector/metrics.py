"""What the collector counts, for ``/metrics``."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

ROUNDS = Counter("collector_rounds", "Rounds begun.", registry=REGISTRY)
PUBLICATIONS = Counter(
    "collector_publications",
    "Rounds handed to Redis, by outcome: published, repeated, lost, fenced, failed.",
    ["outcome"],
    registry=REGISTRY,
)
SCRAPE_SECONDS = Histogram(
    "collector_scrape_duration_seconds",
    "Duration of looks at nodes.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
    registry=REGISTRY,
)
SCRAPES_FAILED = Counter("collector_scrapes_failed", "Looks that failed, by reason.", ["reason"], registry=REGISTRY)
TARGETS = Gauge("collector_targets", "Targets by status.", ["status"], registry=REGISTRY)
REDIS_UP = Gauge("collector_redis_up", "1 while Redis answers.", registry=REGISTRY)
REDIS_RECONNECTS = Counter("collector_redis_reconnects", "Times that Redis came back.", registry=REGISTRY)
LEADING = Gauge("collector_leading", "1 while this collector holds the lease.", registry=REGISTRY)
FILE_ERRORS = Counter(
    "collector_file_errors", "Times that a targets or rules file was not valid.", ["file"], registry=REGISTRY
)
DNS_FAILURES = Counter(
    "collector_dns_failures",
    "Lookups of DNS targets without an answer, by reason: error, timeout.",
    ["reason"],
    registry=REGISTRY,
)
QUEUED_ENTRIES = Gauge("collector_queued_log_entries", "Alert transitions not yet in the log.", registry=REGISTRY)
HISTORY_RECORDS = Counter(
    "collector_history_records",
    "Entries of the metric history, by what became of them: recorded, refused (by Redis), lost (waited for too long).",
    ["outcome"],
    registry=REGISTRY,
)
HISTORY_QUEUED = Gauge(
    "collector_queued_history_records", "Entries of the metric history not yet in Redis.", registry=REGISTRY
)


def exposition() -> tuple[bytes, str]:
    """Return the page and its content type."""
    return generate_latest(REGISTRY), CONTENT_TYPE_LATEST
