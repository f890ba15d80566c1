"""From where a request comes, and which proxies are believed about it.

``X-Forwarded-For`` is a chain that every proxy lengthens at its right end. It is read from there, for as long as the
one who wrote an entry is known; what stands left of that anybody may have written.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

from runtime.value_types import PEER

#: Entries of a chain that are looked at.
_CHAIN_LIMIT: Final = 16
#: Addresses of IPv6 are counted by the network that one customer usually gets.
_IPV6_PREFIX: Final = 64

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class ClientAddress(NamedTuple):
    """Where a request comes from."""

    #: Of the client, as far as anybody who is believed knows it.
    address: str
    #: Whether a proxy of the configured addresses vouches for the request.
    is_vouched_for: bool
    #: Whether what ``X-Forwarded-Proto`` says is believed.
    is_from_trusted_proxy: bool


@dataclass(frozen=True)
class TrustedProxies:
    """The proxies that are believed."""

    networks: tuple[Network, ...] = ()
    #: Whoever connects is believed about where a request comes from, but cannot vouch for a user.
    any_peer: bool = False

    @classmethod
    def of(cls, words: Iterable[str]) -> Self:
        """Those that a setting names.

        Raises:
            ValueError: a word is neither an address nor a network, nor ``peer``.
        """
        words = tuple(words)
        networks = tuple(ipaddress.ip_network(word, strict=False) for word in words if word != PEER)
        return cls(networks, PEER in words)

    def client_address(self, peer: str, forwarded_for: str = "") -> ClientAddress:
        """Find out from where a request came.

        Args:
            peer: the address that the connection came from.
            forwarded_for: ``X-Forwarded-For``, several headers joined by commas.
        """
        chain = [entry.strip() for entry in forwarded_for.split(",")[-_CHAIN_LIMIT:]] if forwarded_for else []
        address, last = _address(peer), None
        believed = self.any_peer or self._knows(address)
        # The gateway vouches for nobody, whatever network it is in: it hands on what proxies before it say.
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
    """What an address is counted as where clients are told apart by it."""
    parsed = _address(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed, _IPV6_PREFIX), strict=False))
    return address


def _address(text: str) -> Address | None:
    """An address as proxies write it, with a port or without; ``None`` for what is none."""
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
