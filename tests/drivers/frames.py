"""WebSocket frames of clients, byte by byte."""

import struct
import zlib


def frame(first: int, payload: bytes, *, announced: int | None = None, mask: bytes | None = bytes(4)) -> bytes:
    """Return a frame that begins with the byte ``first``; ``announced`` is a length in the header that may be wrong."""
    length = len(payload) if announced is None else announced
    if length < 126:
        head = struct.pack("!BB", first, 0x80 | length)
    elif length < 1 << 16:
        head = struct.pack("!BBH", first, 0xFE, length)
    else:
        head = struct.pack("!BBQ", first, 0xFF, length)
    if mask is None:
        return bytes([head[0], head[1] & 0x7F]) + head[2:] + payload
    if any(mask):
        payload = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
    return head + mask + payload


def deflated(data: bytes) -> bytes:
    """Return the payload of a compressed message (RFC 7692)."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]
