"""Under which host names a deployment answers.

A page of another site can have its own name resolve to this machine (DNS rebinding). The browser then takes what is
served here for the page's own site, and lets its scripts read it. Only ``Host`` shows the difference: it is the name
that the page was loaded under, never an address, and never ``localhost``, which name servers are not asked for.
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
    "This deployment does not answer to the name in the header Host. It answers to addresses, to localhost, and to the "
    "name in its setting PUBLIC_URL: set that to how people reach it, for instance PUBLIC_URL=http://cluster.example"
)
LOCALHOST: Final = "localhost"

#: What is answered without ``Host``, which some probes do not send.
_PROBES: Final = frozenset(("/livez", "/readyz"))
#: Name or address, and port, of a ``Host`` (RFC 9110, 7.2): an address of IPv6 is in brackets.
_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\x00-\x20\[\]:@/?#\\,]+)(?::([0-9]{0,5}))?")
#: The absolute form of a target, up to its authority (RFC 9112, 3.2.2).
_ABSOLUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)")
_HIGHEST_PORT: Final = 65535


@dataclass(frozen=True)
class AllowedHosts:
    """The names that are answered besides addresses."""

    #: In lower case; ``None`` answers to every name.
    names: frozenset[str] | None = frozenset((LOCALHOST,))
    #: Proxies whose requests are answered whatever name they come with.
    proxies: TrustedProxies = field(default_factory=TrustedProxies)

    @classmethod
    def of(cls, names: Iterable[str], proxies: TrustedProxies) -> Self:
        """``localhost`` and these names."""
        return cls(frozenset((LOCALHOST, *(name.lower().removesuffix(".") for name in names))), proxies)

    def allows(self, host: str | None, path: str, peer: str, forwarded_for: str = "") -> bool:
        """Whether a request is answered.

        Args:
            host: its ``Host``, several joined by commas; ``None`` without one.
            path: what it asks for.
            peer: the address that the connection came from.
            forwarded_for: ``X-Forwarded-For``, several joined by commas.
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
    """Return the name or address in a ``Host``, in lower case, without port and final dot; ``None`` where it is none.

    An address of IPv6 keeps its brackets.
    """
    found = _HOST.fullmatch(host)
    if found is None or int(found[2] or 0) > _HIGHEST_PORT:
        return None
    return found[1].lower().removesuffix(".")


def asked_host(target: str, host: str | None) -> str | None:
    """Return what counts as a request's ``Host``: a target in absolute form replaces the header."""
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
