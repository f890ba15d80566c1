"""Where a request comes from, whether it came encrypted, and whether it is for a host name of this deployment.

What proxies say is believed of those that are known.
"""

import functools
import logging
from collections.abc import Callable
from typing import Final, cast

from flask import Flask, g, request

from access.hosts import MISDIRECTED, MISDIRECTED_TEXT, AllowedHosts, asked_host, host_name
from access.mode_required import is_loopback
from access.proxies import ClientAddress, TrustedProxies
from access.web_origin import WebOrigin
from api.counters import Counters
from api.problems import RequestRefused
from runtime.logs import RateLimitedLog

#: Clients that are remembered, so that an address is read once and not with each request.
_REMEMBERED: Final = 256

_logger = logging.getLogger(__name__)


def resolve_client_addresses(app: Flask, proxies: TrustedProxies, public: WebOrigin | None) -> None:
    """Have every request of ``app`` know ``g.client_address``, ``g.address`` and ``g.is_encrypted``.

    ``public`` is how people reach the deployment, where that is set.
    """
    find_client_address = functools.lru_cache(_REMEMBERED)(proxies.client_address)
    is_public_encrypted = public is not None and public.scheme == "https"

    @app.before_request
    def look() -> None:
        g.client_address = find_client_address(request.remote_addr or "", request.headers.get("X-Forwarded-For", ""))
        g.address = g.client_address.address
        # The last word is that of the proxy which is believed; those before it may be anybody's.
        scheme = request.headers.get("X-Forwarded-Proto", "") if g.client_address.is_from_trusted_proxy else ""
        g.is_encrypted = is_public_encrypted or scheme.rpartition(",")[2].strip().lower() == "https"


def client_address() -> ClientAddress:
    """Where this request comes from."""
    return cast("ClientAddress", g.client_address)


def address() -> str:
    """The client's address, as far as anybody who is believed knows it."""
    return cast("str", g.address)


def is_encrypted() -> bool:
    """Whether nobody on the way can read this request."""
    return cast("bool", g.is_encrypted)


def is_to_loopback() -> bool:
    """Whether the browser asks for this machine by loopback: what it sends passes no network."""
    return is_loopback(host_name(request.host) or "")


def host_check(hosts: AllowedHosts, counters: Counters) -> Callable[[], None]:
    """Make a ``before_request`` function, to be the first that may refuse."""
    limited_log: Final = RateLimitedLog(_logger)

    def require_own_host() -> None:
        """Raises ``RequestRefused`` where the request is for another host."""
        host = asked_host(request.environ.get("RAW_URI", ""), request.headers.get("Host"))
        peer, forwarded_for = request.remote_addr or "", request.headers.get("X-Forwarded-For", "")
        if hosts.allows(host, request.path, peer, forwarded_for):
            return
        counters.refusals.labels("host").inc()
        limited_log.warning("host", "refused a request for the host %.120r; PUBLIC_URL sets our own", host)
        # No page: one of ours shows the name of the cluster.
        raise RequestRefused(MISDIRECTED, MISDIRECTED_TEXT, as_page=False)

    return require_own_host
