"""The TLS options of redis-py as parts of the URL, which its blocking and its asyncio client both read.

redis-py verifies the certificate and the host name unless the URL disables the check (``ssl_cert_reqs``).
"""

import ssl
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

_CA: Final = "ssl_ca_certs"
_MIN_VERSION: Final = "ssl_min_version"
#: Oldest accepted and newest protocol version, as URL parameters. A URL may demand the newest one.
_OLDEST: Final = str(int(ssl.TLSVersion.TLSv1_2))
_NEWEST: Final = str(int(ssl.TLSVersion.TLSv1_3))


def with_tls(url: str, ca_file: str) -> str:
    """Add the CAs of ``ca_file`` and at least TLS 1.2 to a ``rediss://`` URL; return other URLs unchanged.

    ``ca_file`` is the path of a PEM file whose CAs are trusted in addition to those of the system; empty for none.

    Raises:
        ValueError: the file cannot be used; the text describes a valid file.
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
    """Return the absolute path, for processes with another working directory."""
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
