"""The Socket.IO server on the fast way."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import socketio

from ws.counters import Counters
from ws.endpoint import Endpoint, options
from ws.fast.codes import GOING_AWAY
from ws.fast.engine import Engine
from ws.fast.manager import Manager
from ws.fast.push import FastPush
from ws.fast.session import Session
from ws.origin import Origins

_SocketServer: Any = socketio.Server

#: Stands for the request that a connection began with: none of our handlers looks at it, and one would cost 5 KB.
_FORGOTTEN: Final[Mapping[str, Any]] = {}


class FastEndpoint(Endpoint):
    """See ``Endpoint``."""

    def __init__(self, origins: Origins, counters: Counters, slow_seconds: float) -> None:
        self._manager = Manager()
        server = _Server(
            client_manager=self._manager,
            counters=counters,
            slow_seconds=slow_seconds,
            **options(origins, counters),
        )
        self._engine: Engine = server.eio
        super().__init__(server, FastPush(self._engine, self._manager, counters))

    def start(self) -> None:
        """See ``Endpoint``."""
        self._engine.start()

    def abandon(self, environ: Mapping[str, Any]) -> None:
        """See ``Endpoint``."""

    def connected_clients(self) -> int:
        """See ``Endpoint``."""
        return len(self._engine.sockets)

    def websockets(self) -> int:
        """See ``Endpoint``."""
        return self._engine.websockets

    def clients_of(self, namespace: str) -> int:
        """See ``Endpoint``."""
        return self._manager.count(namespace)

    def backlog(self) -> tuple[int, int]:
        """See ``Endpoint``."""
        waiting = [session.waiting for session in self._engine.sockets.values() if session.is_behind]
        return len(waiting), sum(waiting)

    def settle(self) -> None:
        """See ``Endpoint``."""
        while self._engine.passing:
            time.sleep(0.02)

    def closers(self) -> Sequence[Callable[[], None]]:
        """See ``Endpoint``."""
        return [_closer(session) for session in self._engine.sockets.values()]


def _closer(session: Session) -> Callable[[], None]:
    return lambda: session.end("drain", GOING_AWAY, "drain")


class _Server(_SocketServer):  # type: ignore[misc]
    def _handle_eio_connect(self, eio_sid: str, environ: Mapping[str, Any]) -> None:
        super()._handle_eio_connect(eio_sid, _FORGOTTEN)

    def _engineio_server_class(self) -> type[Engine]:
        return Engine
