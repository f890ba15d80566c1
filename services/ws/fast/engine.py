"""Engine.IO's server: sessions and HTTP are ours; python-engineio calls the handlers, and makes ids and headers."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Protocol

import msgspec

from ws import loop
from ws.budget import Budget
from ws.counters import Counters
from ws.event import Packet
from ws.fast.codes import PROTOCOL_ERROR, TRY_AGAIN_LATER
from ws.fast.http import Http
from ws.fast.inbox import Inbox
from ws.fast.poller import Poller
from ws.fast.polling import Polls
from ws.fast.reader import Reader
from ws.fast.session import Session
from ws.fast.wheel import Wheel
from ws.socketio_names import EngineServer

#: Seconds that a client may take to acknowledge the end of its connection.
FAREWELL_SECONDS: Final = 5.0
#: Seconds that a client may take to send a message.
MESSAGE_SECONDS: Final = 30.0
#: Bytes that may wait for all clients together.
KEPT_LIMIT_BYTES: Final = 128 * 1024 * 1024
#: Readers kept for the next client.
SPARE_READERS: Final = 8


class Passing(Protocol):
    """A socket that is not a session's yet, or any more."""

    deadline: float

    def end(self) -> None:
        """Close it."""
        ...


class Readers:
    """Readers for sockets that have something to read; one that is amid a message keeps its own."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._spare: Final[dict[bool, list[Reader]]] = {False: [], True: []}

    def borrow(self, inflates: bool) -> Reader:
        """A reader that is between messages."""
        spare = self._spare[inflates]
        return spare.pop() if spare else Reader(limit_bytes=self._limit_bytes, inflates=inflates)

    def give_back(self, reader: Reader, inflates: bool) -> None:
        """Take back a reader that is between messages."""
        if len(self._spare[inflates]) < SPARE_READERS:
            self._spare[inflates].append(reader)


class Engine(EngineServer):
    """Beside what Engine.IO's own server has, what its sessions share."""

    def __init__(self, *args: Any, counters: Counters, slow_seconds: float, **options: Any) -> None:
        super().__init__(*args, monitor_clients=False, **options)
        self.counters: Final = counters
        self._slow_seconds: Final = slow_seconds
        self.poller: Final = Poller()
        self.readers: Final = Readers(self.max_http_buffer_size)
        self.farewell_seconds = FAREWELL_SECONDS
        #: Counts packets of a session; returns the seconds for which nothing more shall be read of it.
        self.throttle: Callable[[str, int], float] = lambda _sid, _packets: 0.0
        #: Sessions whose socket takes nothing more.
        self.behind: Final[set[Session]] = set()
        #: Those in which bytes count that a client sent, as long as they are kept.
        self.budgets: Callable[[Session], tuple[Budget, ...]] = lambda _session: ()
        #: Bytes that wait for all clients.
        self.budget: Final = Budget(KEPT_LIMIT_BYTES)
        #: Those that keep part of a message.
        self.amid: Final[set[Inbox]] = set()
        self.passing: Final[set[Passing]] = set()
        self.websockets = 0
        self._http: Final = Http(self)
        self._wheel: Final = Wheel(interval_seconds=self.ping_interval, timeout_seconds=self.ping_timeout)

    def start(self) -> None:
        """Begin to serve."""
        loop.spawn("poller", self.poller.run)
        loop.spawn("clock", self._tick)

    def message(self, sid: str, text: str) -> None:
        """Handle a message of a client; lets other greenlets run."""
        self.trigger("message", sid, text)

    def forget(self, session: Session, reason: str, *, was_websocket: bool) -> None:
        """The session has ended."""
        self.counters.closes[reason] += 1
        self.websockets -= was_websocket
        self._wheel.remove(session)
        self.behind.discard(session)
        self.trigger("disconnect", session.sid, reason)
        self.sockets.pop(session.sid, None)

    def disconnect(self, sid: str | None = None) -> None:
        """Close a session that sent what it may not."""
        if sid in self.sockets:
            self.sockets[sid].end("malformed", PROTOCOL_ERROR, "")

    def handle_request(self, environ: Mapping[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request (WSGI)."""
        return self._http(environ, start_response)

    def begin(self, environ: Mapping[str, Any], polls: Polls | None) -> tuple[Session, Packet]:
        """Begin a session that a request asked for; return it, and its first packet."""
        session = Session(self, self.generate_id(), polls)
        self.sockets[session.sid] = session
        self._wheel.add(session)
        self.trigger("connect", session.sid, environ)
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
            for session in tuple(self.behind):
                if session.backlog is not None and now - session.backlog.since > self._slow_seconds:
                    session.end("slow", TRY_AGAIN_LATER, "slow")
            for inbox in tuple(self.amid):
                if inbox.is_late(now, MESSAGE_SECONDS):
                    inbox.send_away()
            for passing in tuple(self.passing):
                if now > passing.deadline:
                    passing.end()
