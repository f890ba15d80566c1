"""The body of a request: its limit, and its reading in pieces. No body is held whole but a small one."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final

from contract.names import MESSAGE_LIMIT_BYTES

#: Bytes of a body, for all routes but the next: a sign-in is the largest.
SMALL_BYTES: Final = 8 * 1024
#: Where messages are published.
PUBLISH: Final = "/api/publish/"
#: Bytes of a longer body that are held at a time.
PIECE_BYTES: Final = 64 * 1024
#: Seconds, and bytes, for which a client that was answered early may go on sending. A connection that is closed at once
#: takes the answer from it (RFC 9112, 9.6).
LINGER_SECONDS: Final = 5.0
LINGER_BYTES: Final = 8 * 1024 * 1024
#: Clients that go on sending at a time; others are cut off.
LINGERING: Final = 256
_lingering: Final = threading.BoundedSemaphore(LINGERING)


class BadBody(ValueError):
    """The body of a request cannot be handed on; ``status`` is the answer."""

    def __init__(self, text: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(text)
        self.status: Final = status


class Body:
    """Reads the body of a WSGI request; one in chunks (RFC 9112, 7.1) is put together."""

    def __init__(self, environ: dict[str, Any]) -> None:
        self._file = environ["wsgi.input"]
        #: Has the client's socket; only the gateway's server has it.
        self._source = environ.get("eventlet.input")
        self.is_chunked: Final = bool(environ.get("HTTP_TRANSFER_ENCODING"))
        self._stated = environ.get("CONTENT_LENGTH") or "0"
        self._is_published = environ["PATH_INFO"].startswith(PUBLISH)
        self._limit = MESSAGE_LIMIT_BYTES if self._is_published else SMALL_BYTES
        #: Bytes that are to come; ``None`` where nobody knows.
        self.length: int | None = None
        self._read = 0
        self._has_failed = False
        self.has_ended = False

    def check(self) -> None:
        """Check what the request says of its body; nothing is read.

        Raises:
            BadBody: the length is not valid, or too long.
        """
        if self.is_chunked:
            return
        if not (self._stated.isascii() and self._stated.isdigit()):
            raise BadBody("Content-Length is a number of bytes.")
        length = int(self._stated) if len(self._stated) < 20 else self._limit + 1
        if length > self._limit:
            raise self._too_long()
        self.length = length
        self.has_ended = not length

    @property
    def is_small(self) -> bool:
        """Whether the body may be read whole before the api is asked."""
        return not self._is_published or (self.length is not None and self.length <= SMALL_BYTES)

    def read_whole(self) -> bytes:
        """Return a small body.

        Raises:
            BadBody: it is too long, ends early, or is not valid.
        """
        return b"".join(self.pieces())

    def pieces(self) -> Iterator[bytes]:
        """Yield the body as it comes.

        Raises:
            BadBody: it is too long, ends early, or is not valid.
        """
        while piece := self._next(PIECE_BYTES):
            if self._read > self._limit:
                raise self._too_long()
            yield piece

    def discard(self) -> None:
        """Read what is left, up to ``LINGER_BYTES``."""
        until = self._read + LINGER_BYTES
        try:
            while self._read < until and self._next(SMALL_BYTES):
                pass
        except (BadBody, OSError):
            return

    def hang_up(self) -> None:
        """Have whoever reads the body find its end."""
        if self._source is not None:
            with suppress(OSError):  # the client has gone
                self._source.get_socket().shutdown(socket.SHUT_RD)

    def _next(self, size: int) -> bytes:
        if self.has_ended or self._has_failed:
            return b""
        # Of a body without a length, a byte beyond the limit shows that it is too long.
        left = size if self.length is None else min(size, self.length - self._read)
        self._has_failed = True
        try:
            piece: bytes = self._file.read(left)
        except ValueError as error:
            raise BadBody("The body is not valid.") from error
        if len(piece) < left and self.length is not None:
            raise BadBody("The body ended early.")
        self._has_failed = False
        self._read += len(piece)
        self.has_ended = not piece or self._read == self.length
        return piece

    def _too_long(self) -> BadBody:
        return BadBody(f"A body may have {self._limit} bytes here.", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


class Sending:
    """Hands a body on while it comes, in a thread, so that an early answer is seen; after one the rest is discarded."""

    def __init__(self, body: Body, send: Callable[[bytes], object], give_up: Callable[[], object]) -> None:
        """``send`` takes bytes as they go out; ``give_up`` is called where the body is not valid."""
        self._body = body
        self._send = send
        self._give_up = give_up
        self.is_answered = False
        #: Why the body cannot be handed on.
        self.error: BadBody | None = None
        self.thread = threading.Thread(target=self._run, name="body", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            for piece in self._body.pieces():
                if self.is_answered:
                    break
                self._send(b"%x\r\n%b\r\n" % (len(piece), piece) if self._body.is_chunked else piece)
            else:
                if self._body.is_chunked:
                    self._send(b"0\r\n\r\n")
        except BadBody as error:
            self.error = error
            with suppress(OSError):  # the api has closed the connection
                self._give_up()
        except OSError:
            pass  # the client has gone, or the api does not want the rest
        self._body.discard()


class Answer:
    """The content of an answer, and what is left of the request's body, which is read and thrown away behind it."""

    def __init__(
        self,
        content: list[bytes],
        body: Body,
        sending: Sending | None = None,
        release: Callable[[], object] | None = None,
    ) -> None:
        """``release`` is called once the content was sent, or cannot be."""
        self._content = content
        self._release = release
        self._body = body
        self._thread = sending.thread if sending is not None else None

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._content)

    def close(self) -> None:
        """Wait for the end of the body, within bounds; the server calls it when the answer was sent.

        Raises:
            TimeoutError: the body did not end; the server closes the connection.
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
            raise TimeoutError("the body of a request that was answered early")

    def _linger(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._body.discard, name="body", daemon=True)
            self._thread.start()
        self._thread.join(LINGER_SECONDS)

    def _stop_reading(self) -> None:
        """Nobody may read from a connection while it is closed."""
        if self._thread is not None:
            self._body.hang_up()
            self._thread.join(LINGER_SECONDS)
