"""Name the reason for which a connection to an exporter or another HTTP server fails."""

import errno
import os
import re
from collections.abc import Callable
from typing import Final

from collector.sentences import failures
from contract.messages import Coded

#: The form in which aiohttp reports a TLS error on an open connection.
TLS_REASON: Final = re.compile(r"\[SSL: ([A-Z0-9_]{1,100})\]")
_FAILURES_BY_ERRNO: Final = {
    errno.ECONNREFUSED: failures.connection_refused,
    errno.ECONNRESET: failures.connection_reset,
    errno.EHOSTUNREACH: failures.no_route,
    errno.ENETUNREACH: failures.network_unreachable,
    errno.ETIMEDOUT: failures.no_answer,
    errno.EHOSTDOWN: failures.host_is_down,
}


def connection_failure(error: OSError, otherwise: Callable[[str | None], Coded]) -> Coded:
    """Return the reason that the number of ``error`` means; ``otherwise`` makes it from the system's text."""
    if error.errno is None:
        return otherwise(None)
    known = _FAILURES_BY_ERRNO.get(error.errno)
    return known() if known else otherwise(os.strerror(error.errno) if error.errno > 0 else None)
