"""What a replica answers over HTTP besides Socket.IO, and the guard before both."""

import base64
import logging
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

from contract.runtime.logs import Occasionally
from contract.runtime.readiness import LIVE, Readiness
from ws.counters import CONTENT_TYPE, Counters, Metrics

#: Bytes of Sec-WebSocket-Key (RFC 6455, 4.1).
WEBSOCKET_KEY_BYTES: Final = 16

_TEXT: Final = "text/plain; charset=utf-8"
_WHAT: Final = "DispyCluster Live, a push replica: /socket.io/, /livez, /readyz, /metrics\n"

_logger = logging.getLogger(__name__)
_complaints: Final = Occasionally(_logger)

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


class Pages:
    """``/livez``, ``/readyz``, ``/metrics``, and a line on ``/``."""

    def __init__(self, readiness: Readiness, metrics: Metrics) -> None:
        self._readiness = readiness
        self._metrics = metrics

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request (WSGI)."""
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return _answer(start_response, 405, "only GET\n")
        match environ["PATH_INFO"]:
            case "/livez":
                return _answer(start_response, 200, LIVE)
            case "/readyz":
                return _answer(start_response, *self._readiness.readyz())
            case "/metrics":
                return _answer(start_response, 200, self._metrics.text(), CONTENT_TYPE)
            case "/":
                return _answer(start_response, 200, _WHAT)
        return _answer(start_response, 404, "there is nothing here\n")


class Guard:
    """Answers what Engine.IO would stumble over, counts what is refused, and lets no traceback out."""

    def __init__(
        self,
        app: Application,
        readiness: Readiness,
        counters: Counters,
        abandon: Callable[[Mapping[str, Any]], None],
    ) -> None:
        self._app = app
        self._readiness = readiness
        self._counters = counters
        self._abandon = abandon

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request (WSGI)."""

        def start(status: str, *rest: Any) -> Any:
            if int(status.split(" ", 1)[0]) >= 400:
                self._counters.rejected_requests += 1
            return start_response(status, *rest)

        if _is_broken_upgrade(environ):
            return _answer(start, 400, "not an upgrade to a WebSocket of version 13\n")
        if self._readiness.is_draining and _begins_a_session(environ):
            # One that is sent elsewhere may ask here again, over the connection that it has.
            return _answer(start, 503, "draining\n")
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
    return environ["PATH_INFO"].startswith("/socket.io/") and "sid=" not in environ.get("QUERY_STRING", "")


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


def _answer(start_response: StartResponse, status: int, body: str | bytes, kind: str = _TEXT) -> list[bytes]:
    body = body.encode() if isinstance(body, str) else body
    start_response(
        f"{status} {HTTPStatus(status).phrase}", [("Content-Type", kind), ("Content-Length", str(len(body)))]
    )
    return [body]
