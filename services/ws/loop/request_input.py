"""The body of a request as ``wsgi.input``, with limits of time for the body, and of the bytes after the answer."""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Final

from ws.http_syntax import ByteSource, ChunkedBody
from ws.loop import limits
from ws.loop.http_request import WAIT_FOR_SLOT

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
#: Bytes of one read of a body that is discarded.
_DISCARDED_PIECE_BYTES: Final = 16 * 1024

#: Limits the seconds of a context, which then raises the error.
TimeLimit = Callable[[float, Exception], AbstractContextManager[object]]


class RequestInput:
    """Reads the body of one request. The names without underscore are those that eventlet's server uses."""

    def __init__(
        self,
        file: ByteSource,
        environ: Mapping[str, Any],
        send: Callable[[bytes], object],
        time_limit: TimeLimit,
    ) -> None:
        """``send`` sends "100 Continue" to the client."""
        self.chunked_input: Final = "HTTP_TRANSFER_ENCODING" in environ
        self.content_length: Final = int(environ.get("CONTENT_LENGTH", 0))
        #: Bytes that have been read of a body with ``content_length``.
        self.position = 0
        #: Whether the client waits for "100 Continue" (RFC 9110, 10.1.1), which the first read sends.
        self.should_send_hundred_continue = environ.get("HTTP_EXPECT", "").lower() == "100-continue"
        #: Not empty when the answer has begun.
        self.headers_sent: Any = ()
        self._file = _TimedFile(file, self, environ, time_limit)
        self._chunks: Final = ChunkedBody(self._file)
        self._send = send

    def read(self, size: int | None = None) -> bytes:
        """Return ``size`` bytes, or all; fewer only at the end of the body, or of the connection.

        Raises:
            MalformedChunk: the chunked body is not valid.
            TimeoutError: the client takes too long.
        """
        if self.should_send_hundred_continue:
            self.should_send_hundred_continue = False
            if not self.headers_sent:
                self._send(CONTINUE)
        if self.chunked_input:
            return self._chunks.read(size)
        left = self.content_length - self.position
        wanted = left if size is None or size < 0 else min(size, left)
        piece = self._file.read(wanted) if wanted else b""
        self.position += len(piece)
        return piece

    def discard(self) -> None:
        """Read the rest of the body after the answer, so that the client can read the answer.

        Raises:
            MalformedChunk: the chunked body is not valid.
            TimeoutError: the rest is too long, or takes too long.
        """
        while self.read(_DISCARDED_PIECE_BYTES):
            pass


class _TimedFile:
    """Reads from the connection within the time of the body; lets other greenlets run between the pieces."""

    def __init__(self, file: ByteSource, body: RequestInput, environ: Mapping[str, Any], time_limit: TimeLimit) -> None:
        self._file = file
        self._body = body
        self._environ = environ
        self._time_limit = time_limit
        self._reads = 0
        self._until: float | None = None
        self._discarded: int | None = None

    def read(self, size: int) -> bytes:
        return self._within(self._file.read, size)

    def readline(self, size: int) -> bytes:
        return self._within(self._file.readline, size)

    def _within(self, read: Callable[[int], bytes], size: int) -> bytes:
        self._reads += 1
        if self._reads % limits.OPERATIONS_BEFORE_YIELD == 0:
            self._environ.get(WAIT_FOR_SLOT, _yield_to_others)()
        now = time.monotonic()
        if self._until is None:
            self._until = now + limits.BODY_SECONDS
        if self._body.headers_sent:
            if self._discarded is None:
                self._until, self._discarded = min(self._until, now + limits.DISCARD_SECONDS), 0
            self._discarded += size
            if self._discarded > limits.DISCARD_BYTES:
                raise TimeoutError("a body after the answer")
        with self._time_limit(max(0.0, self._until - now), TimeoutError("the body of a request")):
            return read(size)


def _yield_to_others() -> None:
    """Let other greenlets run."""
    time.sleep(0)
