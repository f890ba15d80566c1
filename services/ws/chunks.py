"""A request's body in chunks (RFC 9112, 7.1), read strictly: what two servers could read in two ways is an error."""

import re
from typing import Final, Protocol

#: Bytes of the line that begins a chunk, extensions included.
HEAD_LIMIT_BYTES: Final = 256
#: Bytes of one trailer, and trailers behind a body. They are read and thrown away.
TRAILER_LIMIT_BYTES: Final = 1024
TRAILERS_LIMIT: Final = 16

#: A size of at most 4 GiB, and extensions without control characters.
_HEAD: Final = re.compile(rb"([0-9A-Fa-f]{1,8})[\t ]*(?:;[\t\x20-\x7e\x80-\xff]*)?\r\n")
_END_OF_LINE: Final = b"\r\n"


class File(Protocol):
    """What bytes come from."""

    def read(self, size: int, /) -> bytes:
        """Return ``size`` bytes, or fewer at the end."""
        ...

    def readline(self, size: int, /) -> bytes:
        """Return a line of at most ``size`` bytes."""
        ...


class MalformedChunk(ValueError):
    """What comes is no body in chunks, or ends early; nothing more can be read."""


class ChunkedBody:
    """The bytes of a body that comes in chunks; what follows the body stays in ``file``."""

    def __init__(self, file: File) -> None:
        self._file = file
        #: Bytes of the current chunk that have not been read.
        self._left = 0
        self._is_first = True
        self._ended = False
        self._failed = False

    def read(self, size: int | None = None) -> bytes:
        """Return ``size`` bytes, or all; fewer only where the body ends.

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
        head = _HEAD.fullmatch(self._file.readline(HEAD_LIMIT_BYTES))
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
