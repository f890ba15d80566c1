"""The nodes and the range of time in a request for history."""

import re
from typing import Final

from werkzeug.datastructures import MultiDict

from api.problems import RequestRefused
from api.query_parameters import whole_number
from contract.history import HALF_HOUR
from runtime.clock import unix_seconds

NODES_LIMIT: Final = 50
DEFAULT_RANGE_SECONDS: Final = 3600
RANGE_LIMITS_SECONDS: Final = (60, HALF_HOUR.retention_seconds)

_TIMESTAMP: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z")
#: Unix milliseconds of the year 3000. A range is rounded up, and must end before the year 9999.
_LAST_MS: Final = 32_503_680_000_000


def read_range(args: MultiDict[str, str], now_ms: int, default_seconds: int = DEFAULT_RANGE_SECONDS) -> tuple[int, int]:
    """Return start and end, in Unix milliseconds, of a request made at ``now_ms``.

    Raises:
        RequestRefused: a parameter is not valid; the text names the parameter.
    """
    start, end = read_time(args, "start"), read_time(args, "end")
    if start is not None and "range_seconds" in args:
        raise RequestRefused(400, "The parameters 'range_seconds' and 'start' exclude each other.")
    range_seconds = whole_number(args, "range_seconds", RANGE_LIMITS_SECONDS, 9)
    end_ms = now_ms if end is None else end
    start_ms = end_ms - 1000 * (default_seconds if range_seconds is None else range_seconds) if start is None else start
    if start_ms >= end_ms:
        raise RequestRefused(400, "The parameter 'start' takes a time before 'end'; the default of 'end' is now.")
    return start_ms, end_ms


def read_nodes(args: MultiDict[str, str], without: str) -> tuple[str, ...]:
    """Return the distinct names of the parameter ``node``. ``without`` tells people when to omit the parameter.

    Raises:
        RequestRefused: there are too many names, or a name is empty.
    """
    nodes = tuple(dict.fromkeys(args.getlist("node")))
    if len(nodes) > NODES_LIMIT:
        raise RequestRefused(400, f"One request accepts at most {NODES_LIMIT} names in the parameter 'node'.")
    if "" in nodes:
        raise RequestRefused(400, f"The parameter 'node' takes a node's name. {without}")
    return nodes


def read_time(args: MultiDict[str, str], name: str) -> int | None:
    """Return a time in Unix milliseconds; ``None`` if the parameter is missing.

    Raises:
        RequestRefused: the value is not a time in UTC.
    """
    text = args.get(name)
    if text is None:
        return None
    try:
        milliseconds = round(1000 * unix_seconds(text)) if _TIMESTAMP.fullmatch(text) else -1
    except ValueError:
        milliseconds = -1
    if not 0 <= milliseconds < _LAST_MS:
        raise RequestRefused(400, f"The parameter {name!r} takes a time in UTC such as 2026-11-23T09:41:07Z.")
    return milliseconds
