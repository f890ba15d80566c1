"""``/api/session``: as whom a request was let in, for pages and for whoever writes a script."""

from flask import Blueprint, Response, g

from access.grant import READ, SCOPES, Grant
from access.settings import AccessSettings
from api.answers import struct_answer
from contract.rest import SessionReport
from runtime.clock import timestamp


def session_routes(settings: AccessSettings) -> Blueprint:
    """Make the route."""
    routes = Blueprint("session", __name__, url_prefix="/api")

    @routes.get("/session")
    def session() -> Response:
        """Who, by what, with which scopes, until when. Where access is open nobody is asked."""
        grant: Grant | None = g.grant
        if grant is None:
            return struct_answer(SessionReport(user=None, by=None, scopes=(READ,), expires=None, access=settings.mode))
        return struct_answer(
            SessionReport(
                user=grant.name,
                by=grant.by,
                scopes=tuple(scope for scope in SCOPES if scope in grant.scopes),
                expires=None if grant.expires == float("inf") else timestamp(grant.expires),
                access=settings.mode,
            )
        )

    return routes
