"""The Socket.IO server: python-socketio, set up so that what clients send can harm nothing but their own connection."""

import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import engineio
import socketio

from contract.events import SUBSCRIPTION_NODES_LIMIT
from contract.runtime.logs import Occasionally
from ws import payload
from ws.counters import Counters
from ws.frames import Frames
from ws.namespaces.namespace import Namespace
from ws.origin import Origins
from ws.packet import Packet
from ws.payload import Raw

#: Bytes of a node's name in a subscription: a DNS name, a port, and JSON's quotes and comma.
_NAME_BYTES: Final = 253 + 6 + 3
#: Bytes of the longest packet that a client may send: a subscription to as many nodes as one may name.
PACKET_LIMIT_BYTES: Final = 512 * 1024
assert SUBSCRIPTION_NODES_LIMIT * _NAME_BYTES < PACKET_LIMIT_BYTES

#: Packets in one answer to a polling client; python-engineio's clients give up on more.
PACKETS_A_POLL: Final = 16
#: Packets in one POST of a polling client; those in JavaScript send all they have.
PACKETS_A_POST: Final = 100

PING_INTERVAL_SECONDS: Final = 25
PING_TIMEOUT_SECONDS: Final = 20

#: Tells a proxy before several replicas which one a sid lives on; no replica reads it, and clients may drop it.
_SID_COOKIE: Final = {"name": "io", "path": "/socket.io/", "HttpOnly": True, "SameSite": "Lax"}

_logger = logging.getLogger(__name__)


_EngineServer: Any = engineio.Server
_EngineSocket: Any = engineio.socket.Socket
_SocketServer: Any = socketio.Server


class Endpoint:
    """Serves ``/socket.io/``; the namespaces are added before the first client comes."""

    def __init__(self, origins: Origins, counters: Counters) -> None:
        self._counters = counters
        self._frames = Frames(counters)
        self.server = _Server(
            async_mode="eventlet",
            serializer=Packet,
            json=payload,
            logger=_Silence(),
            engineio_logger=_Complaints(counters),
            cookie=_SID_COOKIE,
            # CONNECT goes out before what the namespaces send at once.
            always_connect=True,
            cors_allowed_origins=origins,
            # Where any page may connect, none shall do so with the cookies of its visitor.
            cors_credentials=not origins.any_allowed,
            max_http_buffer_size=PACKET_LIMIT_BYTES,
            ping_interval=PING_INTERVAL_SECONDS,
            ping_timeout=PING_TIMEOUT_SECONDS,
        )
        # Engine.IO has no public place for another class of WebSockets.
        engine = self.server.eio
        engineio.payload.Payload.max_decode_packets = PACKETS_A_POST
        websocket = self._frames.transport(engine._async["websocket"])
        engine._async = {**engine._async, "websocket": websocket}

    def add(self, namespace: Namespace) -> None:
        """Serve a namespace."""

        def connect(sid: str, environ: Mapping[str, Any], auth: Mapping[str, Any] | None = None) -> None:
            namespace.connected(sid, auth or {})

        def disconnect(sid: str, reason: str) -> None:
            namespace.disconnected(sid)

        def event(name: str, sid: str, *arguments: object) -> object:
            acknowledgement = namespace.handle(sid, name, arguments)
            return self.server.not_handled if acknowledgement is None else Raw(acknowledgement)

        self.server.on("connect", connect, namespace=namespace.name)
        self.server.on("disconnect", disconnect, namespace=namespace.name)
        self.server.on("*", event, namespace=namespace.name)

    def wsgi(self) -> Any:
        """The WSGI application; it answers 404 outside ``/socket.io/``."""
        return socketio.WSGIApp(self.server)

    def abandon(self, environ: Mapping[str, Any]) -> None:
        """Forget the connection that a request began, if its answer failed."""
        for sid, begun in tuple(self.server.environ.items()):
            if begun is environ and sid in self.server.eio.sockets:
                self.server.eio.sockets[sid].close(wait=False, abort=True)

    def connected_clients(self) -> int:
        """Engine.IO connections."""
        return sum(1 for socket in self.server.eio.sockets.values() if not socket.closed)

    def clients_by_transport(self) -> Mapping[str, int]:
        """Engine.IO connections."""
        websockets = len(self._frames)
        return {"websocket": websockets, "polling": max(0, self.connected_clients() - websockets)}

    def clients_by_namespace(self) -> Mapping[str, int]:
        """Socket.IO connections."""
        rooms = self.server.manager.rooms
        return {name: len(rooms.get(name, {}).get(None, ())) for name in self.server.handlers}

    def closers(self) -> Sequence[Callable[[], None]]:
        """One function a WebSocket, which closes it so that its client connects again."""
        return self._frames.closers()


class _Engine(_EngineServer):  # type: ignore[misc]
    def disconnect(self, sid: str | None = None) -> None:
        """Close a connection that sent what it may not.

        Engine.IO's own would wait until the client has fetched all that was sent to it, which it need not ever do.
        """
        if sid in self.sockets:
            self.sockets[sid].close(wait=False, reason=self.reason.SERVER_DISCONNECT)


class _Socket(_EngineSocket):  # type: ignore[misc]
    #: Packets that the last poll left.
    _left: Sequence[Any] = ()

    def poll(self) -> Sequence[Any]:
        """Wait for packets to send; return the first of them."""
        packets = self._left or super().poll()
        self._left = packets[PACKETS_A_POLL:]
        return packets[:PACKETS_A_POLL]


class _Server(_SocketServer):  # type: ignore[misc]
    def _handle_eio_connect(self, eio_sid: str, environ: Mapping[str, Any]) -> None:
        # Engine.IO has no public place for another class of connections either.
        self.eio.sockets[eio_sid].__class__ = _Socket
        super()._handle_eio_connect(eio_sid, environ)

    def _engineio_server_class(self) -> type[_Engine]:
        return _Engine


class _Silence:
    """A logger of python-socketio, which writes a line a packet and another a client."""

    def info(self, text: str, *args: object) -> None:
        pass

    def warning(self, text: str, *args: object) -> None:
        pass

    def error(self, text: str, *args: object) -> None:
        pass


class _Complaints(_Silence):
    """The logger of Engine.IO: what a client's packets break is counted and said once a minute."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._complaints = Occasionally(_logger)

    def exception(self, text: str, *args: object) -> None:
        """Note the exception that is being handled."""
        error = sys.exc_info()[1]
        self._counters.malformed_packets += 1
        self._complaints.warning("packet", "a client sent what cannot be read: %.200r", error)
