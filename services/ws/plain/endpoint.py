"""python-socketio's server, its weak spots mended: what clients send can harm nothing but their own connection."""

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any, Final

import engineio

from ws.access.door import Door
from ws.access.server import DoorServer
from ws.config import Config
from ws.counters import Counters
from ws.endpoint import PACKETS_A_POLL, Endpoint, options
from ws.origin import Origins
from ws.plain.frames import Frames
from ws.plain.push import PlainPush
from ws.request import ENGINE_REQUEST

#: Bytes of packets that may wait for a client.
WAITING_LIMIT_BYTES: Final = 16 * 1024 * 1024
#: Packets that Engine.IO reads of one POST.
PACKETS_A_POST: Final = 100

_EngineServer: Any = engineio.Server
_EngineSocket: Any = engineio.socket.Socket


class PlainEndpoint(Endpoint):
    """See ``Endpoint``."""

    def __init__(self, door: Door, origins: Origins, counters: Counters, config: Config) -> None:
        engineio.payload.Payload.max_decode_packets = PACKETS_A_POST
        server = _Server(counters=counters, **options(origins, counters, config))
        server.door = door
        super().__init__(server, PlainPush(server, counters))
        self._frames = Frames(counters)
        # Engine.IO has no public place for another class of WebSockets.
        engine = server.eio
        websocket = self._frames.transport(engine._async["websocket"])
        engine._async = {**engine._async, "websocket": websocket}

    def start(self) -> None:
        """See ``Endpoint``."""

    def abandon(self, environ: Mapping[str, Any]) -> None:
        """See ``Endpoint``."""
        for sid, begun in tuple(self.server.environ.items()):
            if begun is environ and sid in self.server.eio.sockets:
                self.server.eio.sockets[sid].close(wait=False, abort=True)

    def send_away(self, eio_sid: str, reason: str, text: str) -> None:
        """See ``Endpoint``."""
        socket = self.server.eio.sockets.get(eio_sid)
        if socket is not None:
            socket.close(wait=False, abort=True, reason=reason)

    def connected_clients(self) -> int:
        """See ``Endpoint``."""
        return sum(1 for socket in self.server.eio.sockets.values() if not socket.closed)

    def websockets(self) -> int:
        """See ``Endpoint``."""
        return len(self._frames)

    def clients_of(self, namespace: str) -> int:
        """See ``Endpoint``."""
        return len(self.server.manager.rooms.get(namespace, {}).get(None, ()))

    def backlog(self) -> tuple[int, int]:
        """See ``Endpoint``."""
        waiting = [socket.queue.qsize() for socket in self.server.eio.sockets.values()]
        return sum(map(bool, waiting)), sum(waiting)

    def settle(self) -> None:
        """See ``Endpoint``."""

    def closers(self) -> Sequence[Callable[[], None]]:
        """See ``Endpoint``."""
        return self._frames.closers()


class _Engine(_EngineServer):  # type: ignore[misc]
    def handle_request(self, environ: MutableMapping[str, Any], start_response: Any) -> Any:
        """Answer a request (WSGI); Engine.IO's own fails over a session that has just ended."""
        sid = environ[ENGINE_REQUEST].sid
        if sid in self.sockets and self.sockets[sid].closed:
            del self.sockets[sid]
        # eventlet would inflate each message whole, whoever sent it.
        environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)
        return super().handle_request(environ, start_response)

    def disconnect(self, sid: str | None = None) -> None:
        """Close a connection that sent what it may not.

        Engine.IO's own would wait until the client has fetched all that was sent to it, which it need not ever do.
        """
        if sid in self.sockets:
            self.sockets[sid].close(wait=False, reason=self.reason.SERVER_DISCONNECT)


class _Socket(_EngineSocket):  # type: ignore[misc]
    #: Packets that the last poll left.
    _left: Sequence[Any] = ()
    _waiting_bytes = 0

    def send(self, packet: Any) -> None:
        """Let a packet wait for the client; one for whom too much waits is sent away."""
        if self._waiting_bytes > WAITING_LIMIT_BYTES:
            while not self.queue.empty():
                self.queue.get(block=False)
            self.close(wait=False, abort=True, reason="slow")
            return
        self._waiting_bytes += _bytes(packet)
        super().send(packet)

    def poll(self) -> Sequence[Any]:
        """Wait for packets to send; return the first of them."""
        packets = self._left
        if not packets:
            packets = super().poll()
            self._waiting_bytes -= sum(map(_bytes, packets))
        self._left = packets[PACKETS_A_POLL:]
        return packets[:PACKETS_A_POLL]


def _bytes(packet: Any) -> int:
    return len(packet.data) if isinstance(packet.data, str) else 0


class _Server(DoorServer):
    def __init__(self, *, counters: Counters, **options: Any) -> None:
        super().__init__(**options)
        self._counters = counters

    def _handle_eio_connect(self, eio_sid: str, environ: Mapping[str, Any]) -> None:
        # Engine.IO has no public place for another class of connections either.
        self.eio.sockets[eio_sid].__class__ = _Socket
        super()._handle_eio_connect(eio_sid, environ)

    def _handle_eio_disconnect(self, eio_sid: str, reason: str) -> None:
        self._counters.closes[reason] += 1
        super()._handle_eio_disconnect(eio_sid, reason)

    def _engineio_server_class(self) -> type[_Engine]:
        return _Engine
