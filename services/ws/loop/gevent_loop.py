"""The loop of gevent. This is the only module that imports gevent.

This module replaces a private method of gevent's server, ``WSGIHandler._sendall``, and sets the fields of
``WSGIHandler``. ``tests/test_private_names.py`` fails if an upgrade changes them.
"""

import sys
import warnings

import gevent
from gevent import monkey

with warnings.catch_warnings():
    # gevent warns if the ssl module is imported already, which only happens in tests.
    warnings.simplefilter("ignore")
    # An ssl module that others have imported cannot be patched: its classes would call themselves without an end.
    monkey.patch_all(ssl="ssl" not in sys.modules, subprocess=False)

# The other imports must see the patched modules.
import contextlib
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from email.utils import formatdate
from http import HTTPStatus
from typing import Any, Final, SupportsIndex

from gevent.pool import Pool
from gevent.pywsgi import WSGIHandler
from gevent.resolver.thread import Resolver

from ws.loop import limits, native
from ws.loop.http_request import (
    Head,
    InvalidHead,
    client_socket,
    descriptor,
    environ_of,
    read_head,
    refusal,
    run_after_response,
    set_push_options,
)
from ws.loop.listener import Listener
from ws.loop.request_input import RequestInput
from ws.loop.tasks import logged

#: The loop's name in python-socketio.
ASYNC_MODE: Final = "gevent"

#: Bytes of a piece of an answer that is sent together with the head.
_JOINED_BYTES: Final = 16 * 1024
#: Statuses of answers without a body (RFC 9110, 6.4.1).
_BODYLESS: Final = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)


class _Resolver(Resolver):  # type: ignore[misc]
    """gevent's resolver in threads, which resolves addresses without a thread."""

    def getaddrinfo(self, *arguments: Any, **options: Any) -> list[Any]:
        return native.resolve_with(super().getaddrinfo)(*arguments, **options)


gevent.config.resolver = _Resolver


def _sleep(seconds: float | SupportsIndex, /) -> None:
    """Let other greenlets run for ``seconds``.

    With zero seconds, gevent would let greenlets that are ready run in turn, many times, before the loop looks for
    sockets and timers that are ready.
    """
    gevent.sleep(seconds or 1e-9)


time.sleep = _sleep


def spawn(name: str, function: Callable[[], object]) -> None:
    """Run ``function`` in a new greenlet; log an unhandled exception with ``name``."""
    gevent.spawn(logged(name, function))


def run_all(functions: Iterable[Callable[[], object]], *, within_seconds: float) -> None:
    """Run all ``functions`` concurrently; return when all have ended, or after ``within_seconds``."""
    pool = Pool(1000)
    with gevent.Timeout(within_seconds, False):
        for function in functions:
            pool.spawn(logged("one of several functions", function))
        pool.join()


def wait_readable(fd: int) -> None:
    """Let other greenlets run until ``fd`` can be read."""
    gevent.socket.wait_read(fd)


def detach_socket(environ: Mapping[str, Any]) -> int:
    """Detach the socket of a request from the server, which will not answer the request; return the descriptor.

    The socket does not block, sends small frames immediately, and limits the unsent data in the kernel.
    """
    client = client_socket(environ)
    set_push_options(client)
    fd: int = client.detach()
    return fd


class _Handler(WSGIHandler):  # type: ignore[misc]
    """gevent's HTTP protocol with our reading of requests, limits of time, and the answers of the loop of eventlet.

    ``server`` is the WSGI application.
    """

    #: Status of the answer; ``None`` before ``start_response``.
    status: Any
    #: Content of the answer; ``None`` while the application runs.
    result: Any

    # -- a request

    def handle(self) -> None:
        """Answer the requests of a connection; close the connection unless its socket has been detached."""
        client = self.socket
        try:
            # Acknowledges the first data immediately: some clients send a body after the acknowledgement of the head.
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            while self.handle_one_request():
                pass
        except OSError:
            pass  # the connection is lost, or its client is too slow
        finally:
            if client.fileno() >= 0:
                with contextlib.suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)
                with contextlib.suppress(RuntimeError):  # another greenlet still reads a body
                    self.rfile.close()
                client.close()
            # The body of a request refers to this object.
            self.__dict__.clear()

    def handle_one_request(self) -> bool:
        """Answer a request; return whether the connection stays open for another one."""
        # The first byte may take long; then the rest of the head must follow in time.
        self.socket.settimeout(limits.KEEPALIVE_SECONDS)
        if not self.rfile.peek(1):
            return False
        self.socket.settimeout(limits.SOCKET_TIMEOUT_SECONDS)
        try:
            with gevent.Timeout(limits.HEAD_SECONDS, TimeoutError("the head of a request")):
                line = self.rfile.readline(limits.REQUEST_LINE_BYTES + 1)
                head = read_head(line, self.rfile) if line else None
        except InvalidHead as error:
            self._sendall(refusal(error.status))
            return False
        if head is None:
            return False
        self._begin(head)
        self.handle_one_response()
        return not self.close_connection

    def _begin(self, head: Head) -> None:
        self.command, self.path, self.request_version, self.headers, keeps_connection = head
        self.close_connection = not keeps_connection
        self.status = self.result = None
        self.headers_sent = self.response_use_chunked = False
        self.environ = environ_of(head, self.socket, self.client_address)
        self.wsgi_input = RequestInput(self.rfile, self.environ, self._sendall, gevent.Timeout)
        self.environ["wsgi.input"] = self.wsgi_input
        self.application = self.server

    # -- the answer

    def handle_one_response(self) -> None:
        """Run the application and send its answer; afterwards read the rest of the body."""
        environ, body = self.environ, self.wsgi_input
        try:
            self.run_application()
            if descriptor(environ) < 0:
                self.close_connection = True
                return
            if not self.headers_sent:
                raise AssertionError("the application has not answered")
        except Exception:
            # The application logs its errors.
            self.close_connection = True
            if not self.headers_sent:
                self._send_error()
        if body.should_send_hundred_continue:
            # The client may or may not send the body that it has announced.
            self.close_connection = True
        if not self.close_connection:
            try:
                body.discard()
            except (ValueError, OSError):
                self.close_connection = True
        run_after_response(environ)

    def _send_error(self) -> None:
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        self.start_response(
            f"{status.value} {status.phrase}", [("Content-Type", "text/plain"), ("Content-Length", "0")]
        )
        self.write(b"")

    def write(self, data: bytes) -> None:
        """Send a piece of the answer, with the head before the first piece; applications call this (PEP 3333)."""
        if self.status is None:
            raise AssertionError("write() before start_response()")
        head = b"" if self.headers_sent else self._begin_answer()
        if self.response_use_chunked and data:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        if len(data) <= _JOINED_BYTES:
            # In one segment: the kernel would hold back a second small segment until the client acknowledges the first.
            self._sendall(head + data)
        else:
            self._sendall(head)
            self._sendall(data)

    def _begin_answer(self) -> bytes:
        """Return the head of the answer."""
        self.headers_sent = self.wsgi_input.headers_sent = True
        is_complete = hasattr(self.result, "__len__")
        if is_complete and self.wsgi_input.should_send_hundred_continue:
            self.close_connection = True
        lines = [b"HTTP/1.1 " + self.status]
        for name, value in self.response_headers:
            if name.lower() != b"connection":
                lines.append(b"-".join(word.capitalize() for word in name.split(b"-")) + b": " + value)
        has_body = self.command != "HEAD" and self.code not in _BODYLESS
        if self.provided_content_length is None and has_body and is_complete:
            lines.append(b"Content-Length: %d" % sum(map(len, self.result)))
        if self.provided_date is None:
            lines.append(b"Date: " + formatdate(usegmt=True).encode())
        if self.provided_content_length is None and has_body and not is_complete:
            self.response_use_chunked = self.request_version == "HTTP/1.1"
            self.close_connection = self.close_connection or not self.response_use_chunked
            if self.response_use_chunked:
                lines.append(b"Transfer-Encoding: chunked")
        if self.close_connection:
            lines.append(b"Connection: close")
        elif self.headers.get("Connection", "").lower() == "keep-alive":
            lines += [b"Connection: keep-alive", b"Keep-Alive: timeout=%d" % limits.KEEPALIVE_SECONDS]
        return b"\r\n".join([*lines, b"", b""])

    def _sendall(self, data: bytes) -> None:
        """Send ``data``; the time limit applies to each wait, as a slow client may need long for a long answer."""
        left = memoryview(data)
        while left:
            left = left[self.socket.send(left) :]


def serve(listener: Listener, app: Any) -> None:
    """Serve the WSGI application ``app`` forever, with one greenlet per connection."""
    pool = Pool(limits.CONNECTION_LIMIT)
    while True:
        client, address = listener.accept()
        pool.spawn(logged("a connection", _Handler(client, address, app).handle))
