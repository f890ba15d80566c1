"""Compression of WebSocket messages, without context takeover (RFC 7692), and of answers to polls.

isal takes a quarter of zlib's time for a snapshot of 1000 nodes, and its result is 9 % longer. So isal compresses what
few clients get, and zlib what many clients get: the gateway and the network carry each byte once for each client.
"""

import gzip
import types
import zlib
from typing import Final

isal_zlib: types.ModuleType | None
try:
    from isal import isal_zlib
except ImportError:
    # isal has wheels for x86-64 and aarch64 only.
    isal_zlib = None

#: zlib's level: 1 to 9.
ZLIB_LEVEL: Final = 3
#: isal's level: 0 to 3. Level 3 takes as long as zlib.
ISAL_LEVEL: Final = 2
#: Most recipients of a message that isal compresses. For a snapshot of 1000 nodes isal saves 1.9 ms, and its 6.2 KB
#: more cost the gateway 7 µs for each recipient (docs/scaling.md).
FEW_RECIPIENTS: Final = 200

#: Bytes of the empty block at the end of compressed data; RFC 7692 omits them.
_EMPTY_BLOCK_BYTES: Final = 4
#: Window bits of zlib's functions, for a gzip header before the largest window.
_GZIP_WBITS: Final = 16 + zlib.MAX_WBITS


def deflated(data: bytes, recipients: int) -> bytes:
    """Return the payload of a compressed message; its window has 32 KiB."""
    if isal_zlib is None or recipients > FEW_RECIPIENTS:
        compressor = zlib.compressobj(ZLIB_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    else:
        compressor = isal_zlib.compressobj(ISAL_LEVEL, isal_zlib.DEFLATED, -isal_zlib.MAX_WBITS)
    return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-_EMPTY_BLOCK_BYTES]


def gzipped(data: bytes) -> bytes:
    """Return ``data`` as gzip, for one client; the header has no time."""
    if isal_zlib is None:
        return gzip.compress(data, ZLIB_LEVEL, mtime=0)
    compressed: bytes = isal_zlib.compress(data, ISAL_LEVEL, _GZIP_WBITS)
    return compressed
