"""Read when the certificate of the pages expires. Nothing else of the certificate is checked."""

import calendar
import ssl
import time
from pathlib import Path
from typing import Final

#: Bytes that are read of a certificate file.
LIMIT_BYTES: Final = 1024 * 1024
_BEGIN: Final = "-----BEGIN CERTIFICATE-----"
_END: Final = "-----END CERTIFICATE-----"
_SEQUENCE, _VERSION, _UTC_TIME, _GENERALIZED_TIME = 0x30, 0xA0, 0x17, 0x18


def certificate_expiry(path: Path) -> float:
    """Return when the first certificate of a PEM file expires, in Unix seconds.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file has no certificate.
    """
    with path.open("rb") as file:
        text = file.read(LIMIT_BYTES).decode("ascii", errors="replace")
    _, begin, rest = text.partition(_BEGIN)
    base64_text, end, _ = rest.partition(_END)
    if not begin or not end:
        raise ValueError("no certificate in PEM form")
    return _not_after(ssl.PEM_cert_to_DER_cert(begin + base64_text + end))


def _not_after(der: bytes) -> float:
    """Return the end of a certificate's validity. Source: RFC 5280, section 4.1.

    Raises:
        ValueError: ``der`` is not a certificate.
    """
    # A certificate has a signed part with these fields: optional version, serial number, algorithm, issuer, validity.
    at, _ = _content(der, _content(der, 0, _SEQUENCE)[0], _SEQUENCE)
    if der[at : at + 1] == bytes([_VERSION]):
        _, at = _content(der, at)
    for _ in range(3):
        _, at = _content(der, at)
    begin, _ = _content(der, at, _SEQUENCE)
    _, at = _content(der, begin)
    start, end = _content(der, at)
    text = der[start:end].decode("ascii", errors="replace")
    if der[at] == _UTC_TIME:
        # Two-digit years below 50 are 20xx.
        text = ("20" if text[:2] < "50" else "19") + text
    elif der[at] != _GENERALIZED_TIME:
        raise ValueError("not a certificate")
    return float(calendar.timegm(time.strptime(text, "%Y%m%d%H%M%SZ")))


def _content(der: bytes, at: int, tag: int | None = None) -> tuple[int, int]:
    """Return where the content of a DER element begins and ends. Source: X.690, section 8.1.

    Raises:
        ValueError: the element does not exist, or has another tag.
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
