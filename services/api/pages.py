"""The pages: rendered with what is known at this moment, so that they show data before any script runs."""

from collections.abc import Mapping

from flask import Blueprint, Response, render_template
from markupsafe import Markup

from api.config import Config
from api.store import Latest, Store
from api.unavailable import Unavailable
from contract import VERSION
from contract.codec import encode
from contract.names import ALERTS_CHANNEL, HEALTH_CHANNEL, METRICS_CHANNEL
from contract.runtime.readiness import Readiness

#: Page by path; its template is named like it.
PAGES = {"/": "dashboard", "/nodes": "nodes", "/monitoring": "monitoring", "/websocket-test": "websocket-test"}

_CHANNEL_OF_FIELD = {"snapshot": METRICS_CHANNEL, "health": HEALTH_CHANNEL, "alerts": ALERTS_CHANNEL}
#: What would end a script element, or a line in one; in JSON all of it stands in strings only.
_ESCAPES = tuple((letter.encode(), f"\\u{ord(letter):04x}".encode()) for letter in "<>&\u2028\u2029")


def page_routes(config: Config, store: Store, readiness: Readiness) -> Blueprint:
    """Make the routes; templates of errors get ``version`` and ``cluster_name`` from here too."""
    routes = Blueprint("pages", __name__)

    def cluster_name() -> str:
        snapshot = _known(store, METRICS_CHANNEL)
        return snapshot.content.message.cluster if snapshot else config.cluster_name

    @routes.app_context_processor
    def on_every_page() -> dict[str, str]:
        return {"version": VERSION, "cluster_name": cluster_name()}

    def show(page: str) -> Response:
        store.refresh(*_CHANNEL_OF_FIELD.values())
        known = {field: _known(store, channel) for field, channel in _CHANNEL_OF_FIELD.items()}
        facts = {
            "age_seconds": known["snapshot"].age_seconds if known["snapshot"] else None,
            "redis_down_since": readiness.redis_down_since,
            "version": VERSION,
            "cluster_name": cluster_name(),
        }
        html = render_template(f"{page.replace('-', '_')}.html", page=page, initial_json=_initial_json(known, facts))
        response = Response(html, mimetype="text/html")
        response.headers["Cache-Control"] = "no-store"
        return response

    for path, page in PAGES.items():
        routes.add_url_rule(path, endpoint=page, view_func=show, defaults={"page": page}, methods=["GET"])
    return routes


def _known(store: Store, channel: str) -> Latest | None:
    try:
        return store.known(channel)
    except Unavailable:
        return None


def _initial_json(known: dict[str, Latest | None], facts: Mapping[str, object]) -> Markup:
    """What the page shows at first, as JSON that may stand in a script element.

    An object of ``snapshot``, ``health`` and ``alerts`` (the stored messages as they are, or ``null``) and ``facts``.
    """
    members = [encode(field) + b":" + (latest.content.raw if latest else b"null") for field, latest in known.items()]
    members += [encode(name) + b":" + encode(value) for name, value in facts.items()]
    text = b"{" + b",".join(members) + b"}"
    for letter, escape in _ESCAPES:
        text = text.replace(letter, escape)
    return Markup(text.decode())  # noqa: S704 (escaped above)
