"""``/api/cluster/…``: the snapshot, whole and in parts, and the cluster's health."""

from typing import Final

import msgspec
from flask import Blueprint, Response, request

from api.answers import latest_answer, with_age
from api.problems import Refusal
from api.republish import Republisher
from api.spreadsheet import csv_answer, wants_csv
from api.store import Store, nodes_by_name
from contract.codec import encode
from contract.messages import Node
from contract.names import HEALTH_CHANNEL, METRICS_CHANNEL
from contract.rest import overview
from contract.runtime.quoted import quoted

#: Fields of a node that have a cell each.
NODE_COLUMNS: Final = tuple(
    field.name for field in msgspec.structs.fields(Node) if not field.name.endswith(("_coded", "labels"))
)


class _Nodes(msgspec.Struct):
    """The snapshot's nodes as they were stored."""

    nodes: msgspec.Raw


def cluster_routes(store: Store, republisher: Republisher) -> Blueprint:
    """Make the routes."""
    routes = Blueprint("cluster", __name__, url_prefix="/api/cluster")

    @routes.get("/nodes")
    def nodes() -> Response:
        """An array of the snapshot's nodes; has the snapshot pushed again to all clients. As a table it has not."""
        if wants_csv():
            latest, snapshot = store.snapshot()
            rows = ([getattr(node, column) for column in NODE_COLUMNS] for node in snapshot.nodes)
            return with_age(csv_answer("nodes", NODE_COLUMNS, rows), latest.age_seconds)
        if request.method == "GET":
            republisher.republish(METRICS_CHANNEL)
            latest = store.known(METRICS_CHANNEL)
        else:
            latest = store.latest(METRICS_CHANNEL)
        return latest_answer(latest, bytes(msgspec.json.decode(latest.content.raw, type=_Nodes).nodes))

    @routes.get("/nodes/<path:node>")
    def node(node: str) -> Response:
        """One node by its name."""
        latest, _ = store.snapshot()
        for name, stored in nodes_by_name(latest.content):
            if name == node:
                return latest_answer(latest, bytes(stored))
        raise Refusal(404, f"No node is called {quoted(node)}. GET /api/cluster/nodes lists them.")

    @routes.get("/snapshot")
    def snapshot() -> Response:
        """The collector's last snapshot, its bytes unchanged."""
        latest = store.latest(METRICS_CHANNEL)
        return latest_answer(latest, latest.content.raw)

    @routes.get("/overview")
    def cluster_overview() -> Response:
        """The cluster in a word and its figures."""
        latest, snapshot = store.snapshot()
        return latest_answer(latest, encode(overview(snapshot)))

    @routes.get("/health")
    def health() -> Response:
        """The collector's last word on the cluster's health, its bytes unchanged."""
        latest = store.latest(HEALTH_CHANNEL)
        return latest_answer(latest, latest.content.raw)

    return routes
