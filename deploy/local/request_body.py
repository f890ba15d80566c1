"""The body of a request: its size limit, and how it is read in pieces. Only a small body is buffered completely."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final

from contract.names import MESSAGE_LIMIT_BYTES

#: Key in a request's WSGI environment of the client's socket, which the gateway sets.
CLIENT_SOCKET: Final = "dispycluster.client_socket"
#: Maximum bytes of a body on all paths except those below ``PUBLISH_PATH``. The largest such body is a sign-in.
SMALL_BODY_BYTES: Final = 8 * 1024
#: Beginning of the paths that publish messages.
PUBLISH_PATH: Final = "/api/publish/"
#: Bytes of a longer body that are buffered.
PIECE_BYTES: Final = 64 * 1024
#: Maximum seconds and bytes that a client may continue to send after an early response. If the connection was closed
#: immediately, the client could lose the response (RFC 9112, 9.6).
LINGER_SECONDS: Final = 5.0
LINGER_BYTES: Final = 8 * 1024 * 1024
#: Maximum clients that may continue to send at a time. Connections of other clients are closed immediately.
LINGERING_LIMIT: Final = 256
_lingering: Final = threading.BoundedSemaphore(LINGERING_LIMIT)


class InvalidBody(ValueError):
    """The body of a request cannot be forwarded; ``status`` is the status of the response."""

    def __init__(self, text: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(text)
        self.status: Final = status


class RequestBody:
    """Reads the body of a WSGI request, and decodes a chunked one (RFC 9112, 7.1)."""

    def __init__(self, environ: dict[str, Any]) -> None:
        self._file = environ["wsgi.input"]
        self._socket: socket.socket | None = environ.get(CLIENT_SOCKET)
        self.is_chunked: Final = bool(environ.get("HTTP_TRANSFER_ENCODING"))
        self._content_length = environ.get("CONTENT_LENGTH") or "0"
        self._is_publish = environ["PATH_INFO"].startswith(PUBLISH_PATH)
        expect = environ.get("HTTP_EXPECT", "").lower()
        self._expects_continue = environ.get("SERVER_PROTOCOL") == "HTTP/1.1" and expect == "100-continue"
        self._limit = MESSAGE_LIMIT_BYTES if self._is_publish else SMALL_BODY_BYTES
        #: Bytes of the body; ``None`` if the request does not state the length.
        self.length: int | None = None
        self._read = 0
        self._has_failed = False
        self.has_ended = False

    def check(self) -> None:
        """Check the headers that describe the body, without reading it.

        Raises:
            InvalidBody: the length is not valid or above the limit.
        """
        if self.is_chunked:
            return
        if not (self._content_length.isascii() and self._content_length.isdigit()):
            raise InvalidBody("Content-Length must be a number of bytes.")
        length = int(self._content_length) if len(self._content_length) < 20 else self._limit + 1
        if length > self._limit:
            raise self._too_long()
        self.length = length
        self.has_ended = not length

    @property
    def is_awaiting_continue(self) -> bool:
        """Whether the client waits for "100 Continue" (RFC 9110, 10.1.1), which the first read of the body sends."""
        return self._expects_continue and not self.has_ended

    @property
    def is_small(self) -> bool:
        """Whether the body is read completely before the request goes to the api."""
        if self.is_awaiting_continue:
            return False
        return not self._is_publish or (self.length is not None and self.length <= SMALL_BODY_BYTES)

    def read_all(self) -> bytes:
        """Return the complete body.

        Raises:
            InvalidBody: the body is too long, incomplete, or not valid.
        """
        return b"".join(self.pieces())

    def pieces(self) -> Iterator[bytes]:
        """Yield the body as it arrives.

        Raises:
            InvalidBody: the body is too long, incomplete, or not valid.
        """
        while piece := self._next(PIECE_BYTES):
            if self._read > self._limit:
                raise self._too_long()
            yield piece

    def discard(self) -> None:
        """Read the rest of the body, up to ``LINGER_BYTES``."""
        until = self._read + LINGER_BYTES
        try:
            while self._read < until and self._next(SMALL_BODY_BYTES):
                pass
        except (InvalidBody, OSError):
            return

    def shut_down_reading(self) -> None:
        """Make a pending read of the body return."""
        if self._socket is not None:
            with suppress(OSError):  # the client has disconnected
                self._socket.shutdown(socket.SHUT_RD)

    def _next(self, size: int) -> bytes:
        if self.has_ended or self._has_failed:
            return b""
        # The length of a chunked body is not known: one byte beyond the limit shows that the body is too long.
        left = size if self.length is None else min(size, self.length - self._read)
        self._has_failed = True
        try:
            piece: bytes = self._file.read(left)
        except ValueError as error:
            raise InvalidBody("The body is not valid.") from error
        if len(piece) < left and self.length is not None:
            raise InvalidBody("The body is incomplete.")
        self._has_failed = False
        self._read += len(piece)
        self.has_ended = not piece or self._read == self.length
        return piece

    def _too_long(self) -> InvalidBody:
        return InvalidBody(f"The body may have at most {self._limit} bytes.", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


class BodyReader:
    """Runs ``work``, which reads a body, in a thread."""

    def __init__(self, work: Callable[[], object]) -> None:
        # Not Thread.join: on Python 3.13 under eventlet, its timeout is an exception that ends the request.
        self._ended = threading.Event()
        self._work = work
        threading.Thread(target=self._run, name="body", daemon=True).start()

    @property
    def has_ended(self) -> bool:
        """Whether the work has ended."""
        return self._ended.is_set()

    def wait(self, seconds: float) -> None:
        """Wait for the end of the work, but at most ``seconds``."""
        self._ended.wait(seconds)

    def _run(self) -> None:
        try:
            self._work()
        finally:
            self._ended.set()


class BodyForwarder:
    """Forwards a body while it arrives, in a thread. The api may respond early; the rest is then discarded."""

    def __init__(self, body: RequestBody, send: Callable[[bytes], object], abort: Callable[[], object]) -> None:
        """``send`` sends bytes to the api; ``abort`` is called if the body is not valid."""
        self._body = body
        self._send = send
        self._abort = abort
        self.is_answered = False
        #: Why the body cannot be forwarded.
        self.error: InvalidBody | None = None
        self.reader = BodyReader(self._run)

    def _run(self) -> None:
        try:
            for piece in self._body.pieces():
                if self.is_answered:
                    break
                self._send(b"%x\r\n%b\r\n" % (len(piece), piece) if self._body.is_chunked else piece)
            else:
                if self._body.is_chunked:
                    self._send(b"0\r\n\r\n")
        except InvalidBody as error:
            self.error = error
            with suppress(OSError):  # the api has closed the connection
                self._abort()
        except OSError:
            pass  # the client has disconnected, or the api does not read the rest
        self._body.discard()


class ProxyResponse:
    """The content of a response. After the response is sent, the rest of the request's body is read and discarded."""

    def __init__(
        self,
        content: list[bytes],
        body: RequestBody,
        forwarder: BodyForwarder | None = None,
        release: Callable[[], object] | None = None,
    ) -> None:
        """``release`` is called when the content has been sent or cannot be sent."""
        self._content = content
        self._release = release
        self._body = body
        self._reader = forwarder.reader if forwarder is not None else None

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._content)

    def __len__(self) -> int:
        """Return the number of pieces, which shows the server that the response is complete.

        The server then closes the connection of a client that still waits for "100 Continue".
        """
        return len(self._content)

    def close(self) -> None:
        """Read the rest of the body, within limits. The server calls this after it has sent the response.

        Raises:
            TimeoutError: the client still sends; the server closes the connection.
        """
        if self._release is not None:
            self._release()
            self._release = None
        if self._body.has_ended:
            return
        if _lingering.acquire(blocking=False):
            try:
                self._linger()
            finally:
                _lingering.release()
        if not self._body.has_ended:
            self._stop_reading()
            raise TimeoutError("the client still sends its body after an early response")

    def _linger(self) -> None:
        if self._reader is None:
            self._reader = BodyReader(self._body.discard)
        self._reader.wait(LINGER_SECONDS)

    def _stop_reading(self) -> None:
        """End the thread that reads: the connection is closed next."""
        if self._reader is not None:
            self._body.shut_down_reading()
            self._reader.wait(LINGER_SECONDS)
