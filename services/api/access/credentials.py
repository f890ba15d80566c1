"""Identifies the client of a request, and answers ``/api/session``."""

import logging
import time
from collections.abc import Callable
from typing import Final

from flask import Blueprint, Response, g, request

from access.gatekeeper import Gatekeeper
from access.grant import READ, SCOPES, AccessDenied, Grant, sign_in_required
from access.revocations import revocation_of
from access.session import Session
from access.settings import AccessSettings
from api.access.client_address import address, client_address
from api.access.revocation_store import RevocationStore
from api.access.users import UserFolder
from api.message_store import DataUnavailable
from api.responses import struct_answer
from contract.rest import SessionReport
from runtime.clock import timestamp
from runtime.redis_failures import RedisFailure

#: Seconds by which the users' folder of one replica may lag behind that of another. Kubernetes takes up to 90.
FOLDER_LAG_SECONDS: Final = 120.0

_BEARER: Final = "bearer"
_logger = logging.getLogger(__name__)


class Credentials:
    """Reads the credentials of the current request, in this order: token, proxy header, session.

    A token, if sent, decides alone. URLs never contain credentials, because logs contain URLs.
    """

    def __init__(
        self,
        gatekeeper: Gatekeeper,
        revocations: RevocationStore,
        users: UserFolder,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._gatekeeper = gatekeeper
        self._revocations = revocations
        self._users = users
        self._clock = clock

    def require(self) -> Grant:
        """Return the grant of the request. ``g.session`` is its session, if it has one.

        Raises:
            AccessDenied: the request has no valid credential.
            DataUnavailable: the revocations are not known now.
        """
        grant = self._by_token() or self._by_proxy() or self._by_session()
        if grant is None:
            raise sign_in_required("Sign in, or send a token in the header 'Authorization: Bearer TOKEN'.")
        return grant

    def by_token(self) -> Grant:
        """Return the grant of the request's token.

        Raises:
            AccessDenied: the request has no valid token.
            DataUnavailable: the revocations are not known now.
        """
        grant = self._by_token()
        if grant is None:
            raise sign_in_required("Send a token in the header 'Authorization: Bearer TOKEN'.")
        return grant

    def find(self) -> Grant | None:
        """Return the grant of the request, or ``None``."""
        try:
            return self.require()
        except (AccessDenied, DataUnavailable):
            return None

    def session(self) -> Session | None:
        """Return the valid session of the request, or ``None``.

        Raises:
            DataUnavailable: the revocations are not known now.
        """
        try:
            return g.session if self._by_session() is not None else None
        except AccessDenied:
            return None

    def _by_token(self) -> Grant | None:
        authorization = request.headers.get("Authorization", "")
        # Other schemes belong to other programs: a proxy that asks for a password forwards it.
        if authorization.partition(" ")[0].lower() != _BEARER:
            return None
        self._revocations.require()
        return self._gatekeeper.by_bearer(authorization)

    def _by_proxy(self) -> Grant | None:
        header = self._gatekeeper.settings.user_header
        user = request.headers.get(header, "") if header else ""
        if not user or not client_address().is_vouched_for:
            return None
        self._revocations.require()
        return self._gatekeeper.by_proxy(client_address(), user)

    def _by_session(self) -> Grant | None:
        session = self._gatekeeper.session(request.headers.get("Cookie", ""))
        if session is None:
            return None
        self._revocations.require(session.generation)
        grant = self._gatekeeper.by_session(session)
        if not self._users.is_current(session.user, session.stamp):
            self._end(session)
            raise sign_in_required("The session has ended: its user was removed or has a new password.")
        g.session = session
        return grant

    def _end(self, session: Session) -> None:
        """End the session's sockets too. ws does not read the users' folder."""
        if self._clock() - session.issued < FOLDER_LAG_SECONDS:
            return  # another replica may already have the user's file
        _logger.info(
            "the session of %r from %s ends: the user was removed or has a new password", session.user, address()
        )
        try:
            self._revocations.revoke(revocation_of(session.grant()), session.expires)
        except RedisFailure:
            return  # the next request tries again


def session_routes(settings: AccessSettings) -> Blueprint:
    """Return the route."""
    routes = Blueprint("session", __name__, url_prefix="/api")

    @routes.get("/session")
    def session() -> Response:
        """User, kind of credential, scopes and expiry. Where access is open, every request has the scope "read"."""
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
