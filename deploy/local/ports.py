"""The TCP ports that the product listens on: the asked ones where they are free, others where nobody asked."""

import socket
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from deploy.host.listening import free_above, holder, is_free
from deploy.local.commands import RUN
from deploy.local.refusal import CannotStart
from runtime.catalogue import SETTINGS
from runtime.settings import Environment

#: Distance between the ports that are tried for one purpose; those for other purposes lie between.
_STEP = 10
_TRIED = 100


@dataclass(frozen=True)
class InnerPorts:
    """Ports of loopback that the parts meet on or are asked by."""

    api: int
    ws: int
    collector: int
    #: ``None`` where Redis is not ours.
    valkey: int | None

    @classmethod
    def choose(cls, variables: Mapping[str, str], *, with_valkey: bool, avoided: Collection[int] = ()) -> "InnerPorts":
        """Take the usual ports, or free ones where they are taken or ``avoided``.

        Raises:
            CannotStart, SettingError: see ``inner_port``.
        """
        return cls(
            api=inner_port(variables, "API_PORT", 8000, avoided),
            ws=inner_port(variables, "WS_PORT", 8001, avoided),
            collector=inner_port(variables, "COLLECTOR_PORT", 8002, avoided),
            valkey=inner_port(variables, "VALKEY_PORT", 6385, avoided) if with_valkey else None,
        )

    def all(self) -> tuple[int, ...]:
        """All of them."""
        own = (self.api, self.ws, self.collector)
        return own if self.valkey is None else (*own, self.valkey)


def inner_port(variables: Mapping[str, str], name: str, default: int, avoided: Collection[int] = ()) -> int:
    """The port that variable ``name`` gives; where it gives none, ``default`` or a free one above.

    Nobody listens on it, and one that was not asked for is not among ``avoided``.

    Raises:
        CannotStart: the port that was asked for is taken, or all that are tried are.
        SettingError: the variable holds no port.
    """
    port: int = Environment(variables).value(SETTINGS[name], default)
    is_named = bool(variables.get(name, "").strip())
    if is_free(port) and (is_named or port not in avoided):
        return port
    if is_named:
        raise CannotStart(f"{name}={port} is taken{holder(port)}. Without {name} a free port is found.")
    # Not just any free one, which the system could give away to somebody else before it is listened on.
    other = free_above(port, step=_STEP, below=port + _TRIED * _STEP, avoided=avoided)
    if other == port:
        raise CannotStart(f"Port {port} and those above it are taken. Name a free one: {name}=… {RUN}")
    return other


def require_public(host: str, port: int, way: Callable[[int], str] = f"PORT={{}} {RUN}".format) -> None:
    """Check that the pages can be served on ``host:port``; ``way`` says how people choose another port.

    Raises:
        CannotStart: they cannot; the text says why and what helps.
    """
    try:
        free = is_free(port, host)
    except (socket.gaierror, UnicodeError):  # the latter of a name that no DNS can hold, such as a..b
        raise CannotStart(f"PUBLIC_HOST={host} cannot be looked up: it takes an address of this machine.") from None
    except PermissionError:
        raise CannotStart(f"PORT={port} is for root only: take one above 1023, for instance PORT=8085.") from None
    except OSError as error:
        raise CannotStart(f"Cannot listen on PUBLIC_HOST={host}: {error.strerror}.") from None
    if not free:
        # The settings that were given stay; a free port is worth more than the next one.
        raise CannotStart(f"Port {port} is taken{holder(port)}. Choose another: {way(free_above(port, host))}")
