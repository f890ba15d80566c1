"""Answers compressed for clients that say they can read it."""

import gzip
from typing import Final

from flask import Response, request

#: Bytes below which compressing is not worth its header.
SMALLEST_BYTES: Final = 1000
#: Of 1 to 9. Numbers in JSON shrink to a tenth at the cheap end already.
LEVEL: Final = 4

_TYPES: Final = frozenset(
    ("application/json", "application/problem+json", "application/javascript", "application/manifest+json")
)


def compress(response: Response) -> Response:
    """Compress ``response`` with gzip where that is wanted and pays; an ``after_request`` function."""
    if not _is_wanted(response):
        return response
    response.direct_passthrough = False
    body = response.get_data()
    if len(body) >= SMALLEST_BYTES:
        _replace(response, gzip.compress(body, LEVEL, mtime=0))
    return response


def answer_compressed(response: Response, compressed: bytes) -> None:
    """Answer what was compressed before, where ``compress`` would do it now."""
    if _is_wanted(response):
        response.close()  # the file that it would have sent
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
