"""``/api/incidents``: each alert that fired as one piece, from its beginning to its end."""

import time
from collections.abc import Iterable
from typing import Final, get_args

import msgspec
from flask import Blueprint, Response, request

from api.answers import json_answer, with_age
from api.incident_records import Found, IncidentRecords, Page, Wanted, plain
from api.parameters import position, whole_number
from api.problems import Refusal
from api.spreadsheet import csv_answer, wants_csv
from api.store import Store
from api.unavailable import Unavailable
from contract.codec import encode
from contract.messages import Incident, Severity
from runtime.clock import unix_seconds

#: Ended incidents that a page holds, unless told otherwise, and at most.
DEFAULT_LIMIT: Final = 100
LARGEST_LIMIT: Final = 1000
#: Longest time back, in hours, besides all that is known: a leap year.
LARGEST_HOURS: Final = 366 * 24

#: What an alert does. An incident begins with the first and ends with the second.
TRANSITIONS: Final = ("firing", "resolved", "pending")

#: Fields of an incident that have a cell each.
COLUMNS: Final = tuple(Incident.__struct_fields__[:-2])


class _Body(msgspec.Struct):
    """``IncidentsPage`` with its incidents as they were written."""

    incidents: list[msgspec.Raw]
    known_since: str | None
    next: str | None


def incident_routes(store: Store, records: IncidentRecords) -> Blueprint:
    """Make the route."""
    routes = Blueprint("incidents", __name__, url_prefix="/api/incidents")

    @routes.get("")
    def incidents() -> Response:
        """A page of incidents, newest first; on the first page those that go on come before all others."""
        wanted = _wanted(store)
        after = position(request.args, "after", "what a page says as 'next'")
        limit = whole_number(request.args, "limit", (1, LARGEST_LIMIT), 6)
        if wants_csv():
            return _table(records.pages(wanted, after, limit))
        page = records.page(wanted, after, limit or DEFAULT_LIMIT)
        body = _Body([found.raw for found in page.found], page.known_since, page.next)
        return json_answer(encode(body), page.age_seconds)

    return routes


def _table(pages: Iterable[Page]) -> Response:
    found: list[Found] = []
    age_seconds = None
    for page in pages:
        found += page.found
        age_seconds = page.age_seconds
    rows = ([getattr(each.incident, column) for column in COLUMNS] for each in found)
    return with_age(csv_answer("incidents", COLUMNS, rows), age_seconds)


def _wanted(store: Store) -> Wanted:
    hours = whole_number(request.args, "hours", (1, LARGEST_HOURS), 6)
    return Wanted(
        nodes=frozenset(request.args.getlist("node")),
        rules=frozenset(request.args.getlist("rule")),
        severities=_some_of("severity", get_args(Severity)),
        transitions=_some_of("transition", TRANSITIONS),
        text=plain(request.args.get("q", "")).strip(),
        ended_from=None if hours is None else _now(store) - 3600 * hours,
    )


def _some_of(name: str, allowed: tuple[str, ...]) -> frozenset[str]:
    values = frozenset(request.args.getlist(name))
    if not values <= set(allowed):
        raise Refusal(400, f"The parameter {name!r} takes one of: {', '.join(allowed)}.")
    return values


def _now(store: Store) -> float:
    """The present in Unix seconds, by the clock that incidents go by: the collector's."""
    try:
        _, snapshot = store.snapshot()
        return unix_seconds(snapshot.timestamp)
    except (Unavailable, ValueError):
        return time.time()
