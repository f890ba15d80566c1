"""python-socketio's server with a door: who it is, before anything is sent; how much, before anything is handled."""

import time
from collections.abc import Iterable, Mapping
from typing import Any, Final

import socketio

from contract.access.grant import Refused
from contract.codec import encode
from contract.events import ERROR, Error
from ws.access.client import Client
from ws.access.door import Door, LimitReached
from ws.payload import Raw

#: Seconds between two words to a client that sends too much.
TOLD_SECONDS: Final = 1.0
_NAMESPACE: Final = "/"

_SocketServer: Any = socketio.Server


class DoorServer(_SocketServer):  # type: ignore[misc]
    """To be derived from; ``door`` is set before the first client comes. Each connection carries its ``client``."""

    door: Door

    def client(self, eio_sid: str) -> Client | None:
        """What is known of a connection; ``None`` where it has ended."""
        socket = self.eio.sockets.get(eio_sid)
        return None if socket is None else socket.client

    def dismiss(self, eio_sid: str, namespace: str, refused: Refused) -> None:
        """Say why, and let the client go from a namespace; it does not come back by itself."""
        sid = self.manager.sid_from_eio_sid(eio_sid, namespace)
        if sid is None:
            return
        self.door.counters.refused[refused.code] += 1
        client = self.client(eio_sid)
        self._say(eio_sid, namespace, refused.code, refused.text)
        self.disconnect(sid, namespace=namespace)
        if client is not None:
            self.door.leave(eio_sid, client, namespace)

    def pause_seconds(self, eio_sid: str, packets: int, namespaces: Iterable[str]) -> float:
        """Count packets of a client; return for how long nothing shall be done for it, which it is told."""
        client = self.client(eio_sid)
        wait = 0.0 if client is None else self.door.wait_seconds(client, packets)
        if not wait or client is None:
            return 0.0
        now = time.monotonic()
        if now - client.told > TOLD_SECONDS:
            client.told = now
            for namespace in namespaces:
                self._say(eio_sid, namespace, "limit_exceeded", "You send more packets than you may; they wait.")
        return wait

    def _say(self, eio_sid: str, namespace: str, code: Any, text: str) -> None:
        if self.manager.sid_from_eio_sid(eio_sid, namespace) is not None:
            payload = Raw(encode(Error(code=code, message=text)))
            event = self.packet_class(socketio.packet.EVENT, namespace=namespace, data=[ERROR, payload])
            self._send_packet(eio_sid, event)

    def _handle_eio_connect(self, eio_sid: str, environ: Mapping[str, Any]) -> None:
        self.eio.sockets[eio_sid].client = self.door.arrive(eio_sid, environ)
        super()._handle_eio_connect(eio_sid, self._kept(environ))

    def _kept(self, environ: Mapping[str, Any]) -> Mapping[str, Any]:
        """What is kept of the request that a connection began with."""
        return environ

    def _handle_eio_message(self, eio_sid: str, data: Any) -> None:
        pause = self.pause_seconds(eio_sid, 1, [_namespace_of(data)])
        if pause:
            time.sleep(pause)
        if eio_sid in self.eio.sockets:
            super()._handle_eio_message(eio_sid, data)

    def _handle_connect(self, eio_sid: str, namespace: str | None, data: Any) -> None:
        client = self.client(eio_sid)
        if client is None:
            return
        name = namespace or _NAMESPACE
        try:
            self.door.admit(eio_sid, client, name, data)
        except (Refused, LimitReached) as refusal:
            code = refusal.code if isinstance(refusal, Refused) else "limit_exceeded"
            self.door.counters.refused[code] += 1
            reason = {"message": refusal.text, "data": {"code": code, "message": refusal.text}}
            self._send_packet(
                eio_sid, self.packet_class(socketio.packet.CONNECT_ERROR, data=reason, namespace=namespace)
            )
            return
        super()._handle_connect(eio_sid, namespace, data)
        if self.manager.sid_from_eio_sid(eio_sid, name) is None:
            self.door.leave(eio_sid, client, name)

    def _handle_disconnect(self, eio_sid: str, namespace: str | None, reason: Any = None) -> None:
        super()._handle_disconnect(eio_sid, namespace, reason)
        client = self.client(eio_sid)
        if client is not None:
            self.door.leave(eio_sid, client, namespace or _NAMESPACE)

    def _handle_eio_disconnect(self, eio_sid: str, reason: str) -> None:
        client = self.client(eio_sid)
        super()._handle_eio_disconnect(eio_sid, reason)
        if client is not None:
            self.door.gone(eio_sid, client)


def _namespace_of(data: Any) -> str:
    """The namespace of a packet as it came."""
    if isinstance(data, str) and data[1:2] == "/":
        return data[1:].partition(",")[0]
    return _NAMESPACE
