"""``/api/cluster/…``: the snapshot, its nodes, the overview, and the cluster's health."""

from dataclasses import dataclass
from typing import Final, get_args

import msgspec
from flask import Blueprint, Response, request

from api.message_store import MessageStore, NotStored, nodes_by_name
from api.problems import RequestRefused
from api.query_parameters import wants_csv
from api.republish import Republisher
from api.responses import csv_answer, json_answer, latest_answer, with_age
from contract.codec import encode
from contract.messages import Alerts, Node, NodeStatus
from contract.names import ALERTS_CHANNEL, HEALTH_CHANNEL, METRICS_CHANNEL
from contract.rest import overview
from runtime.quoting import quoted

#: Fields of a node that become a column of the CSV table.
NODE_COLUMNS: Final = tuple(field.name for field in msgspec.structs.fields(Node) if not field.name.endswith("_coded"))
#: Status of a query, not of a node: the node is offline, or an alert fires for it.
TROUBLE: Final = "trouble"
STATUSES: Final = (*get_args(NodeStatus), TROUBLE)


@dataclass(frozen=True)
class NodeFilter:
    """Selects nodes, with the filters of the nodes page. An empty field excludes no node."""

    #: In lower case. A part of the node's name or address.
    text: str
    status: str | None
    #: Nodes for which an alert fires.
    in_trouble: frozenset[str]

    def matches(self, node: Node) -> bool:
        """Return whether the filter selects the node."""
        if self.text not in node.node.lower() and self.text not in node.address.lower():
            return False
        if self.status == TROUBLE:
            return node.status == "offline" or node.node in self.in_trouble
        return self.status in (None, node.status)


class _Nodes(msgspec.Struct):
    """The snapshot's nodes as stored JSON."""

    nodes: msgspec.Raw


def cluster_routes(store: MessageStore, republisher: Republisher) -> Blueprint:
    """Return the routes."""
    routes = Blueprint("cluster", __name__, url_prefix="/api/cluster")

    @routes.get("/nodes")
    def nodes() -> Response:
        """The snapshot's nodes, or some of them. A request for all nodes as JSON also republishes the snapshot."""
        node_filter = _node_filter(store)
        is_table = wants_csv()
        if is_table or node_filter is not None:
            latest, snapshot = store.snapshot()
            stored = zip(snapshot.nodes, nodes_by_name(latest.stored), strict=True)
            selected = [(node, raw) for node, (_, raw) in stored if node_filter is None or node_filter.matches(node)]
            if is_table:
                rows = ([getattr(node, column) for column in NODE_COLUMNS] for node, _ in selected)
                return with_age(csv_answer("nodes", NODE_COLUMNS, rows), latest.age_seconds)
            return json_answer(encode([raw for _, raw in selected]), latest.age_seconds)
        if request.method == "GET":
            republisher.republish(METRICS_CHANNEL)
            latest = store.remembered(METRICS_CHANNEL)
        else:
            latest = store.latest(METRICS_CHANNEL)
        return latest_answer(latest, bytes(msgspec.json.decode(latest.stored.raw, type=_Nodes).nodes))

    @routes.get("/nodes/<path:node>")
    def node(node: str) -> Response:
        """One node by its name."""
        latest, _ = store.snapshot()
        for name, stored in nodes_by_name(latest.stored):
            if name == node:
                return latest_answer(latest, bytes(stored))
        raise RequestRefused(404, f"No node is called {quoted(node)}. GET /api/cluster/nodes lists all nodes.")

    @routes.get("/snapshot")
    def snapshot() -> Response:
        """The collector's last snapshot, its bytes unchanged."""
        latest = store.latest(METRICS_CHANNEL)
        return latest_answer(latest, latest.stored.raw)

    @routes.get("/overview")
    def cluster_overview() -> Response:
        """The cluster's verdict and figures."""
        latest, snapshot = store.snapshot()
        return latest_answer(latest, encode(overview(snapshot)))

    @routes.get("/health")
    def health() -> Response:
        """The collector's last health message, its bytes unchanged."""
        latest = store.latest(HEALTH_CHANNEL)
        return latest_answer(latest, latest.stored.raw)

    return routes


def _node_filter(store: MessageStore) -> NodeFilter | None:
    """Return the filter of the request; ``None`` if the request asks for all nodes."""
    text, status = request.args.get("q", "").strip().lower(), request.args.get("status")
    if status not in (None, *STATUSES):
        raise RequestRefused(400, f"The parameter 'status' takes one of: {', '.join(STATUSES)}.")
    if not text and status is None:
        return None
    return NodeFilter(text, status, _in_trouble(store) if status == TROUBLE else frozenset())


def _in_trouble(store: MessageStore) -> frozenset[str]:
    try:
        message = store.latest(ALERTS_CHANNEL).stored.message
    except NotStored:
        return frozenset()
    assert isinstance(message, Alerts)
    return frozenset(alert.node for alert in message.active_alerts if alert.state == "firing")
