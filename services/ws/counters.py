"""What a replica counts, and the text of ``/metrics``.

Plain integers: they are counted where every microsecond is spent once a client, and only read when somebody asks.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

#: ``state``: became what the replica knows. ``repeated``: is that already. ``passed_on``: to the clients of ``/`` only.
Outcome = Literal["state", "repeated", "passed_on", "dropped"]

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_HELP: Final = {
    "deliveries": "Events handed to clients.",
    "redis_reconnects": "Times that the connection to Redis was made anew.",
    "refused_origins": "Requests refused for their origin.",
    "rejected_requests": "HTTP requests answered with a status of 400 or above.",
    "bad_requests": "Events of clients answered with an error.",
    "unknown_events": "Events of clients that no namespace knows.",
    "malformed_packets": "Packets and frames of clients that are no Engine.IO or Socket.IO.",
    "handler_errors": "Errors of the replica's own while it answered clients.",
}


@dataclass
class Counters:
    """Counted since the start."""

    #: By channel and outcome.
    messages: Counter[tuple[str, Outcome]] = field(default_factory=Counter)
    deliveries: int = 0
    redis_reconnects: int = 0
    refused_origins: int = 0
    rejected_requests: int = 0
    bad_requests: int = 0
    unknown_events: int = 0
    malformed_packets: int = 0
    handler_errors: int = 0


class Gauges(Protocol):
    """What is measured at the moment of asking."""

    def clients_by_transport(self) -> Mapping[str, int]:
        """Engine.IO connections."""
        ...

    def clients_by_namespace(self) -> Mapping[str, int]:
        """Socket.IO connections."""
        ...

    def redis_is_up(self) -> bool:
        """Whether Redis answers."""
        ...


class Metrics(Collector):
    """``/metrics`` in Prometheus's text format."""

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
        clients = GaugeMetricFamily("ws_clients", "Engine.IO connections.", labels=["transport"])
        for transport, count in self._gauges.clients_by_transport().items():
            clients.add_metric([transport], count)
        yield clients
        namespaces = GaugeMetricFamily("ws_namespace_clients", "Socket.IO connections.", labels=["namespace"])
        for namespace, count in self._gauges.clients_by_namespace().items():
            namespaces.add_metric([namespace], count)
        yield namespaces
        yield GaugeMetricFamily("ws_redis_up", "Whether Redis answers.", value=int(self._gauges.redis_is_up()))
        messages = CounterMetricFamily("ws_messages", "Messages from Redis.", labels=["channel", "outcome"])
        for (channel, outcome), count in self._counters.messages.items():
            messages.add_metric([channel, outcome], count)
        yield messages
        for name, text in _HELP.items():
            yield CounterMetricFamily(f"ws_{name}", text, value=getattr(self._counters, name))
