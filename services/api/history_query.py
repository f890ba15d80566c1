"""What a request for history asks for, read from its parameters."""

import re
from dataclasses import dataclass
from typing import Final

from werkzeug.datastructures import MultiDict

from api.parameters import whole_number
from api.problems import Refusal
from contract.history import CLUSTER_NODE, HALF_HOUR, MEASURES
from runtime.clock import unix_seconds

NODES_LIMIT: Final = 50
DEFAULT_POINTS: Final = 360
POINTS_LIMITS: Final = (2, 1000)
DEFAULT_RANGE_SECONDS: Final = 3600
RANGE_LIMITS_SECONDS: Final = (60, HALF_HOUR.kept_seconds)

_TIMESTAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z")
#: Unix milliseconds of the year 3000: a range that is rounded up must end before the year 9999.
_LAST_MS: Final = 32_503_680_000_000


@dataclass(frozen=True)
class Query:
    """A valid request. ``nodes`` holds ``CLUSTER_NODE`` for the averages; times are Unix milliseconds."""

    nodes: tuple[str, ...]
    measures: tuple[str, ...]
    start_ms: int
    end_ms: int
    points: int


def read_query(args: MultiDict[str, str], now_ms: int) -> Query:
    """Read the parameters of a request made at ``now_ms``.

    Raises:
        Refusal: one of them is not valid; the text names it.
    """
    start, end = _time(args, "start"), _time(args, "end")
    if start is not None and "range_seconds" in args:
        raise Refusal(400, "The parameter 'range_seconds' does not go with 'start', which says the same.")
    range_seconds = _number(args, "range_seconds", DEFAULT_RANGE_SECONDS, RANGE_LIMITS_SECONDS)
    end_ms = now_ms if end is None else end
    start_ms = end_ms - 1000 * range_seconds if start is None else start
    if start_ms >= end_ms:
        raise Refusal(400, "The parameter 'start' takes a time before 'end', which is now unless it is given.")
    return Query(
        _nodes(args), _measures(args), start_ms, end_ms, _number(args, "points", DEFAULT_POINTS, POINTS_LIMITS)
    )


def _nodes(args: MultiDict[str, str]) -> tuple[str, ...]:
    nodes = tuple(dict.fromkeys(args.getlist("node")))
    if len(nodes) > NODES_LIMIT:
        raise Refusal(400, f"The parameter 'node' may stand for at most {NODES_LIMIT} nodes in one request.")
    if "" in nodes:
        raise Refusal(400, "The parameter 'node' takes a node's name; without it the cluster's averages are answered.")
    return nodes or (CLUSTER_NODE,)


def _measures(args: MultiDict[str, str]) -> tuple[str, ...]:
    measures = tuple(dict.fromkeys(args.getlist("measure")))
    if not MEASURES.keys() >= set(measures):
        raise Refusal(400, f"The parameter 'measure' takes one of: {', '.join(MEASURES)}.")
    return measures or tuple(MEASURES)


def _number(args: MultiDict[str, str], name: str, default: int, limits: tuple[int, int]) -> int:
    number = whole_number(args, name, limits, 9)
    return default if number is None else number


def _time(args: MultiDict[str, str], name: str) -> int | None:
    text = args.get(name)
    if text is None:
        return None
    try:
        milliseconds = round(1000 * unix_seconds(text)) if _TIMESTAMP.fullmatch(text) else -1
    except ValueError:
        milliseconds = -1
    if not 0 <= milliseconds < _LAST_MS:
        raise Refusal(400, f"The parameter {name!r} takes a time in UTC such as 2026-11-23T09:41:07Z.")
    return milliseconds
