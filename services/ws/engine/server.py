"""Engine.IO's server: sessions and HTTP are ours; python-engineio calls the handlers, and makes ids and headers."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec
from wsproto.frame_protocol import CloseReason

from ws import loop
from ws.budget import Budget
from ws.counters import Counters
from ws.engine.http import Http
from ws.engine.ping_wheel import PingWheel
from ws.engine.polling import Polls
from ws.engine.reader import Readers
from ws.engine.session import Session
from ws.engine.shared import AnySession, Shared
from ws.event import Packet
from ws.socketio_names import EngineServer

#: Seconds that a client may take to send a message.
MESSAGE_SECONDS: Final = 30.0
#: Characters of a session's id that are logged: whoever knows all of them can speak for the client.
SHOWN_ID_LENGTH: Final = 6

_logger = logging.getLogger(__name__)


class Engine(EngineServer):
    """Engine.IO's own, with what its sessions share; it is their ``Callbacks``."""

    def __init__(self, *args: Any, counters: Counters, slow_seconds: float, **options: Any) -> None:
        super().__init__(*args, monitor_clients=False, **options)
        self._slow_seconds: Final = slow_seconds
        #: See ``Callbacks``; both are set before the first client comes.
        self.throttle: Callable[[str, int], float] = lambda _sid, _packets: 0.0
        self.budgets: Callable[[str], tuple[Budget, ...]] = lambda _sid: ()
        self.shared: Final = Shared(self, counters, Readers(self.max_http_buffer_size))
        self._http: Final = Http(self, self.shared)
        self._wheel: Final = PingWheel(interval_seconds=self.ping_interval, timeout_seconds=self.ping_timeout)

    def start(self) -> None:
        """Begin to serve."""
        loop.spawn("poller", self.shared.poller.run)
        loop.spawn("clock", self._tick)

    def message(self, sid: str, text: str) -> None:
        """Handle a message of a client; lets other greenlets run."""
        self.trigger("message", sid, text)

    def forget(self, session: AnySession, reason: str, *, was_websocket: bool) -> None:
        """The session has ended."""
        self.shared.counters.closes[reason] += 1
        self.shared.websockets -= was_websocket
        self._wheel.remove(session)
        self.shared.behind.discard(session)
        self._tell(f"ended: {reason}", session.sid, "websocket" if was_websocket else "polling", reason=reason)
        self.trigger("disconnect", session.sid, reason)
        self.sockets.pop(session.sid, None)

    def disconnect(self, sid: str | None = None) -> None:
        """Close a session that sent what it may not."""
        if sid in self.sockets:
            self.sockets[sid].end("malformed", CloseReason.PROTOCOL_ERROR, "")

    def handle_request(self, environ: Mapping[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request (WSGI)."""
        return self._http(environ, start_response)

    def begin(self, environ: Mapping[str, Any], polls: Polls | None) -> tuple[Session, Packet]:
        """Begin a session that a request asked for; return it, and its first packet."""
        session = Session(self.shared, self.generate_id(), polls)
        self.sockets[session.sid] = session
        self._wheel.add(session)
        self.trigger("connect", session.sid, environ)
        self._tell("began", session.sid, "websocket" if polls is None else "polling")
        session.begin()
        opening = {
            "sid": session.sid,
            "upgrades": [] if polls is None else ["websocket"],
            "pingTimeout": self.ping_timeout * 1000,
            "pingInterval": self.ping_interval * 1000,
            "maxPayload": self.max_http_buffer_size,
        }
        return session, Packet(b"0" + msgspec.json.encode(opening))

    def _tick(self) -> None:
        while True:
            time.sleep(1)
            self._wheel.turn()
            now = time.monotonic()
            for session in tuple(self.shared.behind):
                if session.backlog is not None and now - session.backlog.since > self._slow_seconds:
                    session.end("slow", CloseReason.TRY_AGAIN_LATER, "slow")
            for inbox in tuple(self.shared.amid):
                if inbox.is_late(now, MESSAGE_SECONDS):
                    inbox.send_away()
            for passing in tuple(self.shared.passing):
                if now > passing.deadline:
                    passing.end()

    def _tell(self, what: str, sid: str, transport: str, **fields: str) -> None:
        """Log the beginning or the end of a connection, where that is asked for."""
        if not _logger.isEnabledFor(logging.DEBUG):
            return
        session, shown = self.sockets.get(sid), sid[:SHOWN_ID_LENGTH]
        address = "?" if session is None or session.client is None else session.client.address.key
        fields |= {"connection": shown, "transport": transport, "address": address}
        _logger.debug("connection %s… (%s) of %s %s", shown, transport, address, what, extra=fields)
