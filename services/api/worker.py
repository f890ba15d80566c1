"""gunicorn's thread worker, made patient with slow clients: they cost a socket each, no thread and no one's time.

Why gunicorn's gevent worker does not take its place: docs/decisions/api-worker.md.
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

#: What is used here, and nowhere else, of gunicorn's classes without being promised: methods that are called or
#: replaced, and attributes. ``tests/test_private_names.py`` notices when one changes, or is not listed.
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
#: Seconds that one request may hold a thread.
REQUEST_SECONDS: Final = 20.0
#: Seconds that a client may take to read an answer.
READ_SECONDS: Final = 60.0
#: Bytes of answers that may wait for their readers; beyond, those go first who have read nothing for longest.
UNREAD_BYTES: Final = 32 * 1024 * 1024
#: Seconds, and bytes, for which a closed connection listens on, so that its last answer is not cut off
#: (RFC 9112, 9.6).
LINGER_SECONDS: Final = 5.0
LINGER_BYTES: Final = 8 * 1024 * 1024

#: Bytes of them that are read at a time.
_PIECE_BYTES: Final = 64 * 1024

_TOO_LONG: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_TOO_MANY: Final = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 2\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class BufferingWorker(ThreadWorker):  # type: ignore[misc]
    """Waits in its poller where gunicorn's own worker waits in a thread, or worse, in the main loop.

    That is: for the first byte of a connection (browsers open some in advance), for the rest of a request's head and of
    a small body, for a body that nobody reads, for the client to read the answer, and to close. Where there are as many
    connections as there may be, those who have kept us waiting for longest make room. Which request gets a thread next
    is decided by ``Turns``.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._started: dict[TConn, float] = {}
        #: Whose answer is not read yet, and how its request ended; whoever read last stands last.
        self._unread: dict[TConn, Future[object]] = {}
        self._lingering: deque[TConn] = deque()
        self._watchdog = Watchdog(os.environ)
        #: When the worker, which has been told to, begins to end; monotonic.
        self._stops_at: float | None = None

    def get_thread_pool(self) -> ThreadPoolExecutor:
        """Make the threads."""
        return ThreadPoolExecutor(thread_count(self.cfg.threads))

    def enqueue_req(self, conn: TConn) -> None:
        """Have a connection on which a request stands wait for its slot, and a new one for its request."""
        if conn.initialized or conn.data_ready:
            self._enqueue(conn)
            return
        conn.sock = BufferedSocket(conn.sock)
        conn.sock.setblocking(False)
        conn.set_timeout()
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def on_pending_socket_readable(self, conn: TConn, client: socket.socket) -> None:
        """Take the first request of a connection, once it is there."""
        if not _is_closed(client) and self._may_start(conn, client, self.pending_conns):
            super().on_pending_socket_readable(conn, client)

    def on_client_socket_readable(self, conn: TConn, client: socket.socket) -> None:
        """Take a further request of a connection, once it is there."""
        if not _is_closed(client) and self._may_start(conn, client, self.keepalived_conns):
            super().on_client_socket_readable(conn, client)

    def accept(self, listener: socket.socket) -> None:
        """Take a new connection, and see that there is room for the next one."""
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
        """Serve one request, in a thread."""
        self._started[conn] = time.monotonic()
        try:
            return super().handle(conn)
        finally:
            del self._started[conn]

    def handle_request(self, req: Any, conn: TConn) -> object:
        """Answer a request; one that has a body is the last of its connection, and is told so.

        A body that is not read is not waited for, and neither is what follows it.
        """
        lengths = [value for name, value in req.headers if name in ("CONTENT-LENGTH", "TRANSFER-ENCODING")]
        if any(value != "0" for value in lengths):
            req.force_close()
        return super().handle_request(req, conn)

    def finish_request(self, conn: TConn, fs: "Future[object]") -> None:
        """See that the answer is read; then keep the connection for the next request, or begin to close it."""
        if conn.sock.unsent_bytes:
            self._wait_for_reader(conn, fs)
        elif fs.cancelled() or fs.exception() is not None or (fs.result() and not _has_incomplete_request(conn)):
            super().finish_request(conn, fs)
        else:
            self._linger(conn)

    def murder_pending(self) -> None:
        """Close what waited too long, and give a sign of life; the main loop calls this every second."""
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
                with suppress(OSError):  # closed in the meantime
                    conn.sock.shutdown(socket.SHUT_RDWR)

    def handle_error(self, req: object, client: object, addr: object, exc: BaseException) -> None:
        """Answer a request that is not HTTP as it should be."""
        resources_of(self.wsgi).counters.malformed_requests.inc()
        super().handle_error(req, client, addr, exc)

    def handle_exit(self, sig: int, frame: object) -> None:
        """Begin to stop: say so to whoever asks, answer on for a while, and finish what is under way."""
        application = getattr(self, "wsgi", None)
        if application is not None:  # it is still being made otherwise
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
        """Give threads to those whose turn it is."""
        for slot, conn in self._request_queue.next_requests():
            try:
                fs = self.tpool.submit(self.handle, conn)
            except RuntimeError:
                return  # the worker ends
            fs.add_done_callback(partial(self._request_done, slot, conn))

    def _request_done(self, slot: QueueSlot, conn: TConn, fs: "Future[object]") -> None:
        """Have the next request begin at once, in the thread that has served this one: the main loop may be busy."""
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
            data = client.recv(min(left[0], _PIECE_BYTES))
        except BlockingIOError:
            return
        except OSError:
            data = b""
        left[0] -= len(data)
        if not data or left[0] <= 0:
            self._close_lingering(conn)

    def _may_start(self, conn: TConn, client: socket.socket, waiting: deque[TConn]) -> bool:
        """Whether a request may have a thread; one whose head is too long is refused, and taken from ``waiting``."""
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

    def _close_lingering(self, conn: TConn) -> None:
        self._lingering.remove(conn)
        self.poller.unregister(conn.sock)
        self._close(conn)

    def _close(self, conn: TConn) -> None:
        self.nr_conns -= 1
        conn.close()


def _is_closed(client: socket.socket) -> bool:
    """Whether it was closed since the poller told of it: several things happen in one of its rounds."""
    return client.fileno() < 0


def _has_incomplete_request(conn: TConn) -> bool:
    """Whether a client has sent a part of its next request with the last one: a thread would wait for the rest."""
    ahead = _read_ahead(conn)
    return bool(ahead) and missing_bytes(ahead) != 0


def _read_ahead(conn: TConn) -> bytes:
    """What of a client's next request was read together with the last one."""
    ahead: bytes = conn.parser.unreader.buf.getvalue() if conn.parser is not None else b""
    return ahead
