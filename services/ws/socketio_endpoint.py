"""The Socket.IO server: python-socketio, configured so that bad input of a client can only harm its own connection."""

import logging
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import socketio
from wsproto.frame_protocol import CloseReason

from contract.events import NAMESPACES, NODE_NAME_LIMIT, SUBSCRIPTION_NODES_LIMIT
from runtime.logs import RateLimitedLog
from ws import loop
from ws.access.admission import Admission
from ws.access.limits import Limits, Quota
from ws.access.server import AccessServer
from ws.allowed_origins import AllowedOrigins
from ws.config import Config
from ws.counters import Counters
from ws.engine.fan_out import FanOut, Manager
from ws.engine.server import Engine
from ws.engine.session import Session
from ws.event import Push
from ws.namespaces.namespace import Namespace
from ws.socketio_packet import Json, RawJson, SocketIOPacket

# The longest packet is a subscription to the most nodes allowed; JSON adds two quotes and a comma per name.
assert Limits.packet_bytes > SUBSCRIPTION_NODES_LIMIT * (NODE_NAME_LIMIT + 3)

#: Cookie by which a proxy sends all requests of a session to the same replica. No replica reads the cookie.
_SID_COOKIE: Final = {"name": "io", "path": "/socket.io/", "HttpOnly": True, "SameSite": "Lax"}

_logger = logging.getLogger(__name__)


class SocketIOEndpoint:
    """Serves ``/socket.io/``; the namespaces are added before the first client connects."""

    def __init__(self, admission: Admission, origins: AllowedOrigins, counters: Counters, config: Config) -> None:
        self._manager = Manager()
        self.server = _Server(
            client_manager=self._manager,
            async_mode=loop.ASYNC_MODE,
            # The requests of a client are answered one after the other, in at most one greenlet.
            async_handlers=False,
            serializer=SocketIOPacket,
            json=Json,
            logger=_SilentLogger(),
            engineio_logger=_PacketErrorLogger(counters),
            cookie=_SID_COOKIE,
            # The server sends CONNECT before the first events of the namespace.
            always_connect=True,
            cors_allowed_origins=origins,
            # If pages of any origin may connect, no page may use its visitor's cookies.
            cors_credentials=not origins.any_allowed,
            max_http_buffer_size=config.limits.packet_bytes,
            ping_interval=config.ping_interval_seconds,
            ping_timeout=config.ping_timeout_seconds,
            counters=counters,
            slow_seconds=config.slow_seconds,
        )
        self.server.admission = admission
        self._engine: Engine = self.server.eio
        self._engine.throttle = lambda sid, packets: self.server.throttle(sid, packets, NAMESPACES)
        self._engine.budgets = self.server.budgets
        self.push: Push = FanOut(self._engine, self._manager, counters)

    def add(self, namespace: Namespace) -> None:
        """Serve a namespace."""

        def connect(sid: str, environ: Mapping[str, Any], auth: Mapping[str, Any] | None = None) -> None:
            namespace.connected(sid, auth or {})

        def disconnect(sid: str, reason: str) -> None:
            namespace.disconnected(sid)

        def event(name: str, sid: str, *arguments: object) -> object:
            acknowledgement = namespace.handle(sid, name, arguments)
            return self.server.not_handled if acknowledgement is None else RawJson(acknowledgement)

        self.server.on("connect", connect, namespace=namespace.name)
        self.server.on("disconnect", disconnect, namespace=namespace.name)
        self.server.on("*", event, namespace=namespace.name)

    def quotas_of(self, sid: str, namespace: str) -> tuple[Quota, ...]:
        """Return the quotas that apply to this client of ``namespace``."""
        client = self.server.client(self.server.manager.eio_sid_from_sid(sid, namespace))
        return () if client is None else client.quotas

    def wsgi(self) -> Any:
        """Return the WSGI application; it answers 404 outside ``/socket.io/``."""
        return socketio.WSGIApp(self.server)

    def start(self) -> None:
        """Start the timers and the socket monitor."""
        self._engine.start()

    def close_connection(self, eio_sid: str, reason: str, text: str) -> None:
        """Close a connection; count ``reason``, and send ``text`` to a client on a WebSocket."""
        session = self._engine.sockets.get(eio_sid)
        if session is not None:
            session.end(reason, CloseReason.POLICY_VIOLATION, text)

    def connected_clients(self) -> int:
        """Return the number of Engine.IO connections."""
        return len(self._engine.sockets)

    def clients_by_transport(self) -> Mapping[str, int]:
        """Return the number of Engine.IO connections by transport."""
        websockets = self._engine.context.websockets
        return {"websocket": websockets, "polling": max(0, self.connected_clients() - websockets)}

    def clients_by_namespace(self) -> Mapping[str, int]:
        """Return the number of Socket.IO connections by namespace."""
        return {name: self._manager.count(name) for name in self.server.handlers}

    def backlog(self) -> tuple[int, int]:
        """Return the number of clients with unsent packets, and the number of these packets."""
        waiting = [session.waiting for session in self._engine.sockets.values() if session.is_behind]
        return len(waiting), sum(waiting)

    def wait_until_closed(self) -> None:
        """Wait until the closing handshakes of all connections have ended."""
        while self._engine.context.transient_sockets:
            time.sleep(0.02)

    def closers(self) -> Sequence[Callable[[], None]]:
        """Return a function for each connection that closes it so that its client reconnects."""
        return [_close_function(session) for session in self._engine.sockets.values()]


def _close_function(session: Session) -> Callable[[], None]:
    return lambda: session.end("drain", CloseReason.GOING_AWAY, "drain")


class _Server(AccessServer):
    engine_class = Engine


class _SilentLogger:
    """A logger that discards python-socketio's lines: there is a line for each packet and each client."""

    def info(self, text: str, *args: object) -> None:
        pass

    def warning(self, text: str, *args: object) -> None:
        pass

    def error(self, text: str, *args: object) -> None:
        pass


class _PacketErrorLogger(_SilentLogger):
    """The logger of Engine.IO: counts packets that fail, and logs them once a minute."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._complaints = RateLimitedLog(_logger)

    def exception(self, text: str, *args: object) -> None:
        """Count and log the exception that is being handled."""
        error = sys.exc_info()[1]
        self._counters.malformed_packets += 1
        self._complaints.warning("packet", "a client sent an invalid packet: %.200r", error)
