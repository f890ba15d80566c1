"""The address of the client that sent a request, and the proxies that are trusted to report it.

Every proxy appends an entry to the right end of ``X-Forwarded-For``. The chain is read from the right while the proxy
that wrote an entry is trusted. Entries further left may be forged.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

from runtime.value_types import PEER

#: Entries of a chain that are read.
_CHAIN_LIMIT: Final = 16
#: Rate limits count IPv6 clients by the network that one customer usually gets.
_IPV6_PREFIX: Final = 64

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class ClientAddress(NamedTuple):
    """The address of the client that sent a request."""

    #: The client's address, as far as trusted proxies report it.
    address: str
    #: Whether a proxy of the configured networks forwarded the request, so that its user header counts.
    is_vouched_for: bool
    #: Whether the peer is a trusted proxy, so that its ``X-Forwarded-Proto`` counts.
    is_from_trusted_proxy: bool


@dataclass(frozen=True)
class TrustedProxies:
    """The proxies that are trusted to report client addresses."""

    networks: tuple[Network, ...] = ()
    #: Whether every peer may report the client's address. Such a peer cannot name a user.
    any_peer: bool = False

    @classmethod
    def of(cls, words: Iterable[str]) -> Self:
        """Return the proxies that the words of a setting name.

        Raises:
            ValueError: a word is neither an address, nor a network, nor ``peer``.
        """
        words = tuple(words)
        networks = tuple(ipaddress.ip_network(word, strict=False) for word in words if word != PEER)
        return cls(networks, PEER in words)

    def client_address(self, peer: str, forwarded_for: str = "") -> ClientAddress:
        """Return the address of the client that sent a request.

        Args:
            peer: the address at the other end of the connection.
            forwarded_for: the ``X-Forwarded-For`` headers, joined by commas.
        """
        chain = [entry.strip() for entry in forwarded_for.split(",")[-_CHAIN_LIMIT:]] if forwarded_for else []
        address, last = _address(peer), None
        believed = self.any_peer or self._knows(address)
        # The gateway cannot name users, whatever its network is: it only forwards the headers of other proxies.
        vouches = not self.any_peer
        is_from_trusted_proxy = believed
        while believed and chain:
            entry = _address(chain.pop())
            if entry is None:
                break
            last, address = address if vouches else None, entry
            believed = vouches = self._knows(address)
        return ClientAddress(
            peer if address is None else str(address),
            (vouches and self._knows(address)) or self._knows(last),
            is_from_trusted_proxy,
        )

    def _knows(self, address: Address | None) -> bool:
        return address is not None and any(address in network for network in self.networks)


def client_network(address: str) -> str:
    """Return the key of a client's rate limits: an IPv4 address, or the /64 network of an IPv6 address."""
    parsed = _address(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed, _IPV6_PREFIX), strict=False))
    return address


def _address(text: str) -> Address | None:
    """Parse an address as proxies write it, with or without a port; ``None`` for other text."""
    text = text.strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        parsed = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return mapped or parsed
