"""Decides which pages may connect, and which pages may use their visitor's cookies.

Browsers let any page open a WebSocket to any host, and send the page's origin in the header ``Origin``. A page may
connect if its origin is ours or is listed in the settings. Other clients than browsers send no ``Origin`` and may
connect. Cookies count only for pages of our own origin. The headers ``X-Forwarded-…`` are ignored, because a client can
send them through a careless proxy.
"""

import logging
from collections.abc import Iterable, Mapping
from typing import Final

from access.web_origin import WebOrigin, normal_origin, origin_of_url, same_host
from runtime.value_types import ANY_ORIGIN
from ws.counters import Counters

#: Refused origins that are logged, each once; further origins are only counted.
LOGGED_ORIGINS_LIMIT: Final = 50
#: Logged characters of a refused origin.
LOGGED_ORIGIN_LENGTH: Final = 120

_logger = logging.getLogger(__name__)


class AllowedOrigins:
    """Decides by the headers that browsers send; the ``cors_allowed_origins`` of Engine.IO."""

    def __init__(self, allowed: Iterable[str], counters: Counters, public: WebOrigin | None = None) -> None:
        """``public`` is the public origin of the deployment, if it is set."""
        self._allowed = {normal_origin(origin) for origin in allowed if origin != ANY_ORIGIN}
        self.any_allowed = ANY_ORIGIN in allowed
        self._counters = counters
        self._public = public
        self._logged: set[str] = set()

    def __call__(self, origin: str | None, environ: Mapping[str, str]) -> bool:
        """Whether a request with this ``Origin`` is allowed; a refusal is counted, and logged once per origin."""
        if origin is None or self.any_allowed:
            return True
        page = normal_origin(origin)
        if page is not None and (page in self._allowed or self._is_own(page, environ)):
            return True
        self._counters.refused_origins += 1
        self._log(origin, environ.get("HTTP_HOST", ""))
        return False

    def is_own_origin(self, environ: Mapping[str, str]) -> bool | None:
        """Whether a page of our own origin made a request; ``None`` if no header shows the page's origin.

        A ``GET`` request to the page's own origin has no ``Origin``, but ``Sec-Fetch-Site``. Over plain HTTP to another
        machine the request has neither header, but a ``Referer``.
        Source: https://www.w3.org/TR/fetch-metadata/
        """
        origin, site, referrer = (environ.get(f"HTTP_{name}") for name in ("ORIGIN", "SEC_FETCH_SITE", "REFERER"))
        if origin is None and site is not None:
            return {"same-origin": True, "none": None}.get(site, False)
        if origin is None and not referrer:
            return None
        page = normal_origin(origin) if origin is not None else origin_of_url(referrer or "")
        return page is not None and self._is_own(page, environ) and not self._is_downgraded(page, environ)

    def _is_own(self, page: WebOrigin, environ: Mapping[str, str]) -> bool:
        return page == self._public or same_host(page, environ.get("HTTP_HOST", ""))

    def _is_downgraded(self, page: WebOrigin, environ: Mapping[str, str]) -> bool:
        """Whether a page came over plain HTTP from our own host, which serves our pages over HTTPS.

        ``Host`` contains no port in both cases, and an attacker on the network can forge a page over plain HTTP.
        """
        public = self._public is not None and self._public.host == page.host and self._public.scheme == "https"
        return page.scheme == "http" and (public or environ.get("wsgi.url_scheme") == "https")

    def _log(self, origin: str, host: str) -> None:
        origin = origin[:LOGGED_ORIGIN_LENGTH]
        if origin in self._logged or len(self._logged) >= LOGGED_ORIGINS_LIMIT:
            return
        self._logged.add(origin)
        # repr() escapes line breaks in the header.
        _logger.warning(
            "refused a page of the origin %r that connected to the host %r; WS_ALLOWED_ORIGINS lists the additional "
            "origins that may connect",
            origin,
            host[:LOGGED_ORIGIN_LENGTH],
        )
        if len(self._logged) == LOGGED_ORIGINS_LIMIT:
            _logger.warning("further refused origins are only counted")
