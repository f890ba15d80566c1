"""Whose page a browser acts for: what its ``Origin`` header says, and the host that it asked."""

from typing import Final, NamedTuple
from urllib.parse import urlsplit

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class WebOrigin(NamedTuple):
    """Of a page."""

    scheme: str
    host: str
    port: int


def normal_origin(text: str) -> WebOrigin | None:
    """Return an ``Origin`` header's scheme, host and port, the default port filled in; ``None`` where it is none."""
    try:
        parts = urlsplit(text)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError:
        return None
    if scheme not in _DEFAULT_PORTS or not host or parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        return None
    return WebOrigin(scheme, host, _DEFAULT_PORTS[scheme] if port is None else port)


def origin_of_url(url: str) -> WebOrigin | None:
    """Return the origin of a page by its address; ``None`` where that is none of a page."""
    return normal_origin("/".join(url.split("/", 3)[:3]))


def same_host(origin: WebOrigin, host: str) -> bool:
    """Whether the page of ``origin`` was asked for under ``host``, a ``Host`` header.

    The scheme is ignored: behind a proxy that ends TLS it is the proxy's.
    """
    try:
        parts = urlsplit(f"//{host}")
        name, port = parts.hostname, parts.port
    except ValueError:
        return False
    if port is None or port in _DEFAULT_PORTS.values():
        return name == origin.host and origin.port in (port, _DEFAULT_PORTS[origin.scheme])
    return (name, port) == (origin.host, origin.port)
