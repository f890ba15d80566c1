"""``/api/alerts…``: what is active, and the log."""

import re
from typing import Final

from flask import Blueprint, Response, request

from api.alert_log import AlertLog
from api.answers import json_answer, latest_answer
from api.problems import Refusal
from api.store import Store
from contract.names import ALERTS_CHANNEL

#: Entries that a page of the log holds, unless told otherwise, and at most.
DEFAULT_LIMIT: Final = 100
LARGEST_LIMIT: Final = 1000

_POSITION = re.compile(r"[0-9]{1,15}-[0-9]{1,15}")
_NUMBER = re.compile(r"[0-9]{1,6}")


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
        page = log.page(_after(), _limit())
        return json_answer(page.body, page.age_seconds)

    return routes


def _after() -> str | None:
    text = request.args.get("after")
    if text is not None and not _POSITION.fullmatch(text):
        raise Refusal(400, "The parameter 'after' takes the id of a log entry, such as 1795426867-7.")
    return text


def _limit() -> int:
    text = request.args.get("limit")
    if text is None:
        return DEFAULT_LIMIT
    if not _NUMBER.fullmatch(text) or not 1 <= int(text) <= LARGEST_LIMIT:
        raise Refusal(400, f"The parameter 'limit' takes a whole number from 1 to {LARGEST_LIMIT}.")
    return int(text)
