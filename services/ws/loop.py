"""The event loop: the only module that names eventlet, so that another loop can take its place.

Importing it monkey-patches the standard library. A process imports it before anything else that may import
``socket``, ``threading`` or ``time``; after that ``time.sleep``, locks and sockets of the standard library give way to
other greenlets, and no other module needs to know what the loop is.

Of eventlet's server it uses and replaces what is private there: ``HttpProtocol._read_request_line``, the fields of
``Input`` with its ``_chunked_read``, and ``WSGI_LOCAL``. ``tests/test_private_names.py`` notices when an upgrade
changes one.
"""

import os
import warnings

# eventlet's own resolver reads neither nsswitch nor mDNS (``raspberrypi.local``); see ``_getaddrinfo``.
os.environ.setdefault("EVENTLET_NO_GREENDNS", "yes")
os.environ.setdefault("EVENTLET_THREADPOOL_SIZE", "2")
with warnings.catch_warnings():
    # It calls itself deprecated at every import; why it is used here all the same says the design.
    warnings.simplefilter("ignore")
    import eventlet
eventlet.monkey_patch()

# ruff: noqa: E402 (what follows must see the patched modules)
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

#: Connections served at a time; the limit of open files is met first.
CONNECTION_LIMIT: Final = 50_000
#: Connections that are accepted, and parts of a body that are read, before other greenlets get their turn. Nothing else
#: would let them run where the next one is there already.
OPERATIONS_BEFORE_YIELD: Final = 16
#: Where the environment of a request holds what waits for the next turn of its client.
WAIT_FOR_SLOT: Final = "dispycluster.next_turn"
#: Connections that wait to be accepted: a whole cluster's pages reconnect at once.
ACCEPT_BACKLOG: Final = 4096
#: Seconds that a connection may wait for its next HTTP request; longer than proxies keep theirs.
KEEPALIVE_SECONDS: Final = 75
#: Seconds that a client may let a read or a write of HTTP wait.
SOCKET_TIMEOUT_SECONDS: Final = 30
#: Seconds that a client may take over the head of a request, and over its body.
HEAD_SECONDS: Final = 30
BODY_SECONDS: Final = 60
#: Bytes of a body, and seconds, for which a client is listened to that has its answer already.
DISCARD_BYTES: Final = 8 * 1024 * 1024
DISCARD_SECONDS: Final = 5
#: Bytes that the kernel may hold of what a client was sent and its network has not yet taken.
UNSENT_BYTES: Final = 128 * 1024
#: Linux's number of the option; Python names it from 3.12 on.
TCP_NOTSENT_LOWAT: Final = 25

_logger = logging.getLogger(__name__)
_native_getaddrinfo = socket.getaddrinfo


def _getaddrinfo(host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0) -> Any:
    """Resolve in a thread: a name server that does not answer must not stop the loop."""
    try:
        return _native_getaddrinfo(host, port, family, type, proto, flags | socket.AI_NUMERICHOST)
    except socket.gaierror:
        return tpool.execute(_native_getaddrinfo, host, port, family, type, proto, flags)


socket.getaddrinfo = _getaddrinfo


def spawn(name: str, function: Callable[[], object]) -> None:
    """Run ``function`` beside the caller; an exception that it does not handle is logged under ``name``."""

    def run() -> None:
        try:
            function()
        except Exception:
            _logger.exception("%s ended by an error", name)

    eventlet.spawn(run)


def run_all(functions: Iterable[Callable[[], object]], *, within_seconds: float) -> None:
    """Run all ``functions`` beside each other; return when they ended, or after ``within_seconds``."""
    pool = eventlet.GreenPool(1000)
    with eventlet.Timeout(within_seconds, False):
        for function in functions:
            pool.spawn(function)
        pool.waitall()


#: As the system has them; those of the patched ``os`` wait where these say that they would have to.
_os: Any = patcher.original("os")
_select: Any = patcher.original("select")
_socket: Any = patcher.original("socket")
read: Final[Callable[[int, int], bytes]] = _os.read
write: Final[Callable[[int, bytes | memoryview], int]] = _os.write


def epoll() -> Any:
    """An epoll; the one of the patched ``select`` is taken away, since waiting in it would stop the loop."""
    return _select.epoll()


def wait_readable(fd: int) -> None:
    """Let other greenlets run until there is something to read."""
    trampoline(fd, read=True)


def is_closed_by_peer(fd: int) -> bool:
    """Whether the other side of a connection has closed it, or its own half of it."""
    poll = _select.poll()
    poll.register(fd, _select.POLLRDHUP)
    return bool(poll.poll(0))


def shut_reading(fd: int) -> None:
    """Let whoever waits to read from a connection find its end."""
    _shut(fd, socket.SHUT_RD)


def shut_writing(fd: int) -> None:
    """Tell the other side of a connection that nothing more comes."""
    _shut(fd, socket.SHUT_WR)


def _shut(fd: int, how: int) -> None:
    with contextlib.suppress(OSError):
        # A socket of the patched kind would drive away whoever waits for this descriptor.
        view = _socket.socket(fileno=fd)
        try:
            view.shutdown(how)
        finally:
            view.detach()


def descriptor(environ: Mapping[str, Any]) -> int:
    """The descriptor of a request's connection, which stays the server's."""
    number: int = environ["eventlet.input"].get_socket().fileno()
    return number


def detach_socket(environ: Mapping[str, Any]) -> int:
    """Take the socket of a request away from the server, which must not answer it; return its descriptor.

    It does not block, sends small frames at once, and does not let the kernel pile up what the client has not read.
    """
    green = environ["eventlet.input"].get_socket()
    green.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    green.setsockopt(socket.IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT_BYTES)
    fd: int = green.fd.detach()
    wsgi.WSGI_LOCAL.already_handled = True
    return fd


def after_response(environ: Mapping[str, Any], function: Callable[[], object]) -> None:
    """Call ``function`` once a request is answered and its connection waits for the next; never where either fails."""

    def hook(served: Mapping[str, Any]) -> None:
        if descriptor(served) >= 0:  # nobody has taken it over
            function()

    environ["eventlet.posthooks"].append((hook, (), {}))


class Signals:
    """The signals that end the process, waited for by one greenlet."""

    def __init__(self, *numbers: int) -> None:
        self._reader, self._writer = socket.socketpair()
        # A signal interrupts the loop's wait without ending it; a byte to read does end it.
        self._writer.setblocking(False)
        for number in numbers:
            signal.signal(number, lambda number, _frame: self._writer.send(bytes([number])))

    def wait(self) -> int:
        """Wait for the first one; return its number."""
        return self._reader.recv(1)[0]


class Listener:
    """A listening socket whose ``accept`` outlives what clients, or too many of them, can do to it.

    Raises:
        OSError: the address is taken, or none of this machine's.
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
        """Address that it listens on."""
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
                # No file descriptor left, or a client that went away: eventlet's server would end for good.
                if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    time.sleep(0.1)
        # eventlet's server would wait for its clients now, and the process is about to end anyway.
        while True:
            time.sleep(3600)

    def close(self) -> None:
        """Accept nothing more; connections that stand are left alone."""
        self._closed = True
        self._socket.close()


class _HttpProtocol(wsgi.HttpProtocol):  # type: ignore[misc]
    """HTTP of a client, without what a bad one could print, make grow or drag out, or have read in two ways."""

    rfile: Any
    path: str

    def __init__(self, conn_state: Any, server: Any) -> None:
        self._head_timeout: Any = None
        try:
            super().__init__(conn_state, server)
        except TimeoutError:
            raise  # eventlet's server closes the connection on it
        except OSError:
            pass  # the client is gone; eventlet would print the traceback

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        finally:
            self._cancel_head_timeout()

    def _read_request_line(self) -> bytes:
        # The first byte may be long in coming, all others of the head may not.
        self.connection.settimeout(KEEPALIVE_SECONDS)
        if not self.rfile.peek(1):
            return b""
        self._head_timeout = eventlet.Timeout(HEAD_SECONDS, TimeoutError("the head of a request"))
        line: bytes = super()._read_request_line()
        return line

    def parse_request(self) -> bool:
        head = self.rfile = RequestHead(self.raw_requestline, self.rfile)
        if head.is_valid and not super().parse_request():
            return False  # it is answered already
        if not (head.is_valid and self._has_valid_target() and self._has_one_length()):
            self.send_error(400)
            return False
        self._cancel_head_timeout()
        return True

    def _has_valid_target(self) -> bool:
        """RFC 9112, 3.2: whether the request has a valid target and, from HTTP/1.1 on, a host."""
        try:
            authority, self.path = origin_form(self.path)
        except ValueError:
            return False
        if authority:
            del self.headers["Host"]
            self.headers["Host"] = authority
        return self.request_version == "HTTP/1.0" or "Host" in self.headers

    def _has_one_length(self) -> bool:
        """RFC 9112, 6.1: whether two servers would find the same end of the body."""
        coding = self.headers.get_all("Transfer-Encoding")
        if coding is None:
            return True
        is_chunked = [value.strip().lower() for value in coding] == ["chunked"]
        return is_chunked and self.request_version == "HTTP/1.1" and "Content-Length" not in self.headers

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse the request, and close the connection; the standard library's answer names its version."""
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
        """Print nothing: every request that is no HTTP would be a line."""


class _TimedBody:
    """A client's body, which has to come within a time, however many parts it comes in.

    What comes once the answer is out is thrown away by the server, so that the client can read the answer; for longer
    than that takes nobody listens.
    """

    def __init__(self, file: Any) -> None:
        self._file = file
        #: What eventlet's server reads it through.
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
                raise TimeoutError("a body that nobody reads")
        with eventlet.Timeout(max(0.0, self._until - now), TimeoutError("the body of a request")):
            return read(size)


def _yield_to_others() -> None:
    """Let other greenlets run."""
    time.sleep(0)


def _strict_chunks(file: _TimedBody, body: Any) -> Callable[..., bytes]:
    """Stands in for eventlet's reader of chunks, which bounds neither the lines between them nor their number."""
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
    """``wsgi.errors`` for eventlet, which reports each client that vanished there."""

    def write(self, text: str) -> None:
        pass

    def flush(self) -> None:
        pass


def serve(listener: Listener, app: Any) -> None:
    """Serve the WSGI application ``app`` for good; one greenlet a connection."""
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
