"""The host names that a deployment answers to: its protection against DNS rebinding.

A foreign site can make its own name resolve to this machine. The browser then treats our responses as that site's own,
and lets the site's scripts read them. The ``Host`` header reveals the attack: it holds the foreign name. An attacker's
page never has an IP address or ``localhost`` there, because browsers do not look these up in the DNS.
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Self

from access.proxies import TrustedProxies

#: RFC 9110, 15.5.20: Misdirected Request.
MISDIRECTED: Final = 421
MISDIRECTED_TEXT: Final = (
    "This deployment does not answer to the name in the header Host. It answers to IP addresses, to localhost and to "
    "the name in its setting PUBLIC_URL. Set PUBLIC_URL to the address that people use, for instance "
    "PUBLIC_URL=http://cluster.example"
)
LOCALHOST: Final = "localhost"

#: Paths that are answered without ``Host``, which some probes do not send.
_PROBES: Final = frozenset(("/livez", "/readyz"))
#: Name or address, and port, of a ``Host`` header (RFC 9110, 7.2). Brackets surround an IPv6 address.
_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\x00-\x20\[\]:@/?#\\,]+)(?::([0-9]{0,5}))?")
#: The absolute form of a target, up to its authority (RFC 9112, 3.2.2).
_ABSOLUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)")
_HIGHEST_PORT: Final = 65535


@dataclass(frozen=True)
class AllowedHosts:
    """The host names that a service answers to, besides IP addresses."""

    #: In lower case; ``None`` allows every name.
    names: frozenset[str] | None = frozenset((LOCALHOST,))
    #: Proxies whose requests are answered under every name.
    proxies: TrustedProxies = field(default_factory=TrustedProxies)

    @classmethod
    def of(cls, names: Iterable[str], proxies: TrustedProxies) -> Self:
        """Allow ``localhost`` and these names."""
        return cls(frozenset((LOCALHOST, *(name.lower().removesuffix(".") for name in names))), proxies)

    def allows(self, host: str | None, path: str, peer: str, forwarded_for: str = "") -> bool:
        """Whether a request is answered.

        Args:
            host: the ``Host`` header, several joined by commas; ``None`` without one.
            path: the requested path.
            peer: the address at the other end of the connection.
            forwarded_for: the ``X-Forwarded-For`` headers, joined by commas.
        """
        if self.names is None:
            return True
        if not host:
            return path in _PROBES
        name = host_name(host)
        if name is not None and (name in self.names or _is_address(name)):
            return True
        return self.proxies.client_address(peer, forwarded_for).is_vouched_for


def host_name(host: str) -> str | None:
    """Return the name or address in a ``Host`` header, in lower case, without port and final dot.

    An IPv6 address keeps its brackets. ``None`` for an invalid header.
    """
    found = _HOST.fullmatch(host)
    if found is None or int(found[2] or 0) > _HIGHEST_PORT:
        return None
    return found[1].lower().removesuffix(".")


def asked_host(target: str, host: str | None) -> str | None:
    """Return the effective ``Host`` of a request: a target in absolute form replaces the header."""
    absolute = _ABSOLUTE.match(target)
    return host if absolute is None else absolute[1]


def _is_address(name: str) -> bool:
    try:
        if name.startswith("["):
            ipaddress.IPv6Address(name[1:-1])
        else:
            ipaddress.IPv4Address(name)
    except ValueError:
        return False
    return True
