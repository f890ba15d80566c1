"""A validated entry of a targets file: host, port, name, role, and the HTTP options for its exporter."""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Final, Literal

from yarl import URL

from collector.sentences import targets as sentences
from collector.sentences.sentence import literal
from collector.yaml_file import FileError
from contract.messages import Coded, Labels, NodeRole
from runtime.quoting import quoted

Scheme = Literal["http", "https"]
#: Maximum length of a file path, in characters.
_PATH_LIMIT: Final = 1024
DEFAULT_PORT: Final = 9100
#: Entry and address of this machine.
LOCAL: Final = "local"
#: Maximum length of a host or a name, in characters.
NAME_LIMIT: Final = 253
_PORT = re.compile(r"\d{1,5}", re.ASCII)
_NUMBER = re.compile(r"\d+|0[xX][0-9a-fA-F]*")
#: Zone of a link-local address: a number or an interface name. ``ipaddress`` accepts any text of any length.
_ZONE = re.compile(r"[A-Za-z0-9._~-]{1,32}", re.ASCII)
# The only ASCII characters of a host are letters, digits, "-", "." and "_". Others come from a URL, a pattern, or an
# unexpanded variable.
_INVALID_IN_HOST = re.compile(r"[\s\x00-,/:-@\[-^`{-\x7f]")
#: Keys of mappings and numbers of list items, from 0, that lead to a value in a file.
FilePosition = tuple[str | int, ...]


class TargetsError(FileError):
    """A targets file with an error; the text names the entry and the cause, and the line if it is known."""

    #: Position of the error; empty if the error is not at a single position.
    position: FilePosition = ()


@contextmanager
def located_at(*position: str | int) -> Iterator[None]:
    """Prefix the position of a ``TargetsError`` that is raised inside."""
    try:
        yield
    except TargetsError as error:
        error.position = (*position, *error.position)
        raise


@dataclass(frozen=True)
class HttpOptions:
    """The HTTP fields of an entry of ``nodes.yaml``; paths are relative to ``COLLECTOR_CREDENTIALS_DIR``."""

    scheme: Scheme = "http"
    #: PEM file with the certificates to trust instead of the system's.
    ca_file: str | None = None
    #: Name that the certificate must have, if not the host.
    server_name: str | None = None
    #: Whether any certificate is accepted.
    insecure: bool = False
    username: str | None = None
    password_file: str | None = None
    bearer_token_file: str | None = None
    #: Whether credentials may be sent over plain HTTP, where anybody on the network can read them.
    credentials_over_http: bool = False

    @property
    def has_credentials(self) -> bool:
        """Whether the options have a password or a token."""
        return self.username is not None or self.bearer_token_file is not None


#: Options of an entry without HTTP fields.
PLAIN_HTTP: Final = HttpOptions()
HTTP_FIELDS: Final = tuple(HttpOptions.__dataclass_fields__)
_TLS_FIELDS: Final = ("ca_file", "server_name", "insecure")


def read_http_options(raw: Mapping[str, Any], where: str) -> HttpOptions:
    """Return the HTTP options of an entry.

    Raises:
        TargetsError: an option is not valid, or options conflict; the text contains no value that may be a secret.
    """
    given: dict[str, Any] = {
        name: _READERS[name](name, raw[name], where) for name in HTTP_FIELDS if raw.get(name) is not None
    }
    options = HttpOptions(**given)
    why = _conflict(options, given, where)
    if why is not None:
        raise TargetsError(why)
    return options


def _conflict(options: HttpOptions, given: Mapping[str, Any], where: str) -> Coded | None:
    """Return the first conflict between options; ``None`` without a conflict."""
    if options.scheme == "http":
        for name in _TLS_FIELDS:
            if name in given:
                return sentences.option_needs_https(where, name)
    if (options.username is None) != (options.password_file is None):
        return sentences.username_and_password_file(where)
    if options.username is not None and options.bearer_token_file is not None:
        return sentences.password_or_token(where)
    if options.has_credentials and options.insecure:
        return sentences.credentials_to_anybody(where)
    if options.has_credentials and options.scheme == "http" and not options.credentials_over_http:
        return sentences.credentials_in_the_clear(where)
    if options.credentials_over_http and (options.scheme == "https" or not options.has_credentials):
        return sentences.credentials_over_http_idle(where)
    return None


def _scheme(name: str, value: object, where: str) -> Scheme:
    if value == "http":
        return "http"
    if value == "https":
        return "https"
    raise TargetsError(sentences.option_not_a_scheme(where, name, literal(value)))


def _flag(name: str, value: object, where: str) -> bool:
    if not isinstance(value, bool):
        raise TargetsError(sentences.option_not_a_flag(where, name))
    return value


def _text(name: str, value: object, where: str) -> str:
    if not isinstance(value, str) or not value or not value.isprintable() or len(value) > NAME_LIMIT:
        raise TargetsError(sentences.option_not_a_text(where, name, NAME_LIMIT))
    return value


def _username(name: str, value: object, where: str) -> str:
    text = _text(name, value, where)
    # In basic authentication, the first colon ends the user name.
    if ":" in text:
        raise TargetsError(sentences.option_with_colon(where, name))
    return text


def _server_name(name: str, value: object, where: str) -> str:
    text = _text(name, value, where)
    try:
        return text.encode("idna").decode()
    except UnicodeError:
        raise TargetsError(sentences.option_not_a_host(where, name)) from None


def _path(name: str, value: object, where: str) -> str:
    # The error does not contain the value: a user may have written a secret here by mistake.
    if not isinstance(value, str) or not value.isprintable() or not 0 < len(value) <= _PATH_LIMIT:
        raise TargetsError(sentences.option_not_a_path(where, name))
    if ".." in PurePosixPath(value).parts:
        raise TargetsError(sentences.option_leaves_folder(where, name))
    return value


_READERS: Final = {
    "scheme": _scheme,
    "ca_file": _path,
    "server_name": _server_name,
    "insecure": _flag,
    "username": _username,
    "password_file": _path,
    "bearer_token_file": _path,
    "credentials_over_http": _flag,
}


@dataclass(frozen=True)
class TargetEntry:
    """One entry; ``port`` and ``name`` are ``None`` if the entry does not set them."""

    host: str
    port: int | None
    name: str | None
    role: NodeRole
    #: From a Prometheus file or DNS: the node gets the name that its host reports.
    is_discovered: bool = False
    http: HttpOptions = PLAIN_HTTP
    #: Whether the entry is of a file with ``simulated: true``: no machine exists.
    is_simulated: bool = False
    #: Sorted by name, without empty values; entries of one group share them.
    labels: Labels = field(default_factory=dict, hash=False)

    @property
    def is_local(self) -> bool:
        """Whether the entry is this machine."""
        return self.host == LOCAL and self.port is None

    @property
    def address(self) -> str:
        """``host:port`` with an IPv6 address in brackets, or ``local``."""
        if self.is_local:
            return LOCAL
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port or DEFAULT_PORT}"


def discovered_entry(
    host: str, port: int | None, http: HttpOptions = PLAIN_HTTP, labels: Labels | None = None
) -> TargetEntry:
    """Return the entry of a discovered target."""
    # Always with a port: a discovered host named "local" is not this machine.
    return TargetEntry(host, port or DEFAULT_PORT, None, "worker", is_discovered=True, http=http, labels=labels or {})


def usable_name(raw: object) -> str | None:
    """Return ``raw`` without surrounding spaces if it is a valid node name, else ``None``."""
    if not isinstance(raw, str) or not raw.strip() or not raw.isprintable() or len(raw) > NAME_LIMIT:
        return None
    return raw.strip()


def host_and_port(raw: object, where: str) -> tuple[str, int | None]:
    """Return host and port of ``host`` or ``host:port``; the port is ``None`` if ``raw`` has no port.

    Raises:
        TargetsError: ``raw`` has another form; ``where`` names the entry of the file.
    """
    if isinstance(raw, list):
        raise TargetsError(sentences.host_is_a_list(where, literal(raw)))
    if isinstance(raw, dict):
        raise TargetsError(sentences.host_is_a_mapping(where))
    if not isinstance(raw, str):
        raise TargetsError(sentences.host_not_a_text(where, literal(raw)))
    text = raw.strip()
    if "@" in text:
        # In many URLs, a password precedes the "@"; the error must not contain it.
        text = "…" + text[text.rindex("@") :]
    if "?" in text:
        # A token may follow the "?".
        text = text[: text.index("?")] + "?…"
    if "://" in raw:
        is_https = raw.lstrip().startswith("https:")
        raise TargetsError(
            (sentences.host_is_an_https_url if is_https else sentences.host_is_a_url)(where, quoted(text))
        )
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")) or not _is_ipv6(host):
            raise TargetsError(sentences.host_not_ipv6(where, quoted(text)))
        port = _port(rest[1:], text, where) if rest else None
    elif _is_ipv6(text):
        host, port = text, None
    else:
        host, colon, rest = text.partition(":")
        if not host or len(host) > NAME_LIMIT or _INVALID_IN_HOST.search(host) or not _is_valid_name(host):
            raise TargetsError(sentences.host_invalid(where, quoted(text)))
        port = _port(rest, text, where) if colon else None
    why = _unreachable_reason(host, where)
    if why is not None:
        raise TargetsError(why)
    return host, port


def _port(port: str, text: str, where: str) -> int:
    if not _PORT.fullmatch(port) or not 1 <= int(port) <= 65535:
        raise TargetsError(sentences.port_invalid(where, quoted(text)))
    return int(port)


def _is_ipv6(text: str) -> bool:
    _, percent, zone = text.partition("%")
    if percent and not _ZONE.fullmatch(zone):
        return False
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def _unreachable_reason(host: str, where: str) -> Coded | None:
    """Return why an address can never be reached; ``None`` for other addresses and for names."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if all(_NUMBER.fullmatch(number) for number in host.removesuffix(".").split(".")):
            return sentences.host_not_ipv4(where, quoted(host))
        return None
    # On Linux, 0.0.0.0 is this machine; the other addresses of 0.0.0.0/8 are unreachable.
    v4 = address if isinstance(address, ipaddress.IPv4Address) else address.ipv4_mapped
    is_unreachable = v4 is not None and (0 < int(v4) < 1 << 24 or v4.is_multicast or int(v4) == (1 << 32) - 1)
    if address.is_multicast or is_unreachable:
        return sentences.host_of_no_machine(where, quoted(host))
    if isinstance(address, ipaddress.IPv6Address) and address.is_link_local and address.scope_id is None:
        return sentences.host_without_interface(where, host)
    return None


def _is_valid_name(host: str) -> bool:
    try:
        host.encode("idna")
        URL.build(scheme="http", host=host)
    except ValueError:  # UnicodeError is a subclass
        return False
    return True
