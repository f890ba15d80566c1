"""The counters of a replica, and the text of ``/metrics``.

The counters are plain integers, because code that runs once per client increments them.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final, Literal, Protocol

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from contract import VERSION

#: ``state``: became the replica's state. ``repeated``: equals the state. ``passed_on``: went to clients of ``/`` only.
Outcome = Literal["state", "repeated", "passed_on", "dropped"]

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

PUSH_BUCKETS_SECONDS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)

_HELP: Final = {
    "deliveries": "Events handed to clients.",
    "bytes": "Bytes of frames written to WebSockets.",
    "conflated": "States that a newer state replaced before a slow client received them.",
    "redis_reconnects": "Reconnections to Redis.",
    "refused_origins": "Requests refused because of their origin.",
    "rejected_requests": "HTTP requests answered with a status of 400 or above.",
    "bad_requests": "Events of clients answered with an error.",
    "unknown_events": "Events of clients that the namespace does not know.",
    "malformed_packets": "Packets and frames of clients that are not valid Engine.IO or Socket.IO.",
    "handler_errors": "Internal errors of the replica while it answered clients.",
}


class Histogram:
    """A histogram without locks."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds: Final = tuple(bounds)
        self._counts: Final = [0] * (len(self._bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Count one value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def metric(self, name: str, text: str) -> Metric:
        """Return the metric family."""
        labels = [*(str(bound) for bound in self._bounds), "+Inf"]
        return HistogramMetricFamily(
            name, text, buckets=list(zip(labels, accumulate(self._counts), strict=True)), sum_value=self._sum
        )


@dataclass
class Counters:
    """Counters since the start of the process."""

    #: Messages from Redis by channel and outcome.
    messages: Counter[tuple[str, Outcome]] = field(default_factory=Counter)
    #: Ended connections by reason.
    closes: Counter[str] = field(default_factory=Counter)
    #: Refused namespaces, and removals from namespaces, by code.
    refused: Counter[str] = field(default_factory=Counter)
    #: Requests and packets that exceeded a limit, by kind of limit.
    limited: Counter[str] = field(default_factory=Counter)
    #: Seconds from the arrival of a message from Redis until it was written to its last client.
    push_seconds: "Histogram" = field(default_factory=lambda: Histogram(PUSH_BUCKETS_SECONDS))
    deliveries: int = 0
    bytes: int = 0
    conflated: int = 0
    redis_reconnects: int = 0
    refused_origins: int = 0
    rejected_requests: int = 0
    bad_requests: int = 0
    unknown_events: int = 0
    malformed_packets: int = 0
    handler_errors: int = 0


class Gauges(Protocol):
    """Values that are read at each scrape."""

    def clients_by_transport(self) -> Mapping[str, int]:
        """Return the number of Engine.IO connections by transport."""
        ...

    def clients_by_namespace(self) -> Mapping[str, int]:
        """Return the number of Socket.IO connections by namespace."""
        ...

    def backlog(self) -> tuple[int, int]:
        """Return the number of clients with unsent packets, and the number of these packets."""
        ...

    def redis_is_up(self) -> bool:
        """Whether Redis answers."""
        ...


class Metrics(Collector):
    """The metrics of a replica in Prometheus's text format."""

    def __init__(self, counters: Counters, gauges: Gauges) -> None:
        self._counters = counters
        self._gauges = gauges
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def text(self) -> bytes:
        """Render all metrics."""
        return generate_latest(self._registry)

    def collect(self) -> Iterable[Metric]:
        """Yield the metric families."""
        build = GaugeMetricFamily("dispycluster_build_info", "1, with the version of the service.", labels=["version"])
        build.add_metric([VERSION], 1)
        yield build
        clients = GaugeMetricFamily("ws_clients", "Engine.IO connections.", labels=["transport"])
        for transport, count in self._gauges.clients_by_transport().items():
            clients.add_metric([transport], count)
        yield clients
        namespaces = GaugeMetricFamily("ws_namespace_clients", "Socket.IO connections.", labels=["namespace"])
        for namespace, count in self._gauges.clients_by_namespace().items():
            namespaces.add_metric([namespace], count)
        yield namespaces
        yield GaugeMetricFamily("ws_redis_up", "Whether Redis answers.", value=int(self._gauges.redis_is_up()))
        behind, waiting = self._gauges.backlog()
        yield GaugeMetricFamily("ws_clients_behind", "Clients with unsent packets.", value=behind)
        yield GaugeMetricFamily("ws_outbox_packets", "Packets that wait for clients.", value=waiting)
        yield self._counters.push_seconds.metric(
            "ws_push_seconds", "From the arrival of a message until it was written to the last client."
        )
        messages = CounterMetricFamily("ws_messages", "Messages from Redis.", labels=["channel", "outcome"])
        for (channel, outcome), count in self._counters.messages.items():
            messages.add_metric([channel, outcome], count)
        yield messages
        closes = CounterMetricFamily("ws_closes", "Connections that ended.", labels=["reason"])
        for reason, count in self._counters.closes.items():
            closes.add_metric([reason], count)
        yield closes
        refused = CounterMetricFamily(
            "ws_refused", "Refused namespaces, and removals from namespaces.", labels=["code"]
        )
        for code, count in self._counters.refused.items():
            refused.add_metric([code], count)
        yield refused
        limited = CounterMetricFamily("ws_limited", "Requests and packets that exceeded a limit.", labels=["kind"])
        for kind, count in self._counters.limited.items():
            limited.add_metric([kind], count)
        yield limited
        for name, text in _HELP.items():
            yield CounterMetricFamily(f"ws_{name}", text, value=getattr(self._counters, name))
