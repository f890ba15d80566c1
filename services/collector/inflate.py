"""Inflate a page that comes compressed although that was not asked for, within the bounds of every page."""

import zlib
from collections.abc import AsyncIterator
from typing import Final

from collector.intake import FREE_BYTES, PAGE_LIMIT_BYTES, PIECE_BYTES, Turns

#: The values of Content-Encoding that are read.
ENCODINGS: Final = ("gzip", "x-gzip", "deflate")
#: Members that a page in gzip may consist of, one behind the other. Source: RFC 1952, section 2.2
MEMBERS_LIMIT: Final = 1024
# How zlib is told what comes: with the head of gzip, with its own, with none.
_GZIP, _ZLIB, _BARE = 31, 15, -15


class DamagedPage(ValueError):
    """A compressed page that cannot be inflated, ends early, or goes on after its end."""


class PageTooLong(ValueError):
    """A compressed page of more than ``PAGE_LIMIT_BYTES``."""


async def inflated(pieces: AsyncIterator[bytes], encoding: str, turns: Turns) -> AsyncIterator[bytes]:
    """Yield the page in pieces of ``PIECE_BYTES`` at most; beyond its first ``FREE_BYTES``, each waits for its turn.

    Raises:
        DamagedPage: it is none.
        PageTooLong: it has more than ``PAGE_LIMIT_BYTES``.
    """
    inflater = None
    count = members = 0
    async for piece in pieces:
        while True:
            if inflater is None or inflater.eof:
                members += 1
                if members > (1 if encoding == "deflate" else MEMBERS_LIMIT):
                    raise DamagedPage("bytes after the end")
                inflater = zlib.decompressobj(_head(encoding, piece))
            try:
                part = inflater.decompress(piece, PIECE_BYTES)
            except zlib.error as error:
                raise DamagedPage(str(error)) from None
            count += len(part)
            if count > PAGE_LIMIT_BYTES:
                raise PageTooLong("too long")
            if count > FREE_BYTES:
                await turns.turn(count)
            yield part
            piece = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
            # A part that is full may not be all that the piece holds.
            if not piece and (inflater.eof or len(part) < PIECE_BYTES):
                break
    if inflater is None or not inflater.eof:
        raise DamagedPage("no end")


def _head(encoding: str, begin: bytes) -> int:
    if encoding != "deflate":
        return _GZIP
    # Deflate is to have zlib's head, and some send it without one. Source: RFC 9110, section 8.4.1.2
    return _ZLIB if begin[0] & 0x0F == zlib.DEFLATED else _BARE
