"""The Engine.IO server: our sessions and HTTP handling; python-engineio calls handlers, and makes ids and headers."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec
from wsproto.frame_protocol import CloseReason

from ws import loop
from ws.budget import Budget
from ws.counters import Counters
from ws.engine.ping_wheel import PingWheel
from ws.engine.polling import PollingTransport
from ws.engine.reader import ReaderPool
from ws.engine.request_handler import RequestHandler
from ws.engine.session import Session
from ws.engine.session_context import AnySession, SessionContext
from ws.event import EnginePacket
from ws.socketio_private import EngineIOServer

#: Seconds that a client has to send a message.
MESSAGE_SECONDS: Final = 30.0
#: Logged characters of a session's id. The whole id is a secret: it allows sending packets as the client.
SHOWN_ID_LENGTH: Final = 6

_logger = logging.getLogger(__name__)


class Engine(EngineIOServer):
    """The server of python-engineio with our sessions; implements ``Callbacks``."""

    def __init__(self, *args: Any, counters: Counters, slow_seconds: float, **options: Any) -> None:
        super().__init__(*args, monitor_clients=False, **options)
        self._slow_seconds: Final = slow_seconds
        #: See ``Callbacks``; both are set before the first client connects.
        self.throttle: Callable[[str, int], float] = lambda _sid, _packets: 0.0
        self.budgets: Callable[[str], tuple[Budget, ...]] = lambda _sid: ()
        self.context: Final = SessionContext(self, counters, ReaderPool(self.max_http_buffer_size))
        self._http: Final = RequestHandler(self, self.context)
        self._wheel: Final = PingWheel(interval_seconds=self.ping_interval, timeout_seconds=self.ping_timeout)

    def start(self) -> None:
        """Start the socket monitor and the clock."""
        loop.spawn("socket monitor", self.context.socket_monitor.run)
        loop.spawn("clock", self._tick)

    def message(self, sid: str, text: str) -> None:
        """Handle a message of a client; lets other greenlets run."""
        self.trigger("message", sid, text)

    def forget(self, session: AnySession, reason: str, *, was_websocket: bool) -> None:
        """Remove a session that has ended."""
        self.context.counters.closes[reason] += 1
        self.context.websockets -= was_websocket
        self._wheel.remove(session)
        self.context.backlogged.discard(session)
        self._log_connection(
            f"ended: {reason}", session.sid, "websocket" if was_websocket else "polling", reason=reason
        )
        self.trigger("disconnect", session.sid, reason)
        self.sockets.pop(session.sid, None)

    def disconnect(self, sid: str | None = None) -> None:
        """Close a session after a protocol violation of its client."""
        if sid in self.sockets:
            self.sockets[sid].end("malformed", CloseReason.PROTOCOL_ERROR, "")

    def handle_request(self, environ: Mapping[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request (WSGI)."""
        return self._http(environ, start_response)

    def begin(self, environ: Mapping[str, Any], polling: PollingTransport | None) -> tuple[Session, EnginePacket]:
        """Begin a session; return the session and its first packet."""
        session = Session(self.context, self.generate_id(), polling)
        self.sockets[session.sid] = session
        self._wheel.add(session)
        self.trigger("connect", session.sid, environ)
        self._log_connection("began", session.sid, "websocket" if polling is None else "polling")
        session.begin_backlog()
        opening = {
            "sid": session.sid,
            "upgrades": [] if polling is None else ["websocket"],
            "pingTimeout": self.ping_timeout * 1000,
            "pingInterval": self.ping_interval * 1000,
            "maxPayload": self.max_http_buffer_size,
        }
        return session, EnginePacket(b"0" + msgspec.json.encode(opening))

    def _tick(self) -> None:
        while True:
            time.sleep(1)
            self._wheel.advance()
            now = time.monotonic()
            for session in tuple(self.context.backlogged):
                if session.backlog is not None and now - session.backlog.since > self._slow_seconds:
                    session.end("slow", CloseReason.TRY_AGAIN_LATER, "slow")
            for message in tuple(self.context.partial_messages):
                if message.is_overdue(now, MESSAGE_SECONDS):
                    message.close_session()
            for transient_socket in tuple(self.context.transient_sockets):
                if now > transient_socket.deadline:
                    transient_socket.end()

    def _log_connection(self, event: str, sid: str, transport: str, **fields: str) -> None:
        """Log the beginning or the end of a connection at the level DEBUG."""
        if not _logger.isEnabledFor(logging.DEBUG):
            return
        session, shown = self.sockets.get(sid), sid[:SHOWN_ID_LENGTH]
        address = "?" if session is None or session.client is None else session.client.address.key
        fields |= {"connection": shown, "transport": transport, "address": address}
        _logger.debug("connection %s… (%s) of %s %s", shown, transport, address, event, extra=fields)
