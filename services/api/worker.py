"""gunicorn's thread worker, made patient with slow clients: they cost a socket each, no thread and no one's time."""

import socket
import time
from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ
from typing import Any, Final

from gunicorn.workers.gthread import TConn, ThreadWorker

from api.arrival import Arrival, arrival, missing_bytes
from api.parts import parts_of

#: Seconds that one request may hold a thread, its answer's way to a slow reader included.
REQUEST_SECONDS: Final = 20.0
#: Seconds, and bytes, for which a closed connection listens on, so that its last answer is not cut off
#: (RFC 9112, 9.6).
LINGER_SECONDS: Final = 2.0
LINGER_BYTES: Final = 64 * 1024

_TOO_LONG: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """Waits in its poller where gunicorn's own worker waits in a thread, or worse, in the main loop.

    That is: for the first byte of a connection (browsers open some in advance), for the rest of a request's head and of
    a small body, for a body that nobody reads, and for the client to close.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._began: dict[TConn, float] = {}
        self._lingering: deque[TConn] = deque()

    def enqueue_req(self, conn: TConn) -> None:
        """Give a thread to a connection on which a request stands; let a new one wait."""
        if conn.initialized or conn.data_ready:
            super().enqueue_req(conn)
            return
        conn.sock.setblocking(False)
        conn.set_timeout()
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def on_pending_socket_readable(self, conn: TConn, client: socket.socket) -> None:
        """Take the first request of a connection, once it is there."""
        if self._is_there(conn, client, self.pending_conns):
            super().on_pending_socket_readable(conn, client)

    def on_client_socket_readable(self, conn: TConn, client: socket.socket) -> None:
        """Take a further request of a connection, once it is there."""
        if self._is_there(conn, client, self.keepalived_conns):
            super().on_client_socket_readable(conn, client)

    def handle(self, conn: TConn) -> object:
        """Serve one request, in a thread."""
        self._began[conn] = time.monotonic()
        try:
            return super().handle(conn)
        finally:
            del self._began[conn]

    def finish_request(self, conn: TConn, fs: "Future[object]") -> None:
        """Keep the connection for the next request, or begin to close it."""
        if fs.cancelled() or fs.exception() is not None or (fs.result() and not _is_waited_for(conn)):
            super().finish_request(conn, fs)
        else:
            self._linger(conn)

    def murder_pending(self) -> None:
        """Close what waited too long; the main loop calls this every second."""
        super().murder_pending()
        now = time.monotonic()
        while self._lingering and self._lingering[0].timeout < now:
            self._forget(self._lingering[0])
        for conn, began in list(self._began.items()):
            if began + REQUEST_SECONDS < now:
                with suppress(OSError):  # closed in the meantime
                    conn.sock.shutdown(socket.SHUT_RDWR)

    def handle_error(self, req: object, client: object, addr: object, exc: BaseException) -> None:
        """Answer a request that is not HTTP as it should be."""
        parts_of(self.wsgi).counters.malformed_requests.inc()
        super().handle_error(req, client, addr, exc)

    def handle_exit(self, sig: int, frame: object) -> None:
        """Begin to stop: say so to whoever asks, and finish what is under way."""
        application = getattr(self, "wsgi", None)
        if application is not None:  # it is still being made otherwise
            parts_of(application).readiness.drain()
        super().handle_exit(sig, frame)

    def _cap_keepalive(self, deadline: float) -> None:
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, deadline)

    def _keepalive_after(self, conn: TConn, keepalive: bool) -> bool:
        # The body of a request is not waited for where it is not read: what follows it is not read either.
        lengths = [value for name, value in conn.parser.mesg.headers if name in ("CONTENT-LENGTH", "TRANSFER-ENCODING")]
        return all(value == "0" for value in lengths) and bool(super()._keepalive_after(conn, keepalive))

    def _discard(self, left: list[int], conn: TConn, client: socket.socket) -> None:
        try:
            data = client.recv(left[0])
        except BlockingIOError:
            return
        except OSError:
            data = b""
        left[0] -= len(data)
        if not data or left[0] <= 0:
            self._forget(conn)

    def _is_there(self, conn: TConn, client: socket.socket, waiting: deque[TConn]) -> bool:
        """Whether a request may have a thread; one whose head is too long is refused, and taken from ``waiting``."""
        found = arrival(client)
        if found is not Arrival.TOO_LONG:
            return found is Arrival.THERE
        parts_of(self.wsgi).counters.malformed_requests.inc()
        self.poller.unregister(client)
        waiting.remove(conn)
        with suppress(OSError):
            client.send(_TOO_LONG)
        self._linger(conn)
        return False

    def _linger(self, conn: TConn) -> None:
        """Close a connection once its client has read the answer."""
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(conn)
            return
        conn.timeout = time.monotonic() + LINGER_SECONDS
        self._lingering.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self._discard, [LINGER_BYTES], conn))

    def _forget(self, conn: TConn) -> None:
        self._lingering.remove(conn)
        self.poller.unregister(conn.sock)
        self._close(conn)

    def _close(self, conn: TConn) -> None:
        self.nr_conns -= 1
        conn.close()


def _is_waited_for(conn: TConn) -> bool:
    """Whether a client has sent a part of its next request with the last one: a thread would wait for the rest."""
    ahead = conn.parser.unreader.buf.getvalue()
    return bool(ahead) and missing_bytes(ahead) != 0
