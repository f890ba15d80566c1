"""The client's address, whether the connection is encrypted, and whether the host name belongs to this deployment.

Headers of proxies are trusted only if they come from a known proxy.
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

#: Size of the cache of client addresses, so that an address is not parsed for every request.
_CACHE_SIZE: Final = 256

_logger = logging.getLogger(__name__)


def resolve_client_addresses(app: Flask, proxies: TrustedProxies, public_url: WebOrigin | None) -> None:
    """Set ``g.client_address``, ``g.address`` and ``g.is_encrypted`` for every request of ``app``.

    ``public_url`` is the public URL of the deployment, if configured.
    """
    find_client_address = functools.lru_cache(_CACHE_SIZE)(proxies.client_address)
    is_public_encrypted = public_url is not None and public_url.scheme == "https"

    @app.before_request
    def look() -> None:
        g.client_address = find_client_address(request.remote_addr or "", request.headers.get("X-Forwarded-For", ""))
        g.address = g.client_address.address
        # The last value comes from the trusted proxy. A client can forge the values before it.
        scheme = request.headers.get("X-Forwarded-Proto", "") if g.client_address.is_from_trusted_proxy else ""
        g.is_encrypted = is_public_encrypted or scheme.rpartition(",")[2].strip().lower() == "https"


def client_address() -> ClientAddress:
    """Return the client's address and what trusted proxies report about it."""
    return cast("ClientAddress", g.client_address)


def address() -> str:
    """Return the client's address, as far as trusted proxies report it."""
    return cast("str", g.address)


def is_encrypted() -> bool:
    """Return whether the connection is encrypted up to the deployment."""
    return cast("bool", g.is_encrypted)


def is_to_loopback() -> bool:
    """Return whether the browser uses a loopback address, so that the request crosses no network."""
    return is_loopback(host_name(request.host) or "")


def host_check(hosts: AllowedHosts, counters: Counters) -> Callable[[], None]:
    """Return a ``before_request`` function. Register it before all other functions that refuse requests."""
    limited_log: Final = RateLimitedLog(_logger)

    def require_own_host() -> None:
        """Raise ``RequestRefused`` if the request is for another host."""
        host = asked_host(request.environ.get("RAW_URI", ""), request.headers.get("Host"))
        peer, forwarded_for = request.remote_addr or "", request.headers.get("X-Forwarded-For", "")
        if hosts.allows(host, request.path, peer, forwarded_for):
            return
        counters.refusals.labels("host").inc()
        limited_log.warning(
            "host",
            "refused a request for the unknown host %.120r; PUBLIC_URL sets the host name of this deployment",
            host,
        )
        # Not a page, because a page shows the name of the cluster.
        raise RequestRefused(MISDIRECTED, MISDIRECTED_TEXT, as_page=False)

    return require_own_host
