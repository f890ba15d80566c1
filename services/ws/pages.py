"""What a replica answers over HTTP besides Socket.IO, and the guard before both."""

import base64
import logging
import math
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs

from contract.access.gatekeeper import Gatekeeper
from contract.access.grant import READ, Refused, require_scope
from contract.codec import encode
from contract.rest import Problem
from contract.runtime.logs import Occasionally
from contract.runtime.readiness import LIVE, Readiness
from ws.access.door import ORIGIN, Door, LimitReached
from ws.counters import CONTENT_TYPE, Metrics

#: Bytes of Sec-WebSocket-Key (RFC 6455, 4.1).
WEBSOCKET_KEY_BYTES: Final = 16

#: What only a proxy could say: it is looked at once, and by nobody after that.
_FORWARDED: Final = ("HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PROTO")
_PROBLEM: Final = "application/problem+json"
_TEXT: Final = "text/plain; charset=utf-8"
#: By status, what ``/readyz`` tells everybody.
_BARE: Final = {200: "ready\n", 503: "not ready\n"}
_WHAT: Final = "DispyCluster Live, a push replica: /socket.io/, /livez, /readyz, /metrics\n"

_logger = logging.getLogger(__name__)
_complaints: Final = Occasionally(_logger)

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


class Pages:
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
            return _answer(start_response, status, text if refused is None else _BARE[status])
        if refused is not None:
            status = 403 if refused.code == "forbidden" else 401
            return _refuse(start_response, status, refused.text, ("WWW-Authenticate", "Bearer"))
        match path:
            case "/metrics":
                return _answer(start_response, 200, self._metrics.text(), CONTENT_TYPE)
            case "/":
                return _answer(start_response, 200, _WHAT)
        return _answer(start_response, 404, "there is nothing here\n")

    def _refused(self, environ: Mapping[str, Any]) -> Refused | None:
        if not self._gatekeeper.settings.is_closed:
            return None
        try:
            require_scope(self._gatekeeper.by_bearer(environ.get("HTTP_AUTHORIZATION", "")), READ)
        except Refused as refused:
            return refused
        return None


class Guard:
    """Answers what Engine.IO would stumble over, counts what is refused, and lets no traceback out."""

    def __init__(
        self,
        app: Application,
        readiness: Readiness,
        door: Door,
        abandon: Callable[[Mapping[str, Any]], None],
    ) -> None:
        self._app = app
        self._readiness = readiness
        self._door = door
        self._counters = door.counters
        self._abandon = abandon

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request (WSGI)."""
        body = self._answer(environ, start_response)
        # What followed the head of an answer without a body would be taken for the next answer.
        return body if environ["REQUEST_METHOD"] != "HEAD" else ()

    def _answer(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        def start(status: str, *rest: Any) -> Any:
            if int(status.split(" ", 1)[0]) >= 400:
                self._counters.rejected_requests += 1
            return start_response(status, *rest)

        if _is_broken_upgrade(environ):
            return _answer(start, 400, "not an upgrade to a WebSocket of version 13\n")
        if self._readiness.is_draining and _begins_a_session(environ):
            # One that is sent elsewhere may ask here again, over the connection that it has.
            return _answer(start, 503, "draining\n")
        origin = environ[ORIGIN] = self._door.origin(environ)
        for name in _FORWARDED:
            environ.pop(name, None)
        if _begins_a_session(environ):
            try:
                self._door.require_room(origin)
            except LimitReached as reached:
                wait = ("Retry-After", str(math.ceil(reached.wait_seconds)))
                return _refuse(start, 429, reached.text, wait)
        try:
            return self._app(environ, start)
        except OSError:
            self._abandon(environ)
            raise  # the client is gone: the server sees to it
        except Exception as error:
            self._counters.handler_errors += 1
            _complaints.warning("request", "a request could not be answered: %.200r", error)
            self._abandon(environ)
            return _answer(start, 500, "")


def said_when_it_fails(app: Application) -> Application:
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


def _begins_a_session(environ: Mapping[str, Any]) -> bool:
    # As Engine.IO reads it: one that looks like a sid to us and not to Engine.IO would be counted by nobody.
    return environ["PATH_INFO"].startswith("/socket.io/") and "sid" not in parse_qs(environ.get("QUERY_STRING", ""))


def _is_broken_upgrade(environ: Mapping[str, Any]) -> bool:
    """Whether a request asks for a WebSocket in a way that eventlet or Engine.IO fail over."""
    if environ.get("HTTP_UPGRADE", "").lower() != "websocket":
        return False
    connection = [word.strip() for word in environ.get("HTTP_CONNECTION", "").lower().split(",")]
    try:
        key = base64.b64decode(environ.get("HTTP_SEC_WEBSOCKET_KEY", ""), validate=True)
    except ValueError:
        return True
    version = environ.get("HTTP_SEC_WEBSOCKET_VERSION")
    return "upgrade" not in connection or version != "13" or len(key) != WEBSOCKET_KEY_BYTES


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
    own = [("Content-Type", kind), ("Content-Length", str(len(body))), ("X-Content-Type-Options", "nosniff")]
    start_response(f"{status} {HTTPStatus(status).phrase}", [*own, *headers])
    return [body]
