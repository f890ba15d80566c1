"""A strict parser of HTTP/1.1 (RFC 9112): a request that two servers could read in different ways is an error."""

import re
from typing import Final, Protocol

#: Bytes of the line that begins a chunk, including extensions.
CHUNK_HEAD_LIMIT_BYTES: Final = 256
#: Bytes of one trailer, and number of trailers after a body. Trailers are read and discarded.
TRAILER_LIMIT_BYTES: Final = 1024
TRAILERS_LIMIT: Final = 16

#: A size of at most 4 GiB, and extensions without control characters.
_CHUNK_HEAD: Final = re.compile(rb"([0-9A-Fa-f]{1,8})[\t ]*(?:;[\t\x20-\x7e\x80-\xff]*)?\r\n")
_END_OF_LINE: Final = b"\r\n"

_TOKEN: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_REQUEST_LINE: Final = re.compile(_TOKEN + rb" [\x21-\x7e\x80-\xff]+ HTTP/1\.[01]\r?\n")
#: A header on one line without control characters: some servers take a bare CR for the end of a line.
_FIELD: Final = re.compile(rb"(" + _TOKEN + rb"):([\t\x20-\x7e\x80-\xff]*)\r?\n")
#: The absolute form of a target, without user information (RFC 9110, 4.2.4).
_ABSOLUTE_FORM: Final = re.compile(r"(?i:https?)://([^/?#@]+)(/[^?#]*)?(\?[^#]*)?")
_END_LINES: Final = (b"\r\n", b"\n", b"")
_LENGTH: Final = b"content-length"
#: Headers that may occur at most once.
_SINGLE_HEADERS: Final = (b"host", _LENGTH)


class LineSource(Protocol):
    """A source of lines."""

    def readline(self, size: int = -1, /) -> bytes:
        """Return a line, of at most ``size`` bytes unless that is negative."""
        ...


class RequestHead:
    """Passes on the lines of a request's head; ``is_valid`` is final after the last line."""

    def __init__(self, request_line: bytes, file: LineSource) -> None:
        self.is_valid = _REQUEST_LINE.fullmatch(request_line) is not None
        self._file = file
        self._seen: set[bytes] = set()

    def readline(self, size: int = -1) -> bytes:
        """Return the next line."""
        line = self._file.readline(size)
        if line not in _END_LINES:
            self.is_valid = self._is_field(line) and self.is_valid
        return line

    def _is_field(self, line: bytes) -> bool:
        field = _FIELD.fullmatch(line)
        if field is None:
            return False
        name = field[1].lower()
        if name not in _SINGLE_HEADERS:
            return True
        if name in self._seen or (name == _LENGTH and not field[2].strip(b" \t").isdigit()):
            return False
        self._seen.add(name)
        return True


def origin_form(target: str) -> tuple[str, str]:
    """Split the target of a request (RFC 9112, 3.2) into authority and origin form.

    The authority is empty if the target is a path; ``*`` and other forms are returned unchanged.

    Raises:
        ValueError: the target looks absolute and is not valid.
    """
    if "://" not in target or target.startswith("/"):
        return "", target
    parts = _ABSOLUTE_FORM.fullmatch(target)
    if parts is None:
        raise ValueError("not the URI of a resource")
    return parts[1], (parts[2] or "/") + (parts[3] or "")


class ByteSource(Protocol):
    """A source of bytes."""

    def read(self, size: int, /) -> bytes:
        """Return ``size`` bytes, or fewer at the end."""
        ...

    def readline(self, size: int, /) -> bytes:
        """Return a line of at most ``size`` bytes."""
        ...


class MalformedChunk(ValueError):
    """The chunked body is not valid or ends early; nothing more can be read."""


class ChunkedBody:
    """Reads a chunked body (RFC 9112, 7.1); data after the body stays in ``file``."""

    def __init__(self, file: ByteSource) -> None:
        self._file = file
        #: Bytes of the current chunk that have not been read.
        self._left = 0
        self._is_first = True
        self._ended = False
        self._failed = False

    def read(self, size: int | None = None) -> bytes:
        """Return ``size`` bytes, or all; fewer only at the end of the body.

        Raises:
            MalformedChunk: the body is not valid.
        """
        if self._failed:
            raise MalformedChunk
        wanted = float("inf") if size is None or size < 0 else size
        pieces: list[bytes] = []
        self._failed = True
        while wanted and not self._ended:
            if not self._left:
                self._begin_chunk()
                continue
            piece = self._file.read(int(min(wanted, self._left)))
            if not piece:
                raise MalformedChunk("the body ended early")
            pieces.append(piece)
            wanted -= len(piece)
            self._left -= len(piece)
        self._failed = False
        return b"".join(pieces)

    def _begin_chunk(self) -> None:
        if not self._is_first and self._file.readline(len(_END_OF_LINE)) != _END_OF_LINE:
            raise MalformedChunk("a chunk is longer than announced")
        self._is_first = False
        head = _CHUNK_HEAD.fullmatch(self._file.readline(CHUNK_HEAD_LIMIT_BYTES))
        if head is None:
            raise MalformedChunk("a chunk has no size")
        self._left = int(head[1], 16)
        if not self._left:
            self._skip_trailers()
            self._ended = True

    def _skip_trailers(self) -> None:
        for _ in range(TRAILERS_LIMIT + 1):
            line = self._file.readline(TRAILER_LIMIT_BYTES)
            if line == _END_OF_LINE:
                return
            if not line.endswith(_END_OF_LINE):
                break
        raise MalformedChunk("the end of the body is not valid")
