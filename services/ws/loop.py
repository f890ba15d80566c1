"""The event loop. This is the only module that imports eventlet, so that another loop can replace it.

Importing this module monkey-patches the standard library. A process imports it before any other module that may import
``socket``, ``threading`` or ``time``. Afterwards ``time.sleep``, locks and sockets of the standard library let other
greenlets run, so the other modules do not depend on the loop.

This module uses and replaces private names of eventlet's server: ``HttpProtocol._read_request_line``, the fields of
``Input`` and its ``_chunked_read``, and ``WSGI_LOCAL``. ``tests/test_private_names.py`` fails if an upgrade changes
them.
"""

import os
import warnings

# eventlet's resolver supports neither nsswitch nor mDNS (``raspberrypi.local``); see ``_getaddrinfo``.
os.environ.setdefault("EVENTLET_NO_GREENDNS", "yes")
os.environ.setdefault("EVENTLET_THREADPOOL_SIZE", "2")
with warnings.catch_warnings():
    # eventlet reports at every import that it is deprecated; docs/decisions/eventlet.md explains why we still use it.
    warnings.simplefilter("ignore")
    import eventlet
eventlet.monkey_patch()

# ruff: noqa: E402 (the other imports must see the patched modules)
import contextlib
import errno
import logging
import signal
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

from eventlet import patcher, tpool, wsgi
from eventlet.hubs import trampoline

from ws.http_syntax import ChunkedBody, MalformedChunk, RequestHead, origin_form

#: Most concurrent connections; the limit of open files is usually lower.
CONNECTION_LIMIT: Final = 50_000
#: Connections that are accepted, and pieces of a body that are read, before other greenlets run. Without this limit the
#: loop would continue while more connections or pieces are ready.
OPERATIONS_BEFORE_YIELD: Final = 16
#: Key in a request's WSGI environment of a function that waits for the next queue slot of its client.
WAIT_FOR_SLOT: Final = "dispycluster.wait_for_slot"
#: Connections that wait to be accepted: after a restart all browsers reconnect together.
ACCEPT_BACKLOG: Final = 4096
#: Seconds that a connection may wait for its next HTTP request; longer than proxies keep connections.
KEEPALIVE_SECONDS: Final = 75
#: Seconds that a read or a write of HTTP may wait for the client.
SOCKET_TIMEOUT_SECONDS: Final = 30
#: Seconds that a client has to send the head of a request, and to send its body.
HEAD_SECONDS: Final = 30
BODY_SECONDS: Final = 60
#: Bytes of a body, and seconds, that the server reads and discards after the answer.
DISCARD_BYTES: Final = 8 * 1024 * 1024
DISCARD_SECONDS: Final = 5
#: Bytes of unsent data that the kernel may keep for a client.
UNSENT_BYTES: Final = 128 * 1024
#: The option's number in Linux; the standard library has the name since Python 3.12.
TCP_NOTSENT_LOWAT: Final = 25

_logger = logging.getLogger(__name__)
_native_getaddrinfo = socket.getaddrinfo


def _getaddrinfo(host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0) -> Any:
    """Resolve in a thread, so that a slow name server does not block the loop."""
    try:
        return _native_getaddrinfo(host, port, family, type, proto, flags | socket.AI_NUMERICHOST)
    except socket.gaierror:
        return tpool.execute(_native_getaddrinfo, host, port, family, type, proto, flags)


socket.getaddrinfo = _getaddrinfo


def spawn(name: str, function: Callable[[], object]) -> None:
    """Run ``function`` in a new greenlet; log an unhandled exception with ``name``."""

    def run() -> None:
        try:
            function()
        except Exception:
            _logger.exception("%s stopped with an error", name)

    eventlet.spawn(run)


def run_all(functions: Iterable[Callable[[], object]], *, within_seconds: float) -> None:
    """Run all ``functions`` concurrently; return when all have ended, or after ``within_seconds``."""
    pool = eventlet.GreenPool(1000)
    with eventlet.Timeout(within_seconds, False):
        for function in functions:
            pool.spawn(function)
        pool.waitall()


#: The unpatched modules. Their functions raise ``BlockingIOError`` where those of the patched ``os`` wait.
_os: Any = patcher.original("os")
_select: Any = patcher.original("select")
_socket: Any = patcher.original("socket")
read: Final[Callable[[int, int], bytes]] = _os.read
write: Final[Callable[[int, bytes | memoryview], int]] = _os.write


def epoll() -> Any:
    """Return an epoll. The patched ``select`` has no epoll, because waiting in an epoll would block the loop."""
    return _select.epoll()


def wait_readable(fd: int) -> None:
    """Let other greenlets run until ``fd`` can be read."""
    trampoline(fd, read=True)


def is_closed_by_peer(fd: int) -> bool:
    """Whether the peer has closed the connection, or its writing side."""
    poll = _select.poll()
    poll.register(fd, _select.POLLRDHUP)
    return bool(poll.poll(0))


def shut_reading(fd: int) -> None:
    """Shut down the reading side of a connection, so that a waiting read returns."""
    _shut(fd, socket.SHUT_RD)


def shut_writing(fd: int) -> None:
    """Shut down the writing side of a connection."""
    _shut(fd, socket.SHUT_WR)


def _shut(fd: int, how: int) -> None:
    with contextlib.suppress(OSError):
        # A patched socket would end the waiting of another greenlet for this descriptor.
        view = _socket.socket(fileno=fd)
        try:
            view.shutdown(how)
        finally:
            view.detach()


def descriptor(environ: Mapping[str, Any]) -> int:
    """Return the descriptor of a request's connection; the server still owns the descriptor."""
    number: int = environ["eventlet.input"].get_socket().fileno()
    return number


def detach_socket(environ: Mapping[str, Any]) -> int:
    """Detach the socket of a request from the server, which will not answer the request; return the descriptor.

    The socket does not block, sends small frames immediately, and limits the unsent data in the kernel.
    """
    green = environ["eventlet.input"].get_socket()
    green.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    green.setsockopt(socket.IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT_BYTES)
    fd: int = green.fd.detach()
    wsgi.WSGI_LOCAL.already_handled = True
    return fd


def after_response(environ: Mapping[str, Any], function: Callable[[], object]) -> None:
    """Call ``function`` after the answer, when the connection waits for its next request; not after a failure."""

    def hook(served: Mapping[str, Any]) -> None:
        if descriptor(served) >= 0:  # the socket is not detached
            function()

    environ["eventlet.posthooks"].append((hook, (), {}))


class Signals:
    """Lets a greenlet wait for the signals that shut down the process."""

    def __init__(self, *numbers: int) -> None:
        self._reader, self._writer = socket.socketpair()
        # A signal does not end the loop's wait; a byte to read does.
        self._writer.setblocking(False)
        for number in numbers:
            signal.signal(number, lambda number, _frame: self._writer.send(bytes([number])))

    def wait(self) -> int:
        """Wait for the first signal; return its number."""
        return self._reader.recv(1)[0]


class Listener:
    """A listening socket whose ``accept`` survives lost connections and a lack of file descriptors.

    Raises:
        OSError: the address is in use, or does not belong to this machine.
    """

    def __init__(self, host: str, port: int) -> None:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        self._closed = False
        self._accepted = 0
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            self._socket.bind(address)
            self._socket.listen(ACCEPT_BACKLOG)
        except OSError:
            self._socket.close()
            raise

    @property
    def family(self) -> int:
        """Address family of the socket."""
        return self._socket.family

    def getsockname(self) -> Any:
        """Return the address that the socket listens on."""
        return self._socket.getsockname()

    def accept(self) -> tuple[Any, Any]:
        """Wait for a connection."""
        self._accepted += 1
        if self._accepted % OPERATIONS_BEFORE_YIELD == 0:
            time.sleep(0)
        while not self._closed:
            try:
                return self._socket.accept()
            except OSError as error:
                # No descriptor is free, or the connection is lost. eventlet's server would stop at either error.
                if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    time.sleep(0.1)
        # Returning would let eventlet's server wait for its clients; the process is about to stop.
        while True:
            time.sleep(3600)

    def close(self) -> None:
        """Accept no more connections; existing connections stay open."""
        self._closed = True
        self._socket.close()


class _HttpProtocol(wsgi.HttpProtocol):  # type: ignore[misc]
    """eventlet's HTTP protocol with limits of time and size, strict parsing, and no output of a client's errors."""

    rfile: Any
    path: str

    def __init__(self, conn_state: Any, server: Any) -> None:
        self._head_timeout: Any = None
        try:
            super().__init__(conn_state, server)
        except TimeoutError:
            raise  # eventlet's server closes the connection on it
        except OSError:
            pass  # the connection is lost; eventlet would print the traceback

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        finally:
            self._cancel_head_timeout()

    def _read_request_line(self) -> bytes:
        # The first byte may take long; then the rest of the head must follow in time.
        self.connection.settimeout(KEEPALIVE_SECONDS)
        if not self.rfile.peek(1):
            return b""
        self._head_timeout = eventlet.Timeout(HEAD_SECONDS, TimeoutError("the head of a request"))
        line: bytes = super()._read_request_line()
        return line

    def parse_request(self) -> bool:
        head = self.rfile = RequestHead(self.raw_requestline, self.rfile)
        if head.is_valid and not super().parse_request():
            return False  # the request is answered already
        if not (head.is_valid and self._has_valid_target() and self._has_one_length()):
            self.send_error(400)
            return False
        self._cancel_head_timeout()
        return True

    def _has_valid_target(self) -> bool:
        """Whether the request has a valid target and, since HTTP/1.1, a host (RFC 9112, 3.2)."""
        try:
            authority, self.path = origin_form(self.path)
        except ValueError:
            return False
        if authority:
            del self.headers["Host"]
            self.headers["Host"] = authority
        return self.request_version == "HTTP/1.0" or "Host" in self.headers

    def _has_one_length(self) -> bool:
        """Whether all servers find the same end of the body (RFC 9112, 6.1)."""
        coding = self.headers.get_all("Transfer-Encoding")
        if coding is None:
            return True
        is_chunked = [value.strip().lower() for value in coding] == ["chunked"]
        return is_chunked and self.request_version == "HTTP/1.1" and "Content-Length" not in self.headers

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse the request and close the connection; the standard library's answer would show its version."""
        status = HTTPStatus(code)
        head = f"HTTP/1.1 {status.value} {status.phrase}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        self.wfile.write(head.encode())
        self.close_connection = True

    def get_environ(self) -> Any:
        file = self.rfile
        bounded = self.rfile = _TimedBody(file)
        try:
            environ = super().get_environ()
            bounded.environ = environ
            body = bounded.input = environ["eventlet.input"]
            if body.chunked_input:
                body._chunked_read = _strict_chunks(self.rfile, body)
        finally:
            self.rfile = file
        environ["SERVER_PROTOCOL"] = self.request_version
        return environ

    def _cancel_head_timeout(self) -> None:
        if self._head_timeout is not None:
            self._head_timeout.cancel()
            self._head_timeout = None

    def log_message(self, *args: object) -> None:
        """Print nothing; otherwise each invalid request would print a line."""


class _TimedBody:
    """A request body with a time limit for the whole body.

    After the answer, the server reads and discards the rest of the body, so that the client can read the answer; this
    has limits of bytes and time.
    """

    def __init__(self, file: Any) -> None:
        self._file = file
        #: eventlet's ``Input``, through which the server reads the body.
        self.input: Any = None
        self.environ: Mapping[str, Any] = {}
        self._reads = 0
        self._until: float | None = None
        self._discarded: int | None = None

    def read(self, size: int) -> bytes:
        return self._within(self._file.read, size)

    def readline(self, size: int = -1) -> bytes:
        return self._within(self._file.readline, size)

    def _within(self, read: Callable[[int], bytes], size: int) -> bytes:
        self._reads += 1
        if self._reads % OPERATIONS_BEFORE_YIELD == 0:
            self.environ.get(WAIT_FOR_SLOT, _yield_to_others)()
        now = time.monotonic()
        if self._until is None:
            self._until = now + BODY_SECONDS
        if self.input is not None and self.input.headers_sent:
            if self._discarded is None:
                self._until, self._discarded = min(self._until, now + DISCARD_SECONDS), 0
            self._discarded += size
            if self._discarded > DISCARD_BYTES:
                raise TimeoutError("a body after the answer")
        with eventlet.Timeout(max(0.0, self._until - now), TimeoutError("the body of a request")):
            return read(size)


def _yield_to_others() -> None:
    """Let other greenlets run."""
    time.sleep(0)


def _strict_chunks(file: _TimedBody, body: Any) -> Callable[..., bytes]:
    """Replace eventlet's reader of chunks, which limits neither the lines between chunks nor their number."""
    chunks = ChunkedBody(file)

    def read(_file: Any, size: int | None = None, _by_line: bool = False) -> bytes:
        if body.should_send_hundred_continue:
            body.send_hundred_continue_response()
            body.is_hundred_continue_response_sent = True
        try:
            return chunks.read(size)
        except MalformedChunk as error:
            raise wsgi.ChunkReadError(str(error)) from error  # the server closes the connection on it

    return read


class _DiscardedErrors:
    """Discards ``wsgi.errors``: eventlet writes a line there for each lost connection."""

    def write(self, text: str) -> None:
        pass

    def flush(self) -> None:
        pass


def serve(listener: Listener, app: Any) -> None:
    """Serve the WSGI application ``app`` forever, with one greenlet per connection."""
    wsgi.server(
        listener,
        app,
        environ={"wsgi.errors": _DiscardedErrors()},
        max_size=CONNECTION_LIMIT,
        protocol=_HttpProtocol,
        keepalive=KEEPALIVE_SECONDS,
        socket_timeout=SOCKET_TIMEOUT_SECONDS,
        log_output=False,
        debug=False,
    )
