"""The web origin of a page, from the ``Origin`` header or a URL, and its comparison with a ``Host`` header."""

from typing import Final, NamedTuple
from urllib.parse import urlsplit

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class WebOrigin(NamedTuple):
    """Scheme, host and port of a page (RFC 6454)."""

    scheme: str
    host: str
    port: int


def normal_origin(text: str) -> WebOrigin | None:
    """Parse an ``Origin`` header and fill in the default port; ``None`` for other text."""
    try:
        parts = urlsplit(text)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError:
        return None
    if scheme not in _DEFAULT_PORTS or not host or parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        return None
    return WebOrigin(scheme, host, _DEFAULT_PORTS[scheme] if port is None else port)


def origin_of_url(url: str) -> WebOrigin | None:
    """Return the origin of a page's URL; ``None`` for a URL that is not HTTP or HTTPS."""
    return normal_origin("/".join(url.split("/", 3)[:3]))


def same_host(origin: WebOrigin, host: str) -> bool:
    """Whether ``host``, a ``Host`` header, names the host and port of ``origin``.

    The scheme is ignored, because a proxy may terminate TLS.
    """
    try:
        parts = urlsplit(f"//{host}")
        name, port = parts.hostname, parts.port
    except ValueError:
        return False
    if port is None or port in _DEFAULT_PORTS.values():
        return name == origin.host and origin.port in (port, _DEFAULT_PORTS[origin.scheme])
    return (name, port) == (origin.host, origin.port)
