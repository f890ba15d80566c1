"""``/api/rules``: the alert rules in force."""

from flask import Blueprint, Response

from api.answers import latest_answer
from api.store import Store
from contract.names import RULES_KEY


def rules_routes(store: Store) -> Blueprint:
    """Make the route."""
    routes = Blueprint("rules", __name__, url_prefix="/api")

    @routes.get("/rules")
    def rules() -> Response:
        """The rules as the collector wrote them, their bytes unchanged."""
        latest = store.latest(RULES_KEY)
        return latest_answer(latest, latest.content.raw)

    return routes
