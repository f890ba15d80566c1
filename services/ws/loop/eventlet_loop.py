"""The loop of eventlet. This is the only module that imports eventlet.

This module uses and replaces private names of eventlet's server: ``HttpProtocol._read_request_line``,
``HttpProtocol.get_environ``, the fields of ``Input``, and ``WSGI_LOCAL``. ``tests/test_private_names.py`` fails if an
upgrade changes them.
"""

import os
import warnings

# eventlet's resolver supports neither nsswitch nor mDNS (``raspberrypi.local``); see ``resolve_with``.
os.environ.setdefault("EVENTLET_NO_GREENDNS", "yes")
os.environ.setdefault("EVENTLET_THREADPOOL_SIZE", "2")
with warnings.catch_warnings():
    # eventlet reports at every import that it is deprecated; docs/decisions/eventlet.md explains why we still use it.
    warnings.simplefilter("ignore")
    import eventlet
eventlet.monkey_patch()

# ruff: noqa: E402 (the other imports must see the patched modules)
import contextlib
import functools
import socket
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

from eventlet import tpool, wsgi
from eventlet.hubs import trampoline

from ws.http_syntax import MalformedChunk
from ws.loop import limits, native
from ws.loop.http_request import (
    Head,
    InvalidHead,
    client_socket,
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
ASYNC_MODE: Final = "eventlet"


socket.getaddrinfo = native.resolve_with(functools.partial(tpool.execute, native.getaddrinfo))


def spawn(name: str, function: Callable[[], object]) -> None:
    """Run ``function`` in a new greenlet; log an unhandled exception with ``name``."""
    eventlet.spawn(logged(name, function))


def run_all(functions: Iterable[Callable[[], object]], *, within_seconds: float) -> None:
    """Run all ``functions`` concurrently; return when all have ended, or after ``within_seconds``."""
    pool = eventlet.GreenPool(1000)
    with eventlet.Timeout(within_seconds, False):
        for function in functions:
            pool.spawn(logged("one of several functions", function))
        pool.waitall()


def wait_readable(fd: int) -> None:
    """Let other greenlets run until ``fd`` can be read."""
    trampoline(fd, read=True)


def detach_socket(environ: Mapping[str, Any]) -> int:
    """Detach the socket of a request from the server, which will not answer the request; return the descriptor.

    The socket does not block, sends small frames immediately, and limits the unsent data in the kernel.
    """
    client = client_socket(environ)
    set_push_options(client)
    fd: int = client.fd.detach()
    wsgi.WSGI_LOCAL.already_handled = True
    return fd


class _HttpProtocol(wsgi.HttpProtocol):  # type: ignore[misc]
    """eventlet's HTTP protocol with our reading of requests, limits of time, and no output of a client's errors."""

    rfile: Any
    path: str

    def __init__(self, conn_state: Any, server: Any) -> None:
        self._head_timeout: Any = None
        self._head: Head | None = None
        self._lines: Any = None
        try:
            super().__init__(conn_state, server)
        except TimeoutError:
            raise  # eventlet's server closes the connection on it
        except OSError:
            pass  # the connection is lost; eventlet would print the traceback

    def finish(self) -> None:
        try:
            super().finish()
        finally:
            # After a failed write, this file would keep the descriptor open until the next search for garbage.
            with contextlib.suppress(RuntimeError):  # another greenlet still reads a body
                self.rfile.close()

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        finally:
            self._cancel_head_timeout()

    def _read_request_line(self) -> bytes:
        # The first byte may take long; then the rest of the head must follow in time.
        self.connection.settimeout(limits.KEEPALIVE_SECONDS)
        if not self.rfile.peek(1):
            return b""
        self._head_timeout = eventlet.Timeout(limits.HEAD_SECONDS, TimeoutError("the head of a request"))
        # eventlet limits the lines of a head by itself, with other answers.
        self._lines = self.rfile
        line: bytes = super()._read_request_line()
        if len(line) > limits.REQUEST_LINE_BYTES:
            self.send_error(HTTPStatus.REQUEST_URI_TOO_LONG)
            return b""
        return line

    def parse_request(self) -> bool:
        try:
            head = self._head = read_head(self.raw_requestline, self._lines)
        except InvalidHead as error:
            self.send_error(error.status)
            return False
        self.command, self.path, self.request_version, self.headers, keeps_connection = head
        self.requestline = ""
        self.close_connection = not keeps_connection
        self._cancel_head_timeout()
        return True

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse the request and close the connection; the standard library's answer would show its version."""
        self.wfile.write(refusal(code))
        self.close_connection = True

    def get_environ(self) -> Any:
        assert self._head is not None
        environ = environ_of(self._head, self.connection, self.client_address)
        body = _Input(self.rfile, environ, self._send, eventlet.Timeout)
        environ |= {
            "wsgi.input": body,
            "eventlet.input": body,
            "eventlet.posthooks": [(run_after_response, (), {})],
        }
        return environ

    def _send(self, data: bytes) -> None:
        self.wfile.write(data)
        self.wfile.flush()

    def _cancel_head_timeout(self) -> None:
        if self._head_timeout is not None:
            self._head_timeout.cancel()
            self._head_timeout = None

    def log_message(self, *args: object) -> None:
        """Print nothing; otherwise each invalid request would print a line."""


class _Input(RequestInput):
    """A body whose errors are those of eventlet."""

    def read(self, size: int | None = None) -> bytes:
        try:
            return super().read(size)
        except MalformedChunk as error:
            raise wsgi.ChunkReadError(str(error)) from error  # the server closes the connection on it


def serve(listener: Listener, app: Any) -> None:
    """Serve the WSGI application ``app`` forever, with one greenlet per connection."""
    wsgi.server(
        listener,
        app,
        max_size=limits.CONNECTION_LIMIT,
        protocol=_HttpProtocol,
        keepalive=limits.KEEPALIVE_SECONDS,
        url_length_limit=limits.REQUEST_LINE_BYTES + 1,
        socket_timeout=limits.SOCKET_TIMEOUT_SECONDS,
        log_output=False,
        debug=False,
    )
