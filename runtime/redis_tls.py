"""What redis-py is told of TLS, as a part of the URL, which its blocking and its asyncio client both read.

It verifies the certificate and the host name by itself; a URL says so where it shall not (``ssl_cert_reqs``).
"""

import ssl
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

_CA: Final = "ssl_ca_certs"
_MIN_VERSION: Final = "ssl_min_version"
#: Protocol versions as the URL has them. A URL may ask for the newest alone, and for nothing older than the oldest.
_OLDEST: Final = str(int(ssl.TLSVersion.TLSv1_2))
_NEWEST: Final = str(int(ssl.TLSVersion.TLSv1_3))


def with_tls(url: str, ca_file: str) -> str:
    """Return a ``rediss://`` URL with the CAs of ``ca_file`` and TLS 1.2 as the oldest version; any other as it is.

    ``ca_file``: path of a PEM file, whose CAs are trusted besides those of the system; empty for the latter alone.

    Raises:
        ValueError: the file is of no use; the text says what it would have to be.
    """
    parts = urlsplit(url)
    if parts.scheme != "rediss":
        if ca_file:
            raise ValueError("a file only where REDIS_URL begins with rediss://")
        return url
    given = dict(parse_qsl(parts.query))
    added = {_MIN_VERSION: _NEWEST if given.get(_MIN_VERSION) == _NEWEST else _OLDEST}
    if ca_file:
        added[_CA] = str(_readable(ca_file))
    return urlunsplit(parts._replace(query=urlencode(given | added)))


def _readable(ca_file: str) -> Path:
    """The absolute path, for processes that are started elsewhere."""
    path = Path(ca_file).expanduser().absolute()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(path)
    except ssl.SSLError:
        pass  # not PEM, or damaged
    except OSError as error:
        raise ValueError(f"a file that can be read ({error.strerror})") from None
    if context.cert_store_stats()["x509"] == 0:
        raise ValueError("a PEM file with the certificate of the CA")
    return path
