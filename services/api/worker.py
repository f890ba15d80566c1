"""gunicorn's thread worker, extended so that a slow client uses a socket but no thread.

docs/decisions/api-worker.md explains why we do not use gunicorn's gevent worker.
"""

import os
import signal
import socket
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ, EVENT_WRITE
from typing import Any, Final

from gunicorn.workers.gthread import TConn, ThreadWorker

from api.app_resources import resources_of
from api.buffered_socket import BufferedSocket, RequestState, missing_bytes, request_state
from api.request_queue import QueueSlot, RequestQueue, thread_count
from runtime.watchdog import Watchdog

#: Private names of gunicorn that this module calls, overrides or reads. No other module uses them.
#: ``tests/test_private_names.py`` fails if gunicorn changes one of them, or if the list is incomplete.
PRIVATE_NAMES: Final = {
    "ThreadWorker": (
        "_cap_keepalive", "accept", "enqueue_req", "finish_request", "get_thread_pool", "handle", "handle_exit",
        "handle_request", "keepalived_conns", "method_queue", "murder_pending", "nr_conns", "on_client_socket_readable",
        "on_pending_socket_readable", "pending_conns", "poller", "tpool", "worker_connections",
    ),
    "TConn": ("client", "close", "data_ready", "initialized", "parser", "set_timeout", "sock", "timeout"),
    "PollableMethodQueue": ("defer",),
    "Worker": ("cfg", "handle_error", "wsgi"),
    "Message": ("force_close", "headers"),
    "Parser": ("unreader",),
    "Unreader": ("buf",),
}  # fmt: skip
#: Longest time, in seconds, that one request may use a thread.
REQUEST_SECONDS: Final = 20.0
#: Longest time, in seconds, that a client may take to read a response.
READ_SECONDS: Final = 60.0
#: Bytes of responses that clients have not read yet. Above this limit the worker closes the connection whose client has
#: been idle for longest.
UNREAD_BYTES: Final = 32 * 1024 * 1024
#: Longest time, in seconds, and most bytes for which the worker reads from a connection that it is closing. Without
#: this the client may lose the end of its last response (RFC 9112, 9.6).
LINGER_SECONDS: Final = 5.0
LINGER_BYTES: Final = 8 * 1024 * 1024

#: Bytes of one such read.
_READ_BYTES: Final = 64 * 1024

_TOO_LONG: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_TOO_MANY: Final = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 2\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class BufferingWorker(ThreadWorker):  # type: ignore[misc]
    """Waits in its poller where gunicorn's own worker waits in a thread or in the main loop.

    The worker waits in the poller for the first byte of a connection (browsers open connections in advance), for the
    rest of a request's header and of a small body, for a client to read its response, and for a connection to close. If
    the number of connections reaches the limit, the worker closes the one that has been idle for longest.
    ``RequestQueue`` decides which request gets the next thread.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._started: dict[TConn, float] = {}
        #: Connections with an unread response, and the outcome of their requests. The client that read most recently is
        #: last.
        self._unread: dict[TConn, Future[object]] = {}
        self._lingering: deque[TConn] = deque()
        self._watchdog = Watchdog(os.environ)
        #: Monotonic time at which the worker stops, after a stop signal.
        self._stops_at: float | None = None

    def get_thread_pool(self) -> ThreadPoolExecutor:
        """Create the threads."""
        return ThreadPoolExecutor(thread_count(self.cfg.threads))

    def enqueue_req(self, conn: TConn) -> None:
        """Queue a connection that has a request, and wait for the request of a new connection."""
        if conn.initialized or conn.data_ready:
            self._enqueue(conn)
            return
        conn.sock = BufferedSocket(conn.sock)
        conn.sock.setblocking(False)
        conn.set_timeout()
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def on_pending_socket_readable(self, conn: TConn, client: socket.socket) -> None:
        """Handle the first request of a connection, once it has arrived."""
        if not _is_closed(client) and self._may_start(conn, client, self.pending_conns):
            super().on_pending_socket_readable(conn, client)

    def on_client_socket_readable(self, conn: TConn, client: socket.socket) -> None:
        """Handle a further request of a connection, once it has arrived."""
        if not _is_closed(client) and self._may_start(conn, client, self.keepalived_conns):
            super().on_client_socket_readable(conn, client)

    def accept(self, listener: socket.socket) -> None:
        """Accept a connection, and make room for the next one."""
        super().accept(listener)
        if self.nr_conns < self.worker_connections:
            return
        if self._lingering:
            self._close_lingering(self._lingering[0])
            return
        for waiting in (self.pending_conns, self.keepalived_conns):
            if waiting:
                longest = waiting.popleft()
                self.poller.unregister(longest.sock)
                self._close(longest)
                return
        if self._unread:
            self._drop_unread(next(iter(self._unread)))

    def handle(self, conn: TConn) -> object:
        """Serve one request in a thread."""
        self._started[conn] = time.monotonic()
        try:
            return super().handle(conn)
        finally:
            del self._started[conn]

    def handle_request(self, req: Any, conn: TConn) -> object:
        """Answer a request. A request with a body is the last one of its connection, and the response announces that.

        The worker does not wait for an unread body, nor for the data after it.
        """
        lengths = [value for name, value in req.headers if name in ("CONTENT-LENGTH", "TRANSFER-ENCODING")]
        if any(value != "0" for value in lengths):
            req.force_close()
        return super().handle_request(req, conn)

    def finish_request(self, conn: TConn, fs: "Future[object]") -> None:
        """Wait until the client has read the response. Then keep the connection for the next request, or close it."""
        if conn.sock.unsent_bytes:
            self._wait_for_reader(conn, fs)
        elif fs.cancelled() or fs.exception() is not None or (fs.result() and not _has_incomplete_request(conn)):
            super().finish_request(conn, fs)
        else:
            self._linger(conn)

    def murder_pending(self) -> None:
        """Close idle connections and give a sign of life. The main loop calls this every second."""
        super().murder_pending()
        self._watchdog.beat()
        now = time.monotonic()
        if self._stops_at is not None and self._stops_at <= now:
            super().handle_exit(signal.SIGTERM, None)
        for conn in [conn for conn in self._unread if conn.timeout < now]:
            self._drop_unread(conn)
        while self._lingering and self._lingering[0].timeout < now:
            self._close_lingering(self._lingering[0])
        for conn, began in list(self._started.items()):
            if began + REQUEST_SECONDS < now:
                with suppress(OSError):  # already closed
                    conn.sock.shutdown(socket.SHUT_RDWR)

    def handle_error(self, req: object, client: object, addr: object, exc: BaseException) -> None:
        """Answer a malformed request."""
        resources_of(self.wsgi).counters.malformed_requests.inc()
        super().handle_error(req, client, addr, exc)

    def handle_exit(self, sig: int, frame: object) -> None:
        """Start to shut down: report not ready, serve for the drain time, and finish the requests under way."""
        application = getattr(self, "wsgi", None)
        if application is not None:  # else the worker is still creating the application
            resources = resources_of(application)
            resources.readiness.drain()
            if resources.drain_seconds and self._stops_at is None:
                self._stops_at = time.monotonic() + resources.drain_seconds
                return
        super().handle_exit(sig, frame)

    def _cap_keepalive(self, deadline: float) -> None:
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, deadline)

    def _enqueue(self, conn: TConn) -> None:
        ahead = _read_ahead(conn)
        if ahead:
            conn.slot = self._request_queue.slot_for(ahead, conn.client[0])
        if self._request_queue.offer(conn.slot, conn):
            self._start_requests()
            return
        resources_of(self.wsgi).counters.limited.labels("waiting").inc()
        self._refuse(conn, _TOO_MANY)

    def _start_requests(self) -> None:
        """Give threads to the next requests."""
        for slot, conn in self._request_queue.next_requests():
            try:
                fs = self.tpool.submit(self.handle, conn)
            except RuntimeError:
                return  # the worker is stopping
            fs.add_done_callback(partial(self._request_done, slot, conn))

    def _request_done(self, slot: QueueSlot, conn: TConn, fs: "Future[object]") -> None:
        """Start the next request immediately, in the thread that served this one. The main loop may be busy."""
        self._request_queue.done(slot)
        self._start_requests()
        self.method_queue.defer(self.finish_request, conn, fs)

    @property
    def _request_queue(self) -> RequestQueue[TConn]:
        return resources_of(self.wsgi).request_queue

    def _wait_for_reader(self, conn: TConn, fs: "Future[object]") -> None:
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + READ_SECONDS
        self._unread[conn] = fs
        self.poller.register(conn.sock, EVENT_WRITE, partial(self._send_more, conn))
        while len(self._unread) > 1 and sum(each.sock.unsent_bytes for each in self._unread) > UNREAD_BYTES:
            self._drop_unread(next(iter(self._unread)))

    def _send_more(self, conn: TConn, client: BufferedSocket) -> None:
        if _is_closed(client):
            return
        try:
            client.send_unsent()
        except OSError:
            self._drop_unread(conn)
            return
        fs = self._unread.pop(conn)
        if client.unsent_bytes:
            self._unread[conn] = fs
        else:
            self.poller.unregister(client)
            self.finish_request(conn, fs)

    def _drop_unread(self, conn: TConn) -> None:
        del self._unread[conn]
        self.poller.unregister(conn.sock)
        self._close(conn)

    def _discard(self, left: list[int], conn: TConn, client: socket.socket) -> None:
        if _is_closed(client):
            return
        try:
            data = client.recv(min(left[0], _READ_BYTES))
        except BlockingIOError:
            return
        except OSError:
            data = b""
        left[0] -= len(data)
        if not data or left[0] <= 0:
            self._close_lingering(conn)

    def _may_start(self, conn: TConn, client: socket.socket, waiting: deque[TConn]) -> bool:
        """Return whether a request may have a thread.

        Refuse a request whose header is too long, and remove its connection from ``waiting``.
        """
        state, request = request_state(client)
        if state is RequestState.INCOMPLETE:
            return False
        if state is RequestState.READY:
            conn.slot = self._request_queue.slot_for(request, conn.client[0])
            return True
        resources_of(self.wsgi).counters.malformed_requests.inc()
        self.poller.unregister(client)
        waiting.remove(conn)
        self._refuse(conn, _TOO_LONG)
        return False

    def _refuse(self, conn: TConn, answer: bytes) -> None:
        with suppress(OSError):
            conn.sock.send(answer, socket.MSG_DONTWAIT)
        self._linger(conn)

    def _linger(self, conn: TConn) -> None:
        """Close a connection once its client has read the response."""
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(conn)
            return
        conn.timeout = time.monotonic() + LINGER_SECONDS
        self._lingering.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self._discard, [LINGER_BYTES], conn))

    def _close_lingering(self, conn: TConn) -> None:
        self._lingering.remove(conn)
        self.poller.unregister(conn.sock)
        self._close(conn)

    def _close(self, conn: TConn) -> None:
        self.nr_conns -= 1
        conn.close()


def _is_closed(client: socket.socket) -> bool:
    """Whether a handler has closed the socket after the poller reported it. One poll can report several events."""
    return client.fileno() < 0


def _has_incomplete_request(conn: TConn) -> bool:
    """Whether a client has sent a part of its next request with the last one. A thread would wait for the rest."""
    ahead = _read_ahead(conn)
    return bool(ahead) and missing_bytes(ahead) != 0


def _read_ahead(conn: TConn) -> bytes:
    """Return the bytes of the client's next request that were read with the last one."""
    ahead: bytes = conn.parser.unreader.buf.getvalue() if conn.parser is not None else b""
    return ahead
