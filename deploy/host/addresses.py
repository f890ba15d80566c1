"""The URLs of the pages."""

import re
import socket
from collections.abc import Collection
from pathlib import Path

#: Maximum URLs in the output.
_URLS_LIMIT = 6
_ANY = ("0.0.0.0", "::")  # noqa: S104 - compared only, not listened on


def probe_host(host: str) -> str:
    """Return the address at which this machine reaches a server that listens on ``host``."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104


def urls(host: str, port: int, hidden: Collection[str] = (), scheme: str = "http") -> list[str]:
    """Return the URLs of a server on ``host:port``, the nearest first, without those of the addresses in ``hidden``."""
    if host in ("127.0.0.1", "localhost", "::1"):
        return [_url(scheme, "localhost" if host != "::1" else host, port)]
    if host not in _ANY:
        return [_url(scheme, host, port)]
    addresses = [address for address in machine_addresses(with_ipv6=host == "::") if address not in hidden]
    others = [socket.gethostname(), *addresses]
    return [_url(scheme, name, port) for name in ["localhost", *others][:_URLS_LIMIT]]


def machine_addresses(*, with_ipv6: bool, proc_net: Path = Path("/proc/net")) -> list[str]:
    """Return this machine's addresses from the Linux kernel, without loopback and link-local ones."""
    found: list[str] = []
    try:
        trie = (proc_net / "fib_trie").read_text()
    except OSError:
        trie = ""
    for address in re.findall(r"\|-- (\S+)\n\s+/32 host LOCAL", trie):
        if not address.startswith(("127.", "169.254.")) and address not in found:
            found.append(address)
    if with_ipv6:
        found += _ipv6_addresses(proc_net / "if_inet6")
    return found


def _ipv6_addresses(table: Path) -> list[str]:
    try:
        rows = [line.split() for line in table.read_text().splitlines()]
    except OSError:
        return []
    # The fourth column is the scope, 00 for global.
    return [socket.inet_ntop(socket.AF_INET6, bytes.fromhex(row[0])) for row in rows if row[3] == "00"]


def _url(scheme: str, host: str, port: int) -> str:
    name = f"[{host}]" if ":" in host else host
    return f"{scheme}://{name}" if port == {"http": 80, "https": 443}[scheme] else f"{scheme}://{name}:{port}"
