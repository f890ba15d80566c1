"""The api's own metrics, for ``/metrics``."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from contract import VERSION

#: Upper bounds of the response times, in seconds. A response above the last bound is slow.
ANSWER_SECONDS_BUCKETS = (0.005, 0.02, 0.1, 0.5, 2.0)


class Counters:
    """The counters of one process, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        Gauge(
            "dispycluster_build_info", "1, with the version of the service.", ["version"], registry=self._registry
        ).labels(VERSION).set(1)
        self.requests = Counter(
            "api_requests", "Requests answered.", ["method", "route", "status"], registry=self._registry
        )
        self.answer_seconds = Histogram(
            "api_answer_seconds",
            "Time from a request to its response, without the transmission.",
            buckets=ANSWER_SECONDS_BUCKETS,
            registry=self._registry,
        )
        self.malformed_requests = Counter("api_malformed_requests", "Malformed HTTP requests.", registry=self._registry)
        self.publications = Counter(
            "api_publications", "Stored messages published again.", ["channel"], registry=self._registry
        )
        self.stored_invalid = Counter(
            "api_stored_invalid", "Reads of a key with an invalid value.", ["key"],
            registry=self._registry,
        )  # fmt: skip
        self.redis_failures = Counter(
            "api_redis_failures", "Commands that Redis did not answer.", registry=self._registry
        )
        self.redis_refusals = Counter(
            "api_redis_refusals", "Commands that Redis answered with an error.", registry=self._registry
        )
        self.sign_ins = Counter("api_sign_ins", "SignInAttempts to sign in.", ["outcome"], registry=self._registry)
        self.refusals = Counter("api_refusals", "Refused requests.", ["reason"], registry=self._registry)
        self.limited = Counter("api_limited", "Requests above a rate limit.", ["kind"], registry=self._registry)
        self.published = Counter(
            "api_published", "Messages published for programs.", ["channel"], registry=self._registry
        )
        self._redis_up = Gauge("api_redis_up", "1 while Redis answers, else 0.", registry=self._registry)

    def observe_redis(self, up: Callable[[], bool]) -> None:
        """Read the Redis gauge from ``up`` at each scrape."""
        self._redis_up.set_function(lambda: float(up()))

    def text(self) -> bytes:
        """Return all counters in Prometheus' text format."""
        return generate_latest(self._registry)
