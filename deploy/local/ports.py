"""TCP ports: which are free, who holds one that is not."""

import errno
import os
import socket
from collections.abc import Mapping
from pathlib import Path

from contract.runtime.settings import Environment
from deploy.local.refusal import CannotStart

_LISTENING = "0A"
#: Distance between the ports that are tried for one purpose; those for other purposes lie between.
_STEP = 10
_TRIED = 100


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen on ``host:port`` just now; port 0 always is.

    Raises:
        OSError: it could not, for another reason than that somebody else does.
    """
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        try:
            probe.bind(address)
            probe.listen(1)  # two sockets may be bound to one port as long as neither listens
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
        return True


def inner_port(variables: Mapping[str, str], name: str, default: int) -> int:
    """The port that variable ``name`` gives; where it gives none, ``default`` or, where it is taken, a free one above.

    Raises:
        CannotStart: the port that was asked for is taken, or all that are tried are.
        SettingError: the variable holds no port.
    """
    port = Environment(variables).port(name, default)
    if is_free(port):
        return port
    if variables.get(name, "").strip():
        raise CannotStart(f"{name}={port} is taken{holder(port)}. Without {name} a free port is found.")
    # Not just any free one, which the system could give away to somebody else before it is listened on.
    for other in range(port + _STEP, min(port + _TRIED * _STEP, 65536), _STEP):
        if is_free(other):
            return other
    raise CannotStart(f"Port {port} and those above it are taken. Name a free one: {name}=… make run")


def require_public(host: str, port: int) -> None:
    """Check that the pages can be served on ``host:port``.

    Raises:
        CannotStart: they cannot; the text says why and what helps.
    """
    try:
        free = is_free(port, host)
    except socket.gaierror:
        raise CannotStart(f"PUBLIC_HOST={host} cannot be looked up: it takes an address of this machine.") from None
    except PermissionError:
        raise CannotStart(f"PORT={port} is for root only: take one above 1023, for instance PORT=8085.") from None
    except OSError as error:
        raise CannotStart(f"Cannot listen on PUBLIC_HOST={host}: {error.strerror}.") from None
    if not free:
        # The settings that were given stay; a free port is worth more than the next one.
        other = next((number for number in range(port + 1, min(port + 100, 65536)) if is_free(number, host)), port + 1)
        raise CannotStart(f"Port {port} is taken{holder(port)}. Choose another: PORT={other} make run")


def holder(port: int, proc: Path = Path("/proc")) -> str:
    """Who listens on ``port``, as `` by name (process 123)``; empty where the system does not tell."""
    inodes = set[str]()
    for table in ("tcp", "tcp6"):
        try:
            lines = (proc / "net" / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for columns in map(str.split, lines):
            if columns[3] == _LISTENING and int(columns[1].rpartition(":")[2], 16) == port:
                inodes.add(f"socket:[{columns[9]}]")
    for process in sorted(proc.glob("[0-9]*")):
        try:
            if any(os.readlink(descriptor) in inodes for descriptor in (process / "fd").iterdir()):
                return f" by {(process / 'comm').read_text().strip()} (process {process.name})"
        except OSError:  # ended meanwhile, or another user's
            continue
    return ""
