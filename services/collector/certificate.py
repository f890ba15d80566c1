"""When the certificate ends that the pages are served with: read from its file, nothing else of it is looked at."""

import calendar
import ssl
import time
from pathlib import Path
from typing import Final

#: Bytes of a file of certificates that are read.
LIMIT_BYTES: Final = 1024 * 1024
_BEGIN: Final = "-----BEGIN CERTIFICATE-----"
_END: Final = "-----END CERTIFICATE-----"
_SEQUENCE, _VERSION, _UTC_TIME, _GENERALIZED_TIME = 0x30, 0xA0, 0x17, 0x18


def certificate_expiry(path: Path) -> float:
    """When the first certificate of a PEM file ends, in Unix seconds.

    Raises:
        OSError: the file cannot be read.
        ValueError: it holds no certificate.
    """
    with path.open("rb") as file:
        text = file.read(LIMIT_BYTES).decode("ascii", errors="replace")
    _, begin, rest = text.partition(_BEGIN)
    body, end, _ = rest.partition(_END)
    if not begin or not end:
        raise ValueError("no certificate in PEM form")
    return _not_after(ssl.PEM_cert_to_DER_cert(begin + body + end))


def _not_after(der: bytes) -> float:
    """Return the end of a certificate's validity. Source: RFC 5280, section 4.1.

    Raises:
        ValueError: it is no certificate.
    """
    # A certificate, its signed part, and in that: a version or none, serial number, algorithm, issuer, validity.
    at, _ = _inside(der, _inside(der, 0, _SEQUENCE)[0], _SEQUENCE)
    if der[at : at + 1] == bytes([_VERSION]):
        _, at = _inside(der, at)
    for _ in range(3):
        _, at = _inside(der, at)
    begin, _ = _inside(der, at, _SEQUENCE)
    _, at = _inside(der, begin)
    start, end = _inside(der, at)
    text = der[start:end].decode("ascii", errors="replace")
    if der[at] == _UTC_TIME:
        # Years below 50 are of this century.
        text = ("20" if text[:2] < "50" else "19") + text
    elif der[at] != _GENERALIZED_TIME:
        raise ValueError("not a certificate")
    return float(calendar.timegm(time.strptime(text, "%Y%m%d%H%M%SZ")))


def _inside(der: bytes, at: int, tag: int | None = None) -> tuple[int, int]:
    """Where the content of an element of DER begins and ends. Source: X.690, section 8.1.

    Raises:
        ValueError: there is no such element.
    """
    if len(der) < at + 2 or (tag is not None and der[at] != tag):
        raise ValueError("not a certificate")
    length, begin = der[at + 1], at + 2
    if length & 0x80:
        count = length & 0x7F
        length, begin = int.from_bytes(der[begin : begin + count], "big"), begin + count
    if begin + length > len(der):
        raise ValueError("not a certificate")
    return begin, begin + length
