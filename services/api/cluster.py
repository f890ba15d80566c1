"""``/api/cluster/…``: the snapshot, whole and in parts, and the cluster's health."""

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

#: Fields of a node that have a cell each.
NODE_COLUMNS: Final = tuple(
    field.name for field in msgspec.structs.fields(Node) if not field.name.endswith(("_coded", "labels"))
)
#: A node of this "status" is offline, or an alert fires for it.
TROUBLE: Final = "trouble"
STATUSES: Final = (*get_args(NodeStatus), TROUBLE)


@dataclass(frozen=True)
class NodeFilter:
    """Which nodes are asked for, as the page of the nodes filters them; what is empty excludes nothing."""

    #: In lower case; stands in the name or in the address.
    text: str
    status: str | None
    #: Nodes for which an alert fires.
    in_trouble: frozenset[str]

    def matches(self, node: Node) -> bool:
        """Whether the node is one of them."""
        if self.text not in node.node.lower() and self.text not in node.address.lower():
            return False
        if self.status == TROUBLE:
            return node.status == "offline" or node.node in self.in_trouble
        return self.status in (None, node.status)


class _Nodes(msgspec.Struct):
    """The snapshot's nodes as they were stored."""

    nodes: msgspec.Raw


def cluster_routes(store: MessageStore, republisher: Republisher) -> Blueprint:
    """Make the routes."""
    routes = Blueprint("cluster", __name__, url_prefix="/api/cluster")

    @routes.get("/nodes")
    def nodes() -> Response:
        """An array of the snapshot's nodes, or of some. All of them as JSON: has the snapshot pushed to all clients."""
        wanted = _node_filter(store)
        is_table = wants_csv()
        if is_table or wanted is not None:
            latest, snapshot = store.snapshot()
            stored = zip(snapshot.nodes, nodes_by_name(latest.stored), strict=True)
            found = [(node, raw) for node, (_, raw) in stored if wanted is None or wanted.matches(node)]
            if is_table:
                rows = ([getattr(node, column) for column in NODE_COLUMNS] for node, _ in found)
                return with_age(csv_answer("nodes", NODE_COLUMNS, rows), latest.age_seconds)
            return json_answer(encode([raw for _, raw in found]), latest.age_seconds)
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
        raise RequestRefused(404, f"No node is called {quoted(node)}. GET /api/cluster/nodes lists them.")

    @routes.get("/snapshot")
    def snapshot() -> Response:
        """The collector's last snapshot, its bytes unchanged."""
        latest = store.latest(METRICS_CHANNEL)
        return latest_answer(latest, latest.stored.raw)

    @routes.get("/overview")
    def cluster_overview() -> Response:
        """The cluster in a word and its figures."""
        latest, snapshot = store.snapshot()
        return latest_answer(latest, encode(overview(snapshot)))

    @routes.get("/health")
    def health() -> Response:
        """The collector's last word on the cluster's health, its bytes unchanged."""
        latest = store.latest(HEALTH_CHANNEL)
        return latest_answer(latest, latest.stored.raw)

    return routes


def _node_filter(store: MessageStore) -> NodeFilter | None:
    """Return which nodes the request asks for; ``None`` where it asks for all."""
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
