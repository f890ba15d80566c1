"""The web pages, rendered with the latest data, so that they show data before any script runs."""

from collections.abc import Collection, Mapping
from typing import Final

from flask import Blueprint, Response, render_template, request
from markupsafe import Markup

from api.config import Config
from api.message_store import DataUnavailable, LatestMessage, MessageStore, nodes_by_name
from contract import VERSION
from contract.codec import encode
from contract.messages import Snapshot
from contract.names import ALERTS_CHANNEL, HEALTH_CHANNEL, METRICS_CHANNEL
from contract.raw_json import with_fields
from runtime.readiness import Readiness

#: Page by path. Its template has the same name. A node's name may contain any character, slashes included.
PAGES = {
    "/": "dashboard",
    "/nodes": "nodes",
    "/nodes/<path:node>": "node",
    "/compare": "compare",
    "/monitoring": "monitoring",
    "/alerts": "alerts",
    "/live": "live",
    "/websocket-test": "websocket-test",
}

#: Nodes that ``/compare`` shows at most.
COMPARED_NODES: Final = 12

_CHANNEL_OF_FIELD = {"snapshot": METRICS_CHANNEL, "health": HEALTH_CHANNEL, "alerts": ALERTS_CHANNEL}
#: Characters that would end a script element or a line of it. In JSON they occur in strings only.
_ESCAPES = tuple((letter.encode(), f"\\u{ord(letter):04x}".encode()) for letter in "<>&\u2028\u2029")


def page_routes(config: Config, store: MessageStore, readiness: Readiness) -> Blueprint:
    """Return the routes. Error templates also use ``version``, ``cluster_name`` and ``simulated`` from here."""
    routes = Blueprint("pages", __name__)

    def cluster_name() -> str:
        snapshot = _remembered(store, METRICS_CHANNEL)
        return snapshot.stored.message.cluster if snapshot else config.cluster_name

    def is_simulated() -> bool:
        latest = _remembered(store, METRICS_CHANNEL)
        return latest is not None and isinstance(latest.stored.message, Snapshot) and latest.stored.message.simulated

    @routes.app_context_processor
    def shared_variables() -> dict[str, str | bool]:
        return {"version": VERSION, "cluster_name": cluster_name(), "simulated": is_simulated()}

    def show(page: str, node: str | None = None) -> Response:
        store.refresh(*_CHANNEL_OF_FIELD.values())
        latest = {field: _remembered(store, channel) for field, channel in _CHANNEL_OF_FIELD.items()}
        known = {field: found.stored.raw for field, found in latest.items() if found is not None}
        status = 200
        if latest["snapshot"] is not None and (node is not None or page in ("alerts", "compare")):
            # The page gets only the nodes that it shows.
            names = request.args.getlist("node")[:COMPARED_NODES] if page == "compare" else [node]
            known["snapshot"], found = _snapshot_of_nodes(latest["snapshot"], names)
            status = 404 if node is not None and not found else 200
        details = {
            "age_seconds": latest["snapshot"].age_seconds if latest["snapshot"] else None,
            "redis_down_since": readiness.redis_down_since,
            "version": VERSION,
            "cluster_name": cluster_name(),
        }
        html = render_template(
            f"{page.replace('-', '_')}.html", page=page, node=node, initial_json=_initial_json(known, details)
        )
        response = Response(html, status, mimetype="text/html")
        response.headers["Cache-Control"] = "no-store"
        return response

    for path, page in PAGES.items():
        routes.add_url_rule(path, endpoint=page, view_func=show, defaults={"page": page}, methods=["GET"])
    return routes


def _remembered(store: MessageStore, channel: str) -> LatestMessage | None:
    try:
        return store.remembered(channel)
    except DataUnavailable:
        return None


def _snapshot_of_nodes(latest: LatestMessage, names: Collection[str | None]) -> tuple[bytes, bool]:
    """Return the stored snapshot with only the nodes of these names, and whether it has such nodes."""
    nodes = [raw for name, raw in nodes_by_name(latest.stored) if name in names]
    return with_fields(latest.stored.raw, {"nodes": nodes}), bool(nodes)


def _initial_json(known: Mapping[str, bytes], details: Mapping[str, object]) -> Markup:
    """Return the initial data of a page as JSON that is safe in a script element.

    An object of ``snapshot``, ``health`` and ``alerts`` (stored messages, or ``null``) and of ``details``.
    """
    members = [encode(field) + b":" + known.get(field, b"null") for field in _CHANNEL_OF_FIELD]
    members += [encode(name) + b":" + encode(value) for name, value in details.items()]
    text = b"{" + b",".join(members) + b"}"
    for letter, escape in _ESCAPES:
        text = text.replace(letter, escape)
    return Markup(text.decode())  # noqa: S704 (escaped above)
