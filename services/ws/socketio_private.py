"""The private names of python-socketio and python-engineio that the service uses, under public names.

No other module uses the private names. ``tests/test_private_names.py`` fails if an upgrade changes them.

A process imports this module before any other module that imports ``socketio``. The client classes of the library,
which no service uses, import aiohttp, requests and others if they are installed. This module hides these packages from
the library, which saves 15 MB of memory per replica.
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
    """python-engineio's server."""

    def trigger(self, event: str, *arguments: object) -> None:
        """Call the handler of ``event``: connect, message or disconnect; exceptions are logged."""
        self._trigger_event(event, *arguments, run_async=False)

    def sid_cookie(self, sid: str) -> str:
        """Return the value of ``Set-Cookie`` by which proxies find the session's replica."""
        cookie: str = self._generate_sid_cookie(sid, self.cookie)
        return cookie

    def cors_headers(self, environ: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Return the CORS headers of the answer."""
        headers: list[tuple[str, str]] = self._cors_headers(environ)
        return headers


class SocketIOServer(_SocketIOServer):  # type: ignore[misc]
    """python-socketio's server; subclasses override the methods with names that begin with ``handle``."""

    #: Class of the Engine.IO server.
    engine_class: type[EngineIOServer]

    def send_packet(self, eio_sid: str, packet: Any) -> None:
        """Send a Socket.IO packet over a connection."""
        self._send_packet(eio_sid, packet)

    def handle_open(self, eio_sid: str, environ: Mapping[str, Any]) -> None:
        """Handle a new connection."""
        super()._handle_eio_connect(eio_sid, environ)

    def handle_message(self, eio_sid: str, data: Any) -> None:
        """Handle a message of a connection, which is a Socket.IO packet."""
        super()._handle_eio_message(eio_sid, data)

    def handle_connect(self, eio_sid: str, namespace: str | None, data: Any) -> None:
        """Handle a client's request to join a namespace."""
        super()._handle_connect(eio_sid, namespace, data)

    def handle_disconnect(self, eio_sid: str, namespace: str | None, reason: Any = None) -> None:
        """Handle a client that leaves a namespace."""
        super()._handle_disconnect(eio_sid, namespace, reason)

    def handle_close(self, eio_sid: str, reason: str) -> None:
        """Handle the end of a connection; the library leaves its namespaces first."""
        super()._handle_eio_disconnect(eio_sid, reason)

    # -- overridden private methods of the library

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
