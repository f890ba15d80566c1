"""Compresses responses for clients that accept gzip."""

import gzip
from typing import Final

from flask import Response, request

#: Smallest body that is worth compressing, in bytes.
SMALLEST_BYTES: Final = 1000
#: gzip level, 1 to 9. A low level already compresses numbers in JSON to a tenth.
LEVEL: Final = 4

_TYPES: Final = frozenset(
    ("application/json", "application/problem+json", "application/javascript", "application/manifest+json")
)


def compress(response: Response) -> Response:
    """Compress ``response`` with gzip if the client accepts it and the body is large enough.

    An ``after_request`` function.
    """
    if not _is_wanted(response):
        return response
    response.direct_passthrough = False
    body = response.get_data()
    if len(body) >= SMALLEST_BYTES:
        _replace(response, gzip.compress(body, LEVEL, mtime=0))
    return response


def answer_compressed(response: Response, compressed: bytes) -> None:
    """Answer with an already compressed body, if ``compress`` would compress this response."""
    if _is_wanted(response):
        response.close()  # the file of the uncompressed response
        _replace(response, compressed)


def _is_wanted(response: Response) -> bool:
    if not _is_compressible(response):
        return False
    response.vary.add("Accept-Encoding")
    return response.status_code != 304 and request.accept_encodings.quality("gzip") > 0


def _replace(response: Response, compressed: bytes) -> None:
    response.direct_passthrough = False
    response.set_data(compressed)
    response.headers["Content-Encoding"] = "gzip"
    response.headers.pop("Accept-Ranges", None)
    tag, _ = response.get_etag()
    if tag is not None:
        response.set_etag(tag, weak=True)


def _is_compressible(response: Response) -> bool:
    if response.status_code == 304:
        return True
    if response.status_code in (204, 206) or "Content-Encoding" in response.headers:
        return False
    mimetype = response.mimetype or ""
    return mimetype.startswith("text/") or mimetype in _TYPES or mimetype.endswith("+xml")
