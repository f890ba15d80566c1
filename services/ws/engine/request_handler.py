"""Engine.IO's HTTP requests: handshakes, polls, POSTs, and requests for a WebSocket."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final, Protocol

from wsproto.frame_protocol import CloseReason

from ws import loop
from ws.deflate import gzipped
from ws.engine import handshake, polling
from ws.engine.polling import PollingTransport, PostBody, SessionEnded
from ws.engine.reader import ProtocolViolation
from ws.engine.session import Session
from ws.engine.session_context import SessionContext
from ws.engine.upgrade import UpgradeProbe
from ws.engine_request import ENGINE_REQUEST, EngineRequest
from ws.event import EnginePacket

#: Bytes of the shortest answer that is compressed.
COMPRESSION_THRESHOLD_BYTES: Final = 1024

_TEXT: Final = ("Content-Type", "text/plain; charset=UTF-8")


class Sessions(Protocol):
    """The Engine.IO server, as far as the request handler uses it."""

    ping_timeout: int
    #: Sessions by id.
    sockets: dict[str, Session]

    def begin(self, environ: Mapping[str, Any], polling: PollingTransport | None) -> tuple[Session, EnginePacket]:
        """Begin a session; return the session and its first packet."""
        ...

    def sid_cookie(self, sid: str) -> str:
        """Return the value of ``Set-Cookie`` by which proxies find the session's replica."""
        ...

    def cors_headers(self, environ: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Return the CORS headers of the answer."""
        ...


class RequestHandler:
    """Answers requests that ``ws.engine_request`` has parsed (WSGI)."""

    def __init__(self, sessions: Sessions, context: SessionContext) -> None:
        self._sessions = sessions
        self._context = context

    def __call__(self, environ: Mapping[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request."""
        request: EngineRequest = environ[ENGINE_REQUEST]
        headers = self._sessions.cors_headers(environ)

        def answer(status: HTTPStatus, text: str) -> Iterable[bytes]:
            body = text.encode()
            start_response(_line(status), [_TEXT, ("Content-Length", str(len(body))), *headers])
            return [body]

        if request.method == "OPTIONS":
            return answer(HTTPStatus.OK, "ok")
        if request.sid is None:
            return self._begin(request, environ, start_response, headers)
        session = self._sessions.sockets.get(request.sid)
        if session is None or session.polling is None:
            return answer(HTTPStatus.BAD_REQUEST, "the session does not exist, or it uses a WebSocket")
        if request.transport == "websocket":
            greeting, compresses = handshake.answer(environ)
            fd = loop.detach_socket(environ)
            UpgradeProbe(self._context, session, fd, compresses, greeting, self._sessions.ping_timeout)
            return ()
        try:
            with session.polling.one_at_a_time(session, request):
                if request.method == "GET":
                    return self._poll(session, environ, start_response, headers)
                self._receive(session, environ)
                return answer(HTTPStatus.OK, "ok")
        except SessionEnded:
            return answer(HTTPStatus.BAD_REQUEST, "the session has ended")
        except ProtocolViolation as violation:
            self._context.counters.malformed_packets += 1
            session.end("malformed", None)
            is_long = violation.code == CloseReason.MESSAGE_TOO_BIG
            return answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE if is_long else HTTPStatus.BAD_REQUEST, violation.reason)

    def _begin(
        self, request: EngineRequest, environ: Mapping[str, Any], start_response: Any, headers: list[tuple[str, str]]
    ) -> Iterable[bytes]:
        if request.transport == "websocket":
            session, opening = self._sessions.begin(environ, None)
            greeting, compresses = handshake.answer(environ)
            session.open_websocket(loop.detach_socket(environ), compresses, greeting + opening.plain)
            return ()
        session, opening = self._sessions.begin(environ, PollingTransport(request.stamp))
        cookie = ("Set-Cookie", self._sessions.sid_cookie(session.sid))
        return self._write(session, opening.text, environ, start_response, [*headers, cookie])

    def _poll(
        self, session: Session, environ: Mapping[str, Any], start_response: Any, headers: list[tuple[str, str]]
    ) -> Iterable[bytes]:
        assert session.polling is not None
        packets = session.polling.take(session, loop.descriptor(environ), self._context.socket_monitor)
        return self._write(session, polling.encode(packets), environ, start_response, headers)

    def _write(
        self,
        session: Session,
        body: bytes,
        environ: Mapping[str, Any],
        start_response: Any,
        headers: list[tuple[str, str]],
    ) -> Iterable[bytes]:
        if len(body) >= COMPRESSION_THRESHOLD_BYTES and _takes_gzip(environ.get("HTTP_ACCEPT_ENCODING", "")):
            body = gzipped(body)
            headers = [*headers, ("Content-Encoding", "gzip")]
        write = start_response(_line(HTTPStatus.OK), [_TEXT, ("Content-Length", str(len(body))), *headers])
        try:
            write(body)
        except OSError:
            session.connection_lost()
            raise
        return ()

    def _receive(self, session: Session, environ: Mapping[str, Any]) -> None:
        assert session.polling is not None
        session.await_quota()
        with PostBody(self._context, session, session.polling, environ) as body:
            polling.receive(session, body.read())


def _line(status: HTTPStatus) -> str:
    return f"{status.value} {status.phrase}"


def _takes_gzip(accepted: str) -> bool:
    """Whether ``Accept-Encoding`` names gzip, and not with a weight of zero (RFC 9110, 12.5.3)."""
    for coding in accepted.split(","):
        name, _, weight = (part.strip().lower() for part in coding.partition(";"))
        if name == "gzip":
            return not (weight.startswith("q=0") and not weight[2:].strip("0."))
    return False
