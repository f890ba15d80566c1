"""Decides which requests are allowed.

Where access is closed, every request needs a credential, except for the endpoints listed here.
"""

import logging
from typing import Final

from flask import Response, g, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from access.grant import PUBLISH, READ, AccessDenied, Grant, require_scope
from api.access.client_address import address
from api.access.credentials import Credentials
from api.access.csrf import SAFE_METHODS, FormTokens
from api.access.rate_limit import RequestLimit
from api.access.sign_in_pages import sign_in_url
from api.counters import Counters
from api.problems import RequestRefused, answer_refused_request
from api.responses import wants_page
from contract.rest import Scope
from runtime.logs import RateLimitedLog

#: Endpoints without a credential. ``/readyz`` shows only its status to clients without a credential.
OPEN_ENDPOINTS: Final = frozenset(("static", "probes.livez", "probes.readyz", "sign_in.form", "sign_in.submit"))
#: Endpoints that need another scope than ``read``, and a token in every mode.
SCOPES: Final[dict[str, Scope]] = {"publish.publish": PUBLISH}
#: Endpoints that probes call too often for a rate limit.
UNLIMITED_ENDPOINTS: Final = frozenset(("probes.livez", "probes.readyz"))

_logger = logging.getLogger(__name__)


class AccessControl:
    """Decides about each request before any code reads data, and also about unknown paths and methods."""

    def __init__(
        self, is_closed: bool, credentials: Credentials, forms: FormTokens, limit: RequestLimit, counters: Counters
    ) -> None:
        self._is_closed = is_closed
        self._credentials = credentials
        self._forms = forms
        self._limit = limit
        self._counters = counters
        self._limited_log = RateLimitedLog(_logger)

    def admit(self) -> None:
        """Check this request and set ``g.grant``. A ``before_request`` function.

        Raises:
            AccessDenied: the request has no valid credential, or its credential lacks the scope.
            RequestRefused: the client exceeds its limit, or the form was not created here.
            DataUnavailable: the revocations are not known now.
        """
        g.grant = None
        endpoint = request.endpoint or ""
        if endpoint not in UNLIMITED_ENDPOINTS:
            self._limit.count_address()
        if endpoint in SCOPES:
            self._enter(self._credentials.by_token() if not self._is_closed else self._credentials.require())
        elif self._is_closed and endpoint not in OPEN_ENDPOINTS:
            self._enter(self._credentials.require())

    def is_identified(self) -> bool:
        """Return whether this request to an open endpoint may read details that need a credential."""
        if not self._is_closed:
            return True
        grant = self._credentials.find()
        return grant is not None and READ in grant.scopes

    def answer_denied(self, denied: AccessDenied) -> AnyResponse:
        """Answer a denied request. An error handler."""
        self._counters.refusals.labels(denied.code).inc()
        if request.endpoint in SCOPES:
            self._limited_log.warning(denied.code, "refused %r from %s: %s", request.path[:100], address(), denied.text)
        if denied.code == "forbidden":
            return answer_refused_request(RequestRefused(403, denied.text, denied.code, as_page=wants_page()))
        if wants_page():
            return redirect(sign_in_url(), 303)
        headers = {"WWW-Authenticate": "Bearer"}
        return answer_refused_request(RequestRefused(401, denied.text, denied.code, headers=headers, as_page=False))

    def make_private(self, response: Response) -> Response:
        """Keep a response out of shared caches. An ``after_request`` function."""
        if request.endpoint != "static":
            response.vary.add("Cookie")
            control = response.headers.get("Cache-Control", "no-cache")
            if "no-store" not in control and "private" not in control:
                response.headers["Cache-Control"] = f"private, {control}"
        return response

    def _enter(self, grant: Grant) -> None:
        require_scope(grant, SCOPES.get(request.endpoint or "", READ))
        self._limit.count_identity(grant)
        g.grant = grant
        # A browser adds cookies to requests of any page, and a proxy adds its header.
        if grant.by != "token" and request.method not in SAFE_METHODS:
            self._forms.require_valid_form(grant)
