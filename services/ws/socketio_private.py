"""What the service uses of python-socketio and python-engineio that is private there, under names of its own.

No other module names it. ``tests/test_private_names.py`` notices when an upgrade changes what stands behind.

A process imports this module before any other that imports ``socketio``. The clients of the library, which no service
uses, import what of aiohttp, requests and so on is installed, as it is where the services share a virtual environment;
hidden from them, a replica is 15 MB smaller.
"""

import sys
from collections.abc import Mapping
from typing import Any, Final

_CLIENT_LIBRARIES: Final = ("aiohttp", "requests", "simple_websocket", "tornado", "valkey", "websocket")

_hidden = [name for name in _CLIENT_LIBRARIES if name not in sys.modules]
for _name in _hidden:
    sys.modules[_name] = None  # type: ignore[assignment]
try:
    import engineio
    import socketio
finally:
    for _name in _hidden:
        del sys.modules[_name]

_EngineIOServer: Final[Any] = engineio.Server
_SocketIOServer: Final[Any] = socketio.Server


class EngineIOServer(_EngineIOServer):  # type: ignore[misc]
    """Engine.IO's server."""

    def trigger(self, event: str, *arguments: object) -> None:
        """Call the handler of ``event``: connect, message or disconnect; what it raises goes to the log."""
        self._trigger_event(event, *arguments, run_async=False)

    def sid_cookie(self, sid: str) -> str:
        """The value of ``Set-Cookie`` that names a session's replica to proxies."""
        cookie: str = self._generate_sid_cookie(sid, self.cookie)
        return cookie

    def cors_headers(self, environ: Mapping[str, Any]) -> list[tuple[str, str]]:
        """The headers by which a browser lets a page of another origin read the answer."""
        headers: list[tuple[str, str]] = self._cors_headers(environ)
        return headers


class SocketIOServer(_SocketIOServer):  # type: ignore[misc]
    """Socket.IO's server; the methods whose names begin with ``handle`` are there to be derived from."""

    #: Of its Engine.IO server.
    engine_class: type[EngineIOServer]

    def send_packet(self, eio_sid: str, packet: Any) -> None:
        """Send a Socket.IO packet over a connection."""
        self._send_packet(eio_sid, packet)

    def handle_open(self, eio_sid: str, environ: Mapping[str, Any]) -> None:
        """A connection has begun."""
        super()._handle_eio_connect(eio_sid, environ)

    def handle_message(self, eio_sid: str, data: Any) -> None:
        """A connection has brought a message, which is a Socket.IO packet."""
        super()._handle_eio_message(eio_sid, data)

    def handle_connect(self, eio_sid: str, namespace: str | None, data: Any) -> None:
        """A client asks for a namespace."""
        super()._handle_connect(eio_sid, namespace, data)

    def handle_disconnect(self, eio_sid: str, namespace: str | None, reason: Any = None) -> None:
        """A client leaves a namespace."""
        super()._handle_disconnect(eio_sid, namespace, reason)

    def handle_close(self, eio_sid: str, reason: str) -> None:
        """A connection has ended; its namespaces are left first."""
        super()._handle_eio_disconnect(eio_sid, reason)

    # -- as the library calls them

    def _engineio_server_class(self) -> type[EngineIOServer]:
        return self.engine_class

    def _handle_eio_connect(self, eio_sid: str, environ: Mapping[str, Any]) -> None:
        self.handle_open(eio_sid, environ)

    def _handle_eio_message(self, eio_sid: str, data: Any) -> None:
        self.handle_message(eio_sid, data)

    def _handle_connect(self, eio_sid: str, namespace: str | None, data: Any) -> None:
        self.handle_connect(eio_sid, namespace, data)

    def _handle_disconnect(self, eio_sid: str, namespace: str | None, reason: Any = None) -> None:
        self.handle_disconnect(eio_sid, namespace, reason)

    def _handle_eio_disconnect(self, eio_sid: str, reason: str) -> None:
        self.handle_close(eio_sid, reason)
