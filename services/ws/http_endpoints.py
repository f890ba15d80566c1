"""What a replica answers over HTTP besides Socket.IO, and the guard before both."""

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

#: Of every answer: browsers take it for nothing but what it says to be.
_HEADERS: Final = (("X-Content-Type-Options", "nosniff"),)
#: Of every answer of Engine.IO: none may be kept, and each depends on whose page asks. None is for an element of a page
#: of another origin; a script of one that is allowed reads it by CORS, which this leaves alone.
#: Source: https://fetch.spec.whatwg.org/#cross-origin-resource-policy-header
_ENGINE_HEADERS: Final = (
    *_HEADERS,
    ("Cache-Control", "no-store"),
    ("Vary", "Origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)

#: What only a proxy could say: it is looked at once, and by nobody after that.
_FORWARDED: Final = ("HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PROTO")
_PROBLEM: Final = "application/problem+json"
_TEXT: Final = "text/plain; charset=utf-8"
#: Those that the log names.
_METHODS: Final = frozenset(("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"))
#: By status, what ``/readyz`` tells everybody.
_STATUS_TEXTS: Final = {200: "ready\n", 404: "draining\n", 503: "not ready\n"}
_DESCRIPTION: Final = "DispyCluster Live, a push replica: /socket.io/, /livez, /readyz, /metrics\n"

_logger = logging.getLogger(__name__)
_complaints: Final = RateLimitedLog(_logger)

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


class HttpEndpoints:
    """``/livez``, ``/readyz``, ``/metrics``, and a line on ``/``.

    Where access is closed, all but the first two is for who may read, and ``/readyz`` says no more than its status.
    """

    def __init__(self, readiness: Readiness, metrics: Metrics, gatekeeper: Gatekeeper) -> None:
        self._readiness = readiness
        self._metrics = metrics
        self._gatekeeper = gatekeeper

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request (WSGI)."""
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return _answer(start_response, 405, "only GET\n")
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
        return _answer(start_response, 404, "there is nothing here\n")

    def _refused(self, environ: Mapping[str, Any]) -> AccessDenied | None:
        if not self._gatekeeper.settings.is_closed:
            return None
        try:
            require_scope(self._gatekeeper.by_bearer(environ.get("HTTP_AUTHORIZATION", "")), READ)
        except AccessDenied as refused:
            return refused
        return None


class RequestGuard:
    """Answers what Engine.IO would stumble over, counts what is refused, and lets no traceback out."""

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
        # What followed the head of an answer without a body would be taken for the next answer.
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
            return _answer(start, error.status, f"{error}\n", _TEXT, *error.headers)
        if begins_a_session and not self._takes_sessions():
            # One that is sent elsewhere may ask here again, over the connection that it has.
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
            raise  # the client is gone: the server sees to it
        except Exception as error:
            self._counters.handler_errors += 1
            _complaints.warning("request", "a request could not be answered: %.200r", error)
            return _answer(start, 500, "")

    def _read_engine_request(self, environ: Environ) -> engine_request.EngineRequest:
        """Read a request to Engine.IO, once its page is known to be allowed to send it.

        Raises:
            Unacceptable: it is none, or of a page that may not.
        """
        if not self._allowed_origins(environ.get("HTTP_ORIGIN"), environ):
            raise engine_request.InvalidRequest("Not an accepted origin.")
        read = environ[engine_request.ENGINE_REQUEST] = engine_request.read_request(environ)
        return read


def log_errors(app: Application) -> Application:
    """``app``, with its errors in the log, once a minute; eventlet's server would say nothing."""

    def answer(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        try:
            return app(environ, start_response)
        except OSError:
            raise  # the client is gone
        except Exception as error:
            _complaints.warning("front", "%.200r could not be answered: %.200r", environ.get("PATH_INFO"), error)
            raise

    return answer


def log_requests(app: Application) -> Application:
    """``app``, with a line of the log for each request, at the level DEBUG; its query may hold what is secret."""

    def answer(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path, peer = environ["PATH_INFO"], environ.get("REMOTE_ADDR", "")
        # Anything may stand there.
        method = environ["REQUEST_METHOD"] if environ["REQUEST_METHOD"] in _METHODS else "other"

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            fields = {"method": method, "path": cut(path), "status": int(status[:3]), "address": peer}
            _logger.debug("%s %s %s from %s", method, quoted(path), status[:3], peer, extra=fields)
            return start_response(status, headers, *rest)

        return app(environ, start)

    return answer


def require_own_host(app: Application, hosts: AllowedHosts, counters: Counters) -> Application:
    """``app``, for requests that are for one of ``hosts``."""

    def answer(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        host, path = environ.get("HTTP_HOST"), environ["PATH_INFO"]
        if hosts.allows(host, path, environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR", "")):
            return app(environ, start_response)
        counters.rejected_requests += 1
        _complaints.warning("host", "refused a request for the host %.120r; PUBLIC_URL sets our own", host)
        body = _refuse(start_response, MISDIRECTED, MISDIRECTED_TEXT, *_HEADERS)
        return body if environ["REQUEST_METHOD"] != "HEAD" else ()

    return answer


def queue_requests(app: Application, admission: Admission, request_queue: RequestQueue) -> Application:
    """``app``, for one request of an address after the other, each in a round of the loop; and so with long bodies."""

    def answer(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        client_address = environ[CLIENT_ADDRESS] = admission.client_address(environ)
        address = client_network(client_address.address)
        request_queue.wait(address)
        environ[WAIT_FOR_SLOT] = lambda: request_queue.wait(address)
        return app(environ, start_response)

    return answer


def _was_encrypted(environ: Mapping[str, Any]) -> bool:
    """Whether ``X-Forwarded-Proto`` says so; the last word is that of the proxy that is believed."""
    said: str = environ.get("HTTP_X_FORWARDED_PROTO", "")
    return said.rpartition(",")[2].strip().lower() == "https"


def _refuse(start_response: StartResponse, status: int, text: str, header: tuple[str, str]) -> list[bytes]:
    problem = Problem(title=HTTPStatus(status).phrase, status=status, detail=text)
    return _answer(start_response, status, encode(problem), _PROBLEM, header)


def _answer(
    start_response: StartResponse,
    status: int,
    body: str | bytes,
    kind: str = _TEXT,
    *headers: tuple[str, str],
) -> list[bytes]:
    body = body.encode() if isinstance(body, str) else body
    own = [("Content-Type", kind), ("Content-Length", str(len(body)))]
    start_response(f"{status} {HTTPStatus(status).phrase}", [*own, *headers])
    return [body]
