"""The types of a setting's value: how a text is parsed, and the description of the accepted values.

Standard library only, Python 3.9 and later: compose checks settings on hosts without a venv.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")

#: Stands for the address of any peer.
PEER = "peer"
#: Stands for all origins.
ANY_ORIGIN = "*"
#: Longest host name, in characters.
_HOST_LIMIT = 253
#: ASCII characters other than letters, digits, ``-``, ``.`` and ``_``.
_NOT_IN_A_HOST = re.compile(r"[\s\x00-,/:-@\[-^`{-\x7f]")
#: Syntax of whole numbers, and of amounts of memory as Docker accepts them.
#: Source: https://pkg.go.dev/github.com/docker/go-units#RAMInBytes
_WHOLE_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")
_MEMORY = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([kmgtp]?)i?b?", re.IGNORECASE)
#: Amounts of memory as Redis accepts them: ``k`` is 1000, ``kb`` is 1024.
#: Source: https://github.com/valkey-io/valkey/blob/9.0/valkey.conf (the first lines)
_REDIS_MEMORY = re.compile(r"([0-9]{1,18})(b|k|kb|m|mb|g|gb)?", re.IGNORECASE)
_POWERS = "kmgtp"


class InvalidValue(ValueError):
    """A setting does not accept the value; ``part`` is the wrong part of it."""

    def __init__(self, part: str) -> None:
        super().__init__(part)
        self.part = part


@dataclass(frozen=True)
class ValueType(Generic[T]):
    """The values that a setting accepts.

    ``read`` converts a text without surrounding spaces into the value, or raises ``InvalidValue``.
    """

    takes: str
    read: Callable[[str], T]


def whole_number(minimum: int, maximum: int) -> ValueType[int]:
    """Return the type of whole numbers in a range."""

    def read(text: str) -> int:
        # Only the notation that all programs read alike: a shell reads 010 as eight.
        value = int(text) if _WHOLE_NUMBER.fullmatch(text) else minimum - 1
        if not minimum <= value <= maximum:
            raise InvalidValue(text)
        return value

    return ValueType(f"a whole number from {minimum} to {maximum}", read)


def seconds(minimum: float, maximum: float) -> ValueType[float]:
    """Return the type of seconds in a range, with or without a fraction."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise InvalidValue(text) from None
        if not minimum <= value <= maximum:
            raise InvalidValue(text)
        return value

    until = f" to {maximum:.10g}" if maximum < float("inf") else " on"
    return ValueType(f"seconds from {minimum:.10g}{until}", read)


def one_of(*choices: str) -> ValueType[str]:
    """Return the type of a choice between words."""

    def read(text: str) -> str:
        if text not in choices:
            raise InvalidValue(text)
        return text

    return ValueType("one of " + ", ".join(choices), read)


def pattern(takes: str, expression: str) -> ValueType[str]:
    """Return the type of texts that match a regular expression completely; an empty text is also valid."""
    compiled = re.compile(expression)

    def read(text: str) -> str:
        if text and not compiled.fullmatch(text):
            raise InvalidValue(text)
        return text

    return ValueType(takes, read)


def printable(limit: int) -> ValueType[str]:
    """Return the type of printable texts of one line."""

    def read(text: str) -> str:
        if not text.isprintable() or len(text) > limit:
            raise InvalidValue(text)
        return text

    return ValueType(f"up to {limit} printable characters", read)


def words(text: str) -> tuple[str, ...]:
    """Split a text at commas and spaces."""
    return tuple(text.replace(",", " ").split())


def _networks(text: str) -> tuple[str, ...]:
    for word in words(text):
        try:
            is_network = word == PEER or _is_network(word)
        except ValueError:
            is_network = False
        if not is_network:
            raise InvalidValue(" ".join(words(text)))
    return words(text)


def _is_network(word: str) -> bool:
    """Whether all programs accept the network: HAProxy refuses zones and inverted masks."""
    mask = word.partition("/")[2]
    network = ipaddress.ip_network(word, strict=False)
    return "%" not in word and ("." not in mask or str(network.netmask) == mask)


def _others_networks(text: str) -> tuple[str, ...]:
    if PEER in words(text):
        raise InvalidValue(" ".join(words(text)))
    return _networks(text)


def is_origin(text: str) -> bool:
    """Whether a text is a web origin: scheme, host and optional port."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    rest = parts.path or parts.query or parts.fragment
    return parts.scheme in ("http", "https") and bool(host) and not rest and "@" not in parts.netloc


def _page_url(text: str) -> str:
    if text and not is_origin("/".join(text.split("/", 3)[:3])):
        raise InvalidValue(text)
    return text


def _origins(text: str) -> tuple[str, ...]:
    for word in words(text):
        if word != ANY_ORIGIN and not is_origin(word):
            raise InvalidValue(word)
    return words(text)


def _redis_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        addressed = parts.scheme == "unix" or (bool(parts.hostname) and parts.port != 0)
    except ValueError:
        raise InvalidValue(text) from None
    if text and not (addressed and parts.scheme in ("redis", "rediss", "unix")):
        raise InvalidValue(text)
    return text


def is_host_and_port(text: str) -> bool:
    """Whether a text is a host with an optional port. An IPv6 address with a port needs brackets."""
    try:
        ipaddress.IPv6Address(text.partition("%")[0])
        return True
    except ValueError:
        pass
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, port = text, "1"
    if not (port.isascii() and port.isdigit() and 1 <= int(port[:6]) <= 65535):
        return False
    if host.startswith("[") and host.endswith("]"):
        return ":" not in host[1:-1] or is_host_and_port(host[1:-1])
    return bool(host) and len(host) <= _HOST_LIMIT and not _NOT_IN_A_HOST.search(host)


def _hosts(text: str) -> tuple[str, ...]:
    for word in words(text):
        if not is_host_and_port(word):
            raise InvalidValue(word)
    return words(text)


def _host(text: str) -> str:
    if text and not is_host_and_port(text):
        raise InvalidValue(text)
    return text


def _header(text: str) -> str:
    if text and not text.replace("-", "").isalnum():
        raise InvalidValue(text)
    return text


def _path(text: str) -> str:
    if "\0" in text or not text.isprintable():
        raise InvalidValue(text)
    return text


def paths(text: str) -> tuple[str, ...]:
    """Split a text into paths at commas."""
    return tuple(path.strip() for path in text.split(",") if path.strip())


def _patterns(text: str) -> tuple[str, ...]:
    found = paths(text)
    if not found or any("*" in path.rpartition("/")[0] for path in found):
        raise InvalidValue(text)
    return found


def memory(minimum: int = 0) -> ValueType[int]:
    """Return the type of amounts of memory in bytes, as Docker accepts them; ``minimum`` is in MiB."""

    def read(text: str) -> int:
        found = _MEMORY.fullmatch(text)
        value = int(float(found[1]) * 1024 ** (_POWERS.find(found[2].lower()) + 1 if found[2] else 0)) if found else -1
        if value < minimum * 1024**2:
            raise InvalidValue(text)
        return value

    return ValueType(f"an amount of memory such as 512m or 1g, at least {minimum}m", read)


def _redis_memory(text: str) -> int:
    found = _REDIS_MEMORY.fullmatch(text)
    if not found:
        raise InvalidValue(text)
    unit = (found[2] or "").lower()
    base = 1024 if len(unit) == 2 else 1000
    value: int = int(found[1]) * base ** (_POWERS.find(unit[0]) + 1 if unit and unit != "b" else 0)
    if value >= 2**63:
        raise InvalidValue(text)
    return value


def _addresses(text: str) -> Iterator[str]:
    try:
        yield str(ipaddress.ip_address(text.strip("[]")))
    except ValueError:
        return


def is_address(text: str) -> bool:
    """Whether a text is an IP address. Brackets around an IPv6 address are optional."""
    return bool(list(_addresses(text)))


#: Bytes; 0 means no limit.
REDIS_MEMORY: ValueType[int] = ValueType("an amount of memory such as 512mb or 1gb", _redis_memory)
TEXT: ValueType[str] = ValueType("any text", str)
PORT = whole_number(1, 65535)
PATH: ValueType[str] = ValueType("a path", _path)
TARGETS: ValueType[tuple[str, ...]] = ValueType(
    "paths, separated by commas, with a * in the last part at most", _patterns
)
NETWORKS: ValueType[tuple[str, ...]] = ValueType("addresses or networks, such as 10.0.0.0/8", _networks)
OTHERS_NETWORKS: ValueType[tuple[str, ...]] = ValueType("addresses or networks, such as 10.0.0.0/8", _others_networks)
ORIGINS: ValueType[tuple[str, ...]] = ValueType("origins such as https://wall.lan:8443, or *", _origins)
PAGE_URL: ValueType[str] = ValueType("a URL such as https://cluster.example", _page_url)
REDIS_URL: ValueType[str] = ValueType("redis://[user:password@]host[:port][/db], rediss://… or unix://…", _redis_url)
HOSTS: ValueType[tuple[str, ...]] = ValueType("names host or host:port, separated by commas or spaces", _hosts)
HOST_AND_PORT: ValueType[str] = ValueType("host or host:port (an IPv6 address with a port in brackets)", _host)
HEADER: ValueType[str] = ValueType("the name of a header, such as Remote-User", _header)
#: Only the characters are checked, not whether the host exists. Brackets around an IPv6 address are optional.
HOST = pattern("a host name or an IP address, such as 0.0.0.0", r"[\w.:%\[\]-]+")
IMAGE = pattern("the name of an image", r"[^\s$]+")
LOG_SIZE = pattern("a size such as 10m", r"(?i)0*[1-9][0-9]*(?:\.[0-9]+)? ?[kmgtp]?i?b?")
DIGITS = pattern("a whole number of seconds", r"[0-9]{1,10}")
