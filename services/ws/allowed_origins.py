"""Which pages may connect, and which may do so as their visitor.

Browsers let any page open a WebSocket to any host and only say whose page it is, in ``Origin``. A page may connect
whose origin is ours, or was allowed by name; what is no browser sends none and is let in. Cookies count for pages of
our own origin alone. Headers that a client can send through a careless proxy (``X-Forwarded-…``) are not believed.
"""

import logging
from collections.abc import Iterable, Mapping
from typing import Final

from access.web_origin import WebOrigin, normal_origin, origin_of_url, same_host
from runtime.value_types import ANY_ORIGIN
from ws.counters import Counters

#: Refused origins that are logged, each once; more are only counted.
LOGGED_ORIGINS_LIMIT: Final = 50
#: Characters of a refused origin that are logged.
LOGGED_ORIGIN_LENGTH: Final = 120

_logger = logging.getLogger(__name__)


class AllowedOrigins:
    """Decides by what browsers say; to be given to Engine.IO as ``cors_allowed_origins``."""

    def __init__(self, allowed: Iterable[str], counters: Counters, public: WebOrigin | None = None) -> None:
        """``public`` is how people reach the deployment, where that is set."""
        self._allowed = {normal_origin(origin) for origin in allowed if origin != ANY_ORIGIN}
        self.any_allowed = ANY_ORIGIN in allowed
        self._counters = counters
        self._public = public
        self._logged: set[str] = set()

    def __call__(self, origin: str | None, environ: Mapping[str, str]) -> bool:
        """Whether a request with this ``Origin`` header may go on; a refusal is counted, and logged once an origin."""
        if origin is None or self.any_allowed:
            return True
        page = normal_origin(origin)
        if page is not None and (page in self._allowed or self._is_own(page, environ)):
            return True
        self._counters.refused_origins += 1
        self._log(origin, environ.get("HTTP_HOST", ""))
        return False

    def is_own_origin(self, environ: Mapping[str, str]) -> bool | None:
        """Whether a page of our own origin made a request, as its browser says; ``None`` where nothing says it.

        Requests by ``GET`` to a page's own origin have no ``Origin``. Browsers then send ``Sec-Fetch-Site``, and over
        plain HTTP to another machine, where they send neither, a ``Referer``.
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
        """Whether a page came over plain HTTP from a host of which we know that it serves ours by HTTPS.

        ``Host`` holds neither port then, and whoever is on the way can write such a page.
        """
        public = self._public is not None and self._public.host == page.host and self._public.scheme == "https"
        return page.scheme == "http" and (public or environ.get("wsgi.url_scheme") == "https")

    def _log(self, origin: str, host: str) -> None:
        origin = origin[:LOGGED_ORIGIN_LENGTH]
        if origin in self._logged or len(self._logged) >= LOGGED_ORIGINS_LIMIT:
            return
        self._logged.add(origin)
        # repr() keeps a header from writing lines of its own.
        _logger.warning(
            "refused a page of the origin %r, which asked for the host %r; WS_ALLOWED_ORIGINS lists the origins that "
            "are allowed besides",
            origin,
            host[:LOGGED_ORIGIN_LENGTH],
        )
        if len(self._logged) == LOGGED_ORIGINS_LIMIT:
            _logger.warning("further refused origins are only counted")
