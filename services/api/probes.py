"""``/livez``, ``/readyz`` and ``/metrics``, for whoever runs the service."""

from collections.abc import Callable
from typing import Final

from flask import Blueprint, Response

from api.counters import Counters
from runtime.readiness import LIVE, Readiness

#: What strangers are told.
_READY: Final = {200: "ready\n", 503: "not ready\n"}


def probe_routes(readiness: Readiness, counters: Counters, knows_who_asks: Callable[[], bool]) -> Blueprint:
    """Make the routes; ``knows_who_asks`` says whether a request may see why the service is not ready."""
    routes = Blueprint("probes", __name__)

    @routes.get("/livez")
    def livez() -> Response:
        """200 while requests are answered at all; never looks at Redis."""
        return _text(LIVE, 200)

    @routes.get("/readyz")
    def readyz() -> Response:
        """503 until the first contact with Redis and while draining."""
        status, text = readiness.readyz()
        return _text(text if knows_who_asks() else _READY[status], status)

    @routes.get("/metrics")
    def metrics() -> Response:
        """The counters in Prometheus's text format."""
        response = Response(counters.text(), content_type="text/plain; version=0.0.4; charset=utf-8")
        response.headers["Cache-Control"] = "no-store"
        return response

    return routes


def _text(text: str, status: int) -> Response:
    response = Response(text, status, mimetype="text/plain")
    response.headers["Cache-Control"] = "no-store"
    return response
