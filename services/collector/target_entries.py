"""The entries of a targets file as they stand there, each checked by itself."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Any, Final

import yaml

from contract.messages import NodeRole

DEFAULT_PORT: Final = 9100
#: The entry, and the address, of this machine.
LOCAL: Final = "local"
#: Longest host or name, in characters.
NAME_LIMIT: Final = 253
_PORT = re.compile(r"\d{1,5}", re.ASCII)
_NOT_IN_A_HOST = re.compile(r"[\s/\\@?#\[\]<>\"'`,:%\x00-\x1f\x7f]")
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class TargetsError(ValueError):
    """A targets file that cannot be followed; the text names the entry and says why."""


@dataclass(frozen=True)
class Entry:
    """One entry. ``port`` is ``None`` where it names none, ``name`` where it gives none."""

    host: str
    port: int | None
    name: str | None
    role: NodeRole

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


def read_entries(text: str) -> tuple[list[Entry], Entry | None]:
    """Return the entries under ``workers`` and the one under ``master``. Other keys are not looked at.

    Raises:
        TargetsError: the text is not YAML, or an entry is not valid.
    """
    try:
        document = yaml.load(text, Loader=_Loader)  # noqa: S506 (a safe loader, in C where there is one)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise TargetsError(f"not YAML: {_yaml_problem(error)}") from None
    if document is None:
        return [], None
    if not isinstance(document, dict):
        raise TargetsError("it must say workers: [host, host:port, …] and master: host")
    raw_workers = document.get("workers")
    if raw_workers is None:
        raw_workers = []
    if not isinstance(raw_workers, list):
        raise TargetsError("workers must be a list, for instance: workers: [node1.lan, node2.lan]")
    workers = [_entry(raw, f"workers, entry {number}", "worker") for number, raw in enumerate(raw_workers, 1)]
    master = document.get("master")
    return workers, None if master is None else _entry(master, "master", "master")


def _yaml_problem(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
    if mark is None:
        return str(problem)
    return f'{problem} in line {mark.line + 1} (an IPv6 address needs quotes, as in "[fd00::6]:9100")'


def _entry(raw: object, where: str, role: NodeRole) -> Entry:
    if not isinstance(raw, dict):
        return Entry(*host_and_port(raw, where), None, role)
    if "host" not in raw or not set(raw) <= {"host", "name"}:
        raise TargetsError(f"{where}: {raw!r} takes the fields host (which may be host:port) and name, no others")
    name = raw.get("name")
    if name is not None:
        if not isinstance(name, str) or not name.strip() or not name.isprintable() or len(name) > NAME_LIMIT:
            raise TargetsError(f"{where}: name {name!r} is not a text of up to {NAME_LIMIT} printable characters")
        name = name.strip()
    return Entry(*host_and_port(raw["host"], where), name, role)


def host_and_port(raw: object, where: str) -> tuple[str, int | None]:
    """Return host and port of ``host`` or ``host:port``; the port is ``None`` where there is none.

    Raises:
        TargetsError: it is neither; the text begins with ``where``.
    """
    if isinstance(raw, list):
        raise TargetsError(f'{where}: {raw!r} is a list (an IPv6 address needs quotes, as in "[fd00::6]:9100")')
    if not isinstance(raw, str):
        raise TargetsError(f"{where}: {raw!r} is not a host (a text made of digits needs quotes)")
    text = raw.strip()
    if "://" in text:
        raise TargetsError(f"{where}: {text!r} is a URL, write host or host:port")
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")) or not _is_ipv6(host):
            raise TargetsError(f"{where}: {text!r} is not an IPv6 address in brackets, as in [fd00::6]:9100")
        return host, _port(rest[1:], text, where) if rest else None
    if _is_ipv6(text):
        return text, None
    host, colon, port = text.partition(":")
    if not host or len(host) > NAME_LIMIT or _NOT_IN_A_HOST.search(host) or not _can_be_looked_up(host):
        raise TargetsError(f"{where}: {text!r} is not a host or host:port")
    return host, _port(port, text, where) if colon else None


def _port(port: str, text: str, where: str) -> int:
    if not _PORT.fullmatch(port) or not 1 <= int(port) <= 65535:
        raise TargetsError(f"{where}: {text!r} has no valid port (1 to 65535)")
    return int(port)


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def _can_be_looked_up(host: str) -> bool:
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return True
