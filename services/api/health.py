"""``/api/health``: whether the product works."""

from flask import Blueprint, Response, request

from api.answers import struct_answer
from api.report import Reporter
from api.republish import Republisher
from contract.names import HEALTH_CHANNEL


def health_routes(reporter: Reporter, republisher: Republisher) -> Blueprint:
    """Make the route."""
    routes = Blueprint("health", __name__, url_prefix="/api")

    @routes.get("/health")
    def health() -> Response:
        """The report, with status 200 also when degraded; has the cluster's health pushed again to all clients."""
        if request.method == "GET":
            republisher.republish(HEALTH_CHANNEL)
        return struct_answer(reporter.report())

    return routes
