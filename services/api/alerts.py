"""``/api/alerts…``: what is active, and the log."""

from typing import Final

from flask import Blueprint, Response, request

from api.alert_log import AlertLog
from api.answers import json_answer, latest_answer
from api.parameters import position, whole_number
from api.store import Store
from contract.names import ALERTS_CHANNEL

#: Entries that a page of the log holds, unless told otherwise, and at most.
DEFAULT_LIMIT: Final = 100
LARGEST_LIMIT: Final = 1000


def alert_routes(store: Store, log: AlertLog) -> Blueprint:
    """Make the routes."""
    routes = Blueprint("alerts", __name__, url_prefix="/api/alerts")

    @routes.get("")
    def active() -> Response:
        """The collector's last message about alerts, its bytes unchanged."""
        latest = store.latest(ALERTS_CHANNEL)
        return latest_answer(latest, latest.content.raw)

    @routes.get("/log")
    def entries() -> Response:
        """A page of the log: what follows ``after``, or the newest entries; oldest first."""
        after = position(request.args, "after", "the id of a log entry")
        page = log.page(after, whole_number(request.args, "limit", (1, LARGEST_LIMIT), 6) or DEFAULT_LIMIT)
        return json_answer(page.body, page.age_seconds)

    return routes
