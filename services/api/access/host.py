"""Answers requests for this deployment's own host names alone."""

import logging
from collections.abc import Callable
from typing import Final

from flask import request

from access.hosts import MISDIRECTED, MISDIRECTED_TEXT, Hosts, asked_host
from api.counters import Counters
from api.problems import Refusal
from runtime.logs import Occasionally

_logger = logging.getLogger(__name__)


def host_check(hosts: Hosts, counters: Counters) -> Callable[[], None]:
    """Make a ``before_request`` function, to be the first that may refuse."""
    complaints: Final = Occasionally(_logger)

    def require_own_host() -> None:
        """Raises ``Refusal`` where the request is for another host."""
        host = asked_host(request.environ.get("RAW_URI", ""), request.headers.get("Host"))
        peer, forwarded_for = request.remote_addr or "", request.headers.get("X-Forwarded-For", "")
        if hosts.answers(host, request.path, peer, forwarded_for):
            return
        counters.refusals.labels("host").inc()
        complaints.warning("host", "refused a request for the host %.120r; PUBLIC_URL sets our own", host)
        # No page: one of ours shows the name of the cluster.
        raise Refusal(MISDIRECTED, MISDIRECTED_TEXT, as_page=False)

    return require_own_host
