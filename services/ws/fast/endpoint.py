"""The Socket.IO server on the fast way."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from contract.events import NAMESPACES
from ws.access.door import Door
from ws.access.server import DoorServer
from ws.config import Config
from ws.counters import Counters
from ws.endpoint import Endpoint, options
from ws.fast.codes import GOING_AWAY, POLICY_VIOLATION
from ws.fast.engine import Engine
from ws.fast.manager import Manager
from ws.fast.push import FastPush
from ws.fast.session import Session
from ws.origin import Origins

#: Stands for the request that a connection began with: none of our handlers looks at it, and one would cost 5 KB.
_FORGOTTEN: Final[Mapping[str, Any]] = {}


class FastEndpoint(Endpoint):
    """See ``Endpoint``."""

    def __init__(self, door: Door, origins: Origins, counters: Counters, config: Config) -> None:
        self._manager = Manager()
        server = _Server(
            client_manager=self._manager,
            counters=counters,
            slow_seconds=config.slow_seconds,
            **options(origins, counters, config),
        )
        server.door = door
        self._engine: Engine = server.eio
        self._engine.throttle = lambda sid, packets: server.pause_seconds(sid, packets, NAMESPACES)
        self._engine.budgets = lambda session: server.budgets(session.sid)
        super().__init__(server, FastPush(self._engine, self._manager, counters))

    def start(self) -> None:
        """See ``Endpoint``."""
        self._engine.start()

    def abandon(self, environ: Mapping[str, Any]) -> None:
        """See ``Endpoint``."""

    def send_away(self, eio_sid: str, reason: str, text: str) -> None:
        """See ``Endpoint``."""
        session = self._engine.sockets.get(eio_sid)
        if session is not None:
            session.end(reason, POLICY_VIOLATION, text)

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


class _Server(DoorServer):
    def _kept(self, environ: Mapping[str, Any]) -> Mapping[str, Any]:
        return _FORGOTTEN

    def _engineio_server_class(self) -> type[Engine]:
        return Engine
