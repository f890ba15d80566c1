"""The HTTP endpoints of a replica beside Socket.IO, and the checks of requests to both."""

import logging
import math
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

from access.gatekeeper import Gatekeeper
from access.grant import READ, AccessDenied, require_scope
from access.hosts import MISDIRECTED, MISDIRECTED_TEXT, AllowedHosts
from access.proxies import client_network
from contract.codec import encode
from contract.rest import Problem
from runtime.logs import RateLimitedLog
from runtime.quoting import cut, quoted
from runtime.readiness import LIVE, Readiness
from ws import engine_request
from ws.access.admission import CLIENT_ADDRESS, Admission
from ws.access.limits import LimitReached
from ws.allowed_origins import AllowedOrigins
from ws.counters import CONTENT_TYPE, Counters, Metrics
from ws.engine.handshake import require_whole_upgrade
from ws.loop import WAIT_FOR_SLOT
from ws.request_queue import RequestQueue

#: Headers of every answer. Browsers must not guess another content type.
_HEADERS: Final = (("X-Content-Type-Options", "nosniff"),)
#: Headers of every answer of Engine.IO. The answer must not be cached, and depends on the origin of the page. Elements
#: of a page of another origin must not load the answer; the scripts of allowed origins read it by CORS.
#: Source: https://fetch.spec.whatwg.org/#cross-origin-resource-policy-header
_ENGINE_HEADERS: Final = (
    *_HEADERS,
    ("Cache-Control", "no-store"),
    ("Vary", "Origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)

#: Headers of proxies. They are read once and then removed from the request.
_FORWARDED: Final = ("HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PROTO")
_PROBLEM_TYPE: Final = "application/problem+json"
_TEXT_TYPE: Final = "text/plain; charset=utf-8"
#: Methods that the log shows by name.
_METHODS: Final = frozenset(("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"))
#: Text of ``/readyz`` by status, for clients without a credential.
_STATUS_TEXTS: Final = {200: "ready\n", 404: "draining\n", 503: "not ready\n"}
_DESCRIPTION: Final = "DispyCluster Live, a ws replica: /socket.io/, /livez, /readyz, /metrics\n"

_logger = logging.getLogger(__name__)
_complaints: Final = RateLimitedLog(_logger)

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


class HttpEndpoints:
    """``/livez``, ``/readyz``, ``/metrics``, and a line of text on ``/``.

    If access is closed, ``/metrics`` and ``/`` need a credential that allows reading, and ``/readyz`` without such a
    credential answers only its status.
    """

    def __init__(self, readiness: Readiness, metrics: Metrics, gatekeeper: Gatekeeper) -> None:
        self._readiness = readiness
        self._metrics = metrics
        self._gatekeeper = gatekeeper

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request (WSGI)."""
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return _answer(start_response, 405, "the method must be GET or HEAD\n")
        path = environ["PATH_INFO"]
        if path == "/livez":
            return _answer(start_response, 200, LIVE)
        refused = self._refused(environ)
        if path == "/readyz":
            status, text = self._readiness.readyz()
            return _answer(start_response, status, text if refused is None else _STATUS_TEXTS[status])
        if refused is not None:
            status = 403 if refused.code == "forbidden" else 401
            return _refuse(start_response, status, refused.text, ("WWW-Authenticate", "Bearer"))
        match path:
            case "/metrics":
                return _answer(start_response, 200, self._metrics.text(), CONTENT_TYPE)
            case "/":
                return _answer(start_response, 200, _DESCRIPTION)
        return _answer(start_response, 404, "not found\n")

    def _refused(self, environ: Mapping[str, Any]) -> AccessDenied | None:
        if not self._gatekeeper.settings.is_closed:
            return None
        try:
            require_scope(self._gatekeeper.by_bearer(environ.get("HTTP_AUTHORIZATION", "")), READ)
        except AccessDenied as refused:
            return refused
        return None


class RequestGuard:
    """Answers requests that Engine.IO must not get, counts refusals, and turns exceptions into status 500."""

    def __init__(
        self,
        app: Application,
        takes_sessions: Callable[[], bool],
        admission: Admission,
        allowed_origins: AllowedOrigins,
    ) -> None:
        self._app = app
        self._takes_sessions = takes_sessions
        self._admission = admission
        self._allowed_origins = allowed_origins
        self._counters = admission.counters

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request (WSGI)."""
        body = self._answer(environ, start_response)
        # A client takes data after the answer to HEAD for the next answer.
        return body if environ["REQUEST_METHOD"] != "HEAD" else ()

    def _answer(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        is_for_engine = engine_request.is_for_engine(environ)

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            if int(status.split(" ", 1)[0]) >= 400:
                self._counters.rejected_requests += 1
            return start_response(status, [*headers, *(_ENGINE_HEADERS if is_for_engine else _HEADERS)], *rest)

        try:
            require_whole_upgrade(environ)
            begins_a_session = is_for_engine and self._read_engine_request(environ).sid is None
        except engine_request.InvalidRequest as error:
            return _answer(start, error.status, f"{error}\n", _TEXT_TYPE, *error.headers)
        if begins_a_session and not self._takes_sessions():
            # A disconnected client may reuse its HTTP connection to this replica.
            return _answer(start, 503, "draining\n")
        client_address = environ[CLIENT_ADDRESS] = self._admission.client_address(environ)
        if client_address.is_from_trusted_proxy and _was_encrypted(environ):
            environ["wsgi.url_scheme"] = "https"
        for name in _FORWARDED:
            environ.pop(name, None)
        if begins_a_session:
            try:
                self._admission.require_connection(client_address)
            except LimitReached as reached:
                wait = ("Retry-After", str(math.ceil(reached.wait_seconds)))
                return _refuse(start, 429, reached.text, wait)
        try:
            return self._app(environ, start)
        except OSError:
            raise  # the connection is lost: the server handles it
        except Exception as error:
            self._counters.handler_errors += 1
            _complaints.warning("request", "answering a request failed: %.200r", error)
            return _answer(start, 500, "")

    def _read_engine_request(self, environ: Environ) -> engine_request.EngineRequest:
        """Read a request to Engine.IO, after a check of its origin.

        Raises:
            InvalidRequest: the request is not valid, or its page may not connect.
        """
        if not self._allowed_origins(environ.get("HTTP_ORIGIN"), environ):
            raise engine_request.InvalidRequest("Not an accepted origin.")
        read = environ[engine_request.ENGINE_REQUEST] = engine_request.read_request(environ)
        return read


def log_errors(app: Application) -> Application:
    """Return ``app`` with its errors logged once a minute; the HTTP server does not log them."""

    def answer(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        try:
            return app(environ, start_response)
        except OSError:
            raise  # the connection is lost
        except Exception as error:
            _complaints.warning(
                "second address", "answering a request for %.200r failed: %.200r", environ.get("PATH_INFO"), error
            )
            raise

    return answer


def log_requests(app: Application) -> Application:
    """Return ``app`` with each request logged at the level DEBUG, without its query, which may contain secrets."""

    def answer(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path, peer = environ["PATH_INFO"], environ.get("REMOTE_ADDR", "")
        # A client may send any text as the method.
        method = environ["REQUEST_METHOD"] if environ["REQUEST_METHOD"] in _METHODS else "other"

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            fields = {"method": method, "path": cut(path), "status": int(status[:3]), "address": peer}
            _logger.debug("%s %s %s from %s", method, quoted(path), status[:3], peer, extra=fields)
            return start_response(status, headers, *rest)

        return app(environ, start)

    return answer


def require_own_host(app: Application, hosts: AllowedHosts, counters: Counters) -> Application:
    """Return ``app`` for requests to one of ``hosts``; other requests are refused."""

    def answer(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        host, path = environ.get("HTTP_HOST"), environ["PATH_INFO"]
        if hosts.allows(host, path, environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR", "")):
            return app(environ, start_response)
        counters.rejected_requests += 1
        _complaints.warning("host", "refused a request for the host %.120r; PUBLIC_URL sets the allowed host", host)
        body = _refuse(start_response, MISDIRECTED, MISDIRECTED_TEXT, *_HEADERS)
        return body if environ["REQUEST_METHOD"] != "HEAD" else ()

    return answer


def queue_requests(app: Application, admission: Admission, request_queue: RequestQueue) -> Application:
    """Return ``app`` with a request queue: each request and each batch of a body waits for a slot of its address."""

    def answer(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        client_address = environ[CLIENT_ADDRESS] = admission.client_address(environ)
        address = client_network(client_address.address)
        request_queue.wait(address)
        environ[WAIT_FOR_SLOT] = lambda: request_queue.wait(address)
        return app(environ, start_response)

    return answer


def _was_encrypted(environ: Mapping[str, Any]) -> bool:
    """Whether the last value of ``X-Forwarded-Proto``, which the trusted proxy wrote, is ``https``."""
    protocols: str = environ.get("HTTP_X_FORWARDED_PROTO", "")
    return protocols.rpartition(",")[2].strip().lower() == "https"


def _refuse(start_response: StartResponse, status: int, text: str, header: tuple[str, str]) -> list[bytes]:
    problem = Problem(title=HTTPStatus(status).phrase, status=status, detail=text)
    return _answer(start_response, status, encode(problem), _PROBLEM_TYPE, header)


def _answer(
    start_response: StartResponse,
    status: int,
    body: str | bytes,
    content_type: str = _TEXT_TYPE,
    *headers: tuple[str, str],
) -> list[bytes]:
    body = body.encode() if isinstance(body, str) else body
    own = [("Content-Type", content_type), ("Content-Length", str(len(body)))]
    start_response(f"{status} {HTTPStatus(status).phrase}", [*own, *headers])
    return [body]
