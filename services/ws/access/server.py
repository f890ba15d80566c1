"""python-socketio's server with admission.

The server checks access before it sends anything to a client, and limits before it handles a message.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import socketio

from access.grant import AccessDenied
from contract.codec import encode
from contract.events import ERROR, Error
from ws.access.admission import Admission, Client
from ws.access.limits import LimitReached
from ws.budget import Budget
from ws.request_queue import RequestQueue
from ws.socketio_packet import MalformedPacket, RawJson
from ws.socketio_private import SocketIOServer

#: Seconds between two warnings to a client that sends too many packets.
WARNING_SECONDS: Final = 1.0
#: A message counts as one more packet for each of this many characters.
PACKET_CHARACTERS: Final = 4096
#: Replaces the request that began a connection: our handlers do not read it, and it would take 5 KB per connection.
_EMPTY_ENVIRON: Final[Mapping[str, Any]] = {}
_NAMESPACE: Final = "/"
#: First character of a Socket.IO packet that requests a namespace.
_CONNECT: Final = "0"


class AccessServer(SocketIOServer):
    """A base class; its fields are set before the first client connects. Each connection has its ``client``."""

    admission: Admission
    request_queue: RequestQueue
    #: Called when a connection begins or ends.
    changed: Callable[[], None]

    def client(self, eio_sid: str) -> Client | None:
        """Return the client of a connection; ``None`` if the connection has ended."""
        socket = self.eio.sockets.get(eio_sid)
        return None if socket is None else socket.client

    def remove_from_namespace(self, eio_sid: str, namespace: str, refused: AccessDenied) -> None:
        """Send the reason and remove the client from a namespace; the client does not reconnect by itself."""
        sid = self.manager.sid_from_eio_sid(eio_sid, namespace)
        if sid is None:
            return
        self.admission.counters.refused[refused.code] += 1
        client = self.client(eio_sid)
        self._send_error(eio_sid, namespace, refused.code, refused.text)
        self.disconnect(sid, namespace=namespace)
        if client is not None:
            self.admission.leave(eio_sid, client, namespace)

    def throttle(self, eio_sid: str, packets: int, namespaces: Iterable[str]) -> float:
        """Count packets of a client; return the seconds for which the client must wait, and warn the client."""
        client = self.client(eio_sid)
        wait = 0.0 if client is None else self.admission.count_packets(client, packets)
        if not wait or client is None:
            return 0.0
        now = time.monotonic()
        if now - client.warned_at > WARNING_SECONDS:
            client.warned_at = now
            for namespace in namespaces:
                self._send_error(
                    eio_sid, namespace, "limit_exceeded", "You send packets too fast; the replica delays them."
                )
        return wait

    def budgets(self, eio_sid: str) -> tuple[Budget, ...]:
        """Return the budgets for the bytes that the replica keeps of the connection's messages."""
        client = self.client(eio_sid)
        return () if client is None else self.admission.budgets(client, is_admitted=self._is_connected(eio_sid))

    def _send_error(self, eio_sid: str, namespace: str, code: Any, text: str) -> None:
        if self.manager.sid_from_eio_sid(eio_sid, namespace) is not None:
            payload = RawJson(encode(Error(code=code, message=text)))
            event = self.packet_class(socketio.packet.EVENT, namespace=namespace, data=[ERROR, payload])
            self.send_packet(eio_sid, event)

    def handle_open(self, eio_sid: str, environ: Mapping[str, Any]) -> None:
        """See ``SocketIOServer``."""
        self.eio.sockets[eio_sid].client = self.admission.connection_opened(eio_sid, environ)
        super().handle_open(eio_sid, _EMPTY_ENVIRON)
        self.changed()

    def handle_message(self, eio_sid: str, data: Any) -> None:
        """See ``SocketIOServer``; lets other greenlets run while the client waits for a queue slot."""
        client = self.client(eio_sid)
        if client is not None:
            self.request_queue.wait(client.address.key)
        if eio_sid not in self.eio.sockets:
            return
        self.throttle(eio_sid, _packet_count(data), [_namespace_of(data)])
        try:
            if not data:
                raise MalformedPacket("an empty message")
            if not (str(data).startswith(_CONNECT) or self._is_connected(eio_sid)):
                raise MalformedPacket("the client is in no namespace")
            super().handle_message(eio_sid, data)
        except MalformedPacket:
            self.eio.disconnect(eio_sid)
            raise  # Engine.IO counts and logs it

    def _is_connected(self, eio_sid: str) -> bool:
        """Whether the connection is in any namespace."""
        return any(self.manager.sid_from_eio_sid(eio_sid, name) for name in self.handlers)

    def handle_connect(self, eio_sid: str, namespace: str | None, data: Any) -> None:
        """See ``SocketIOServer``; sends the reason to a client that may not join the namespace."""
        client = self.client(eio_sid)
        if client is None:
            return
        name = namespace or _NAMESPACE
        try:
            self.admission.admit(eio_sid, client, name, data)
        except (AccessDenied, LimitReached) as refusal:
            code = refusal.code if isinstance(refusal, AccessDenied) else "limit_exceeded"
            self.admission.counters.refused[code] += 1
            self._refuse(eio_sid, namespace, refusal.text, {"code": code, "message": refusal.text})
            return
        if name not in self.handlers:
            self._refuse(eio_sid, namespace, "Invalid namespace")
            self.admission.leave(eio_sid, client, name)
            return
        if self.manager.sid_from_eio_sid(eio_sid, name) is not None:
            self._refuse(eio_sid, namespace, "Already connected")
            return
        super().handle_connect(eio_sid, namespace, data)
        if self.manager.sid_from_eio_sid(eio_sid, name) is None:
            self.admission.leave(eio_sid, client, name)

    def _refuse(self, eio_sid: str, namespace: str | None, text: str, data: Mapping[str, str] | None = None) -> None:
        """Send CONNECT_ERROR; its payload is an object since protocol 5, and clients show its ``message``."""
        payload = {"message": text} if data is None else {"message": text, "data": data}
        self.send_packet(eio_sid, self.packet_class(socketio.packet.CONNECT_ERROR, data=payload, namespace=namespace))

    def handle_disconnect(self, eio_sid: str, namespace: str | None, reason: Any = None) -> None:
        """See ``SocketIOServer``."""
        super().handle_disconnect(eio_sid, namespace, reason)
        client = self.client(eio_sid)
        if client is not None:
            self.admission.leave(eio_sid, client, namespace or _NAMESPACE)

    def handle_close(self, eio_sid: str, reason: str) -> None:
        """See ``SocketIOServer``."""
        client = self.client(eio_sid)
        super().handle_close(eio_sid, reason)
        if client is not None:
            self.admission.connection_closed(eio_sid, client)
        self.changed()


def _packet_count(data: Any) -> int:
    """Return the number of packets that a message counts as."""
    return 1 + len(data or "") // PACKET_CHARACTERS


def _namespace_of(data: Any) -> str:
    """Return the namespace of an encoded Socket.IO packet."""
    if isinstance(data, str) and data[1:2] == "/":
        return data[1:].partition(",")[0]
    return _NAMESPACE
