"""An entry of a targets file: a host and a port, its name and role, and how its exporter is asked; each checked."""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final, Literal

from yarl import URL

from collector.sentences import targets as sentences
from collector.sentences.sentence import literal
from collector.yaml_file import FileError
from contract.messages import Coded, NodeRole
from runtime.quoting import quoted

Scheme = Literal["http", "https"]
#: Longest path of a file, in characters.
_PATH_LIMIT: Final = 1024
DEFAULT_PORT: Final = 9100
#: The entry, and the address, of this machine.
LOCAL: Final = "local"
#: Longest host or name, in characters.
NAME_LIMIT: Final = 253
_PORT = re.compile(r"\d{1,5}", re.ASCII)
_NUMBER = re.compile(r"\d+|0[xX][0-9a-fA-F]*")
#: Zone of a link-local address: a number, or an interface's name. ``ipaddress`` takes any text, however long, for one.
_ZONE = re.compile(r"[A-Za-z0-9._~-]{1,32}", re.ASCII)
# Of ASCII, a name has letters, digits, and "-", "." and "_" alone: all else is of a URL, a pattern, or a variable that
# nobody has filled in.
_NOT_IN_A_HOST = re.compile(r"[\s\x00-,/:-@\[-^`{-\x7f]")
#: Keys of mappings and numbers of list items, from 0, that lead to a part of a file.
FilePosition = tuple[str | int, ...]


class TargetsError(FileError):
    """A targets file that cannot be followed; the text names the entry, says why, and the line if that is known."""

    #: Of what is wrong; empty where it is no part alone.
    place: FilePosition = ()


@contextmanager
def located_at(*place: str | int) -> Iterator[None]:
    """Note in a ``TargetsError`` that it comes from there."""
    try:
        yield
    except TargetsError as error:
        error.place = (*place, *error.place)
        raise


@dataclass(frozen=True)
class HttpOptions:
    """As an entry of ``nodes.yaml`` gives them; paths are those of files below ``COLLECTOR_CREDENTIALS_DIR``."""

    scheme: Scheme = "http"
    #: PEM file with the certificates that are trusted instead of the system's.
    ca_file: str | None = None
    #: The name that the certificate must have, where it is not the host.
    server_name: str | None = None
    #: Whether any certificate will do.
    insecure: bool = False
    username: str | None = None
    password_file: str | None = None
    bearer_token_file: str | None = None
    #: Whether credentials may go over plain HTTP, where everybody on the way can read them.
    credentials_over_http: bool = False

    @property
    def has_credentials(self) -> bool:
        """Whether the exporter is shown a password or a token."""
        return self.username is not None or self.bearer_token_file is not None


#: Of an entry that says nothing else.
PLAIN_HTTP: Final = HttpOptions()
HTTP_FIELDS: Final = tuple(HttpOptions.__dataclass_fields__)
_OF_TLS: Final = ("ca_file", "server_name", "insecure")


def read_http_options(raw: Mapping[str, Any], where: str) -> HttpOptions:
    """Return the options among the fields of an entry.

    Raises:
        TargetsError: one is not valid, or they do not go together; the text repeats no value that may be a secret.
    """
    given: dict[str, Any] = {
        name: _READ[name](name, raw[name], where) for name in HTTP_FIELDS if raw.get(name) is not None
    }
    options = HttpOptions(**given)
    why = _why_not(options, given, where)
    if why is not None:
        raise TargetsError(why)
    return options


def _why_not(options: HttpOptions, given: Mapping[str, Any], where: str) -> Coded | None:
    """What does not go together; ``None`` where all does."""
    if options.scheme == "http":
        for name in _OF_TLS:
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
    # Basic authentication ends the name with the first colon.
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
    # A secret written here by mistake is not repeated.
    if not isinstance(value, str) or not value.isprintable() or not 0 < len(value) <= _PATH_LIMIT:
        raise TargetsError(sentences.option_not_a_path(where, name))
    if ".." in PurePosixPath(value).parts:
        raise TargetsError(sentences.option_leaves_folder(where, name))
    return value


_READ: Final = {
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
    """One entry. ``port`` is ``None`` where it names none, ``name`` where it gives none."""

    host: str
    port: int | None
    name: str | None
    role: NodeRole
    #: Found by the machinery of others (a Prometheus file, DNS): the node is called what it calls itself.
    is_discovered: bool = False
    http: HttpOptions = PLAIN_HTTP
    #: No machine stands behind it: its file says ``simulated: true``.
    is_simulated: bool = False

    @property
    def is_local(self) -> bool:
        """Whether it is this machine."""
        return self.host == LOCAL and self.port is None

    @property
    def address(self) -> str:
        """``host:port`` with an IPv6 address in brackets, or ``local``."""
        if self.is_local:
            return LOCAL
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port or DEFAULT_PORT}"


def discovered_entry(host: str, port: int | None, http: HttpOptions = PLAIN_HTTP) -> TargetEntry:
    """Return the entry of a discovered target."""
    # With its port always: a host that is called local is not this machine.
    return TargetEntry(host, port or DEFAULT_PORT, None, "worker", is_discovered=True, http=http)


def usable_name(raw: object) -> str | None:
    """Return ``raw`` without spaces around it if a node may be called so, else ``None``."""
    if not isinstance(raw, str) or not raw.strip() or not raw.isprintable() or len(raw) > NAME_LIMIT:
        return None
    return raw.strip()


def host_and_port(raw: object, where: str) -> tuple[str, int | None]:
    """Return host and port of ``host`` or ``host:port``; the port is ``None`` where there is none.

    Raises:
        TargetsError: it is neither; ``where`` is the part of the file that gives it.
    """
    if isinstance(raw, list):
        raise TargetsError(sentences.host_is_a_list(where, literal(raw)))
    if isinstance(raw, dict):
        raise TargetsError(sentences.host_is_a_mapping(where))
    if not isinstance(raw, str):
        raise TargetsError(sentences.host_not_a_text(where, literal(raw)))
    text = raw.strip()
    if "@" in text:
        # What stands before it is a password in many a URL, and is not repeated.
        text = "…" + text[text.rindex("@") :]
    if "?" in text:
        # Nor is what stands behind it, which may be a token.
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
        if not host or len(host) > NAME_LIMIT or _NOT_IN_A_HOST.search(host) or not _can_be_looked_up(host):
            raise TargetsError(sentences.host_invalid(where, quoted(text)))
        port = _port(rest, text, where) if colon else None
    why = _why_never(host, where)
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


def _why_never(host: str, where: str) -> Coded | None:
    """Say why no connection to such an address can ever be made; ``None`` where one can, or ``host`` is a name."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if all(_NUMBER.fullmatch(part) for part in host.removesuffix(".").split(".")):
            return sentences.host_not_ipv4(where, quoted(host))
        return None
    # Linux takes 0.0.0.0 for this machine; the rest of 0.0.0.0/8 leads nowhere.
    v4 = address if isinstance(address, ipaddress.IPv4Address) else address.ipv4_mapped
    is_nowhere = v4 is not None and (0 < int(v4) < 1 << 24 or v4.is_multicast or int(v4) == (1 << 32) - 1)
    if address.is_multicast or is_nowhere:
        return sentences.host_of_no_machine(where, quoted(host))
    if isinstance(address, ipaddress.IPv6Address) and address.is_link_local and address.scope_id is None:
        return sentences.host_without_interface(where, host)
    return None


def _can_be_looked_up(host: str) -> bool:
    try:
        host.encode("idna")
        URL.build(scheme="http", host=host)
    except ValueError:  # a UnicodeError is one too
        return False
    return True
