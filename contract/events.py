"""Socket.IO's namespaces and events, and the payloads that are not messages of a channel.

Existing clients use these names, so the names and their meaning stay.
"""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from contract.messages import LogId, Node, Timestamp
from contract.names import ALERTS_CHANNEL, HEALTH_CHANNEL, METRICS_CHANNEL
from contract.rest import HealthReport, Overview

ROOT_NAMESPACE: Final = "/"
HEALTH_NAMESPACE: Final = "/health"
MONITORING_NAMESPACE: Final = "/monitoring"
NAMESPACES: Final = (ROOT_NAMESPACE, HEALTH_NAMESPACE, MONITORING_NAMESPACE)

# Server to client, namespace /
CONNECTION_CONFIRMED: Final = "connection_confirmed"
#: The event that carries every message of a channel to the clients of ``/``, with its JSON unchanged.
EVENT_OF_CHANNEL: Final = {
    METRICS_CHANNEL: "redis_cluster_metrics",
    HEALTH_CHANNEL: "redis_cluster_health",
    ALERTS_CHANNEL: "redis_cluster_alerts",
}

# Client to server, then server to client, namespace /health
REQUEST_HEALTH: Final = "request_health"
HEALTH_CONNECTED: Final = "health_connected"
HEALTH_UPDATE: Final = "health_update"
HEALTH_RESPONSE: Final = "health_response"

# Client to server, then server to client, namespace /monitoring
REQUEST_CLUSTER_STATUS: Final = "request_cluster_status"
REQUEST_NODES_STATUS: Final = "request_nodes_status"
SUBSCRIBE_TO_UPDATES: Final = "subscribe_to_updates"
MONITORING_CONNECTED: Final = "monitoring_connected"
CLUSTER_STATUS_RESPONSE: Final = "cluster_status_response"
NODES_STATUS_RESPONSE: Final = "nodes_status_response"
SUBSCRIBED_TO_UPDATES: Final = "subscribed_to_updates"
CLUSTER_METRICS: Final = "cluster_metrics"
CLUSTER_METRICS_DELTA: Final = "cluster_metrics_delta"
ALERTS_UPDATE: Final = "alerts_update"

#: Server to client, in every namespace: a request was not valid. The connection stays open.
ERROR: Final = "error"

#: Most nodes in one subscription.
SUBSCRIPTION_NODES_LIMIT: Final = 2000
#: Longest node name in characters: a host name of 253, a colon and a port.
NODE_NAME_LIMIT: Final = 253 + 6

NodeName = Annotated[str, Meta(max_length=NODE_NAME_LIMIT)]
Age = Annotated[float, Meta(ge=0)]


class ConnectionConfirmed(Struct, frozen=True, kw_only=True):
    """``connection_confirmed``. ``age_seconds`` is the age of the latest snapshot in Redis; ``None`` without one."""

    sid: str
    replica: str
    timestamp: Timestamp
    age_seconds: Age | None


class HealthConnected(Struct, frozen=True, kw_only=True):
    """``health_connected``."""

    namespace: Literal["/health"] = "/health"
    timestamp: Timestamp


class MonitoringConnected(Struct, frozen=True, kw_only=True):
    """``monitoring_connected``."""

    namespace: Literal["/monitoring"] = "/monitoring"
    timestamp: Timestamp
    age_seconds: Age | None


class ClusterCounts(Struct, frozen=True, kw_only=True):
    """The cluster's status and node counts; ``None`` while a count is unknown."""

    overall_status: Literal["healthy", "warning", "critical", "unknown"]
    nodes_online: int | None
    nodes_total: int | None
    nodes_down: int | None


class HealthReportWithCluster(HealthReport, frozen=True, kw_only=True):
    """Body of ``GET /api/health`` with the cluster's counts added."""

    cluster: ClusterCounts


class HealthResponse(Struct, frozen=True, kw_only=True):
    """``health_response``."""

    data: HealthReportWithCluster
    timestamp: Timestamp


class ClusterStatusResponse(Struct, frozen=True, kw_only=True):
    """``cluster_status_response``; ``data`` is the body of ``GET /api/cluster/overview``."""

    data: Overview
    timestamp: Timestamp


class NodesStatusResponse(Struct, frozen=True, kw_only=True):
    """``nodes_status_response``; ``data`` is the body of ``GET /api/cluster/nodes``."""

    data: tuple[Node, ...]
    timestamp: Timestamp


class Subscription(Struct, frozen=True, kw_only=True):
    """Argument of ``subscribe_to_updates``, and of ``auth.subscribe`` in the handshake."""

    mode: Literal["snapshot", "delta"] = "snapshot"
    #: ``None``: all nodes. ``()``: only the cluster's figures. Unknown names are allowed.
    nodes: Annotated[tuple[NodeName, ...], Meta(max_length=SUBSCRIPTION_NODES_LIMIT)] | None = None
    last_alert_id: LogId | None = None


class SubscribedToUpdates(Struct, frozen=True, kw_only=True):
    """``subscribed_to_updates``: the subscription that is now in force."""

    mode: Literal["snapshot", "delta"]
    nodes: tuple[str, ...] | None
    #: Whether all log entries since the request's ``last_alert_id`` follow.
    recovered: bool
    last_alert_id: LogId | None
    timestamp: Timestamp
    age_seconds: Age | None


class Error(Struct, frozen=True, kw_only=True):
    """``error``: ``code`` for programs, ``message`` for people."""

    code: Literal["bad_request", "not_available", "sign_in_required", "forbidden", "limit_exceeded"]
    message: str
