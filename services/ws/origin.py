"""Which pages may connect: those of the same origin, and those of the origins that were allowed by name.

Browsers let any page open a WebSocket to any host and only say whose page it is, in ``Origin``. What is no browser
sends none and is let in. Headers that a client can send through a careless proxy (``X-Forwarded-…``) are not believed.
"""

import logging
from collections.abc import Iterable, Mapping
from typing import Final

from contract.access.web_origin import normal_origin, same_host
from ws.counters import Counters

ANY_ORIGIN: Final = "*"
#: Refused origins that are logged, each once; more are only counted.
LOGGED_ORIGINS_LIMIT: Final = 50
#: Characters of a refused origin that are logged.
LOGGED_ORIGIN_LENGTH: Final = 120

_logger = logging.getLogger(__name__)


class Origins:
    """Decides by ``Origin`` and ``Host``; to be given to Engine.IO as ``cors_allowed_origins``."""

    def __init__(self, allowed: Iterable[str], counters: Counters) -> None:
        self._allowed = {normal_origin(origin) for origin in allowed if origin != ANY_ORIGIN}
        self.any_allowed = ANY_ORIGIN in allowed
        self._counters = counters
        self._logged: set[str] = set()

    def __call__(self, origin: str | None, environ: Mapping[str, str]) -> bool:
        """Whether a request with this ``Origin`` header may go on; a refusal is counted, and logged once an origin."""
        if origin is None or self.any_allowed or self.is_ours(origin, environ):
            return True
        self._counters.refused_origins += 1
        self._log(origin, environ.get("HTTP_HOST", ""))
        return False

    def is_ours(self, origin: str | None, environ: Mapping[str, str]) -> bool:
        """Whether a request comes from no page, or from one that may act for its visitor."""
        if origin is None:
            return True
        page = normal_origin(origin)
        return page is not None and (page in self._allowed or same_host(page, environ.get("HTTP_HOST", "")))

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
