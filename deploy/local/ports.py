"""The TCP ports of the product: a port that is set must be free; for other ports a free one is found."""

import socket
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from deploy.host.listening import is_free, listener_name, next_free_port
from deploy.local.commands import RUN
from deploy.local.refusal import CannotStart
from runtime.catalogue import SETTINGS
from runtime.settings import Environment

#: Distance between two ports that are tried for one purpose. The ports between them are for other purposes.
_STEP = 10
_TRIED = 100


@dataclass(frozen=True)
class InternalPorts:
    """Loopback ports on which the services reach each other and answer probes."""

    api: int
    ws: int
    collector: int
    #: ``None`` if there is no embedded Valkey.
    valkey: int | None

    @classmethod
    def choose(
        cls, variables: Mapping[str, str], *, with_valkey: bool, avoided: Collection[int] = ()
    ) -> "InternalPorts":
        """Choose the default ports, or free ones in place of ports that are taken or ``avoided``.

        Raises:
            CannotStart, SettingError: see ``internal_port``.
        """
        return cls(
            api=internal_port(variables, "API_PORT", 8000, avoided),
            ws=internal_port(variables, "WS_PORT", 8001, avoided),
            collector=internal_port(variables, "COLLECTOR_PORT", 8002, avoided),
            valkey=internal_port(variables, "VALKEY_PORT", 6385, avoided) if with_valkey else None,
        )

    def all(self) -> tuple[int, ...]:
        """Return all ports."""
        services = (self.api, self.ws, self.collector)
        return services if self.valkey is None else (*services, self.valkey)


def internal_port(variables: Mapping[str, str], name: str, default: int, avoided: Collection[int] = ()) -> int:
    """Return the port that variable ``name`` sets; if it is not set, ``default`` or a free port above.

    The port is free. A port that no variable sets is not among ``avoided``.

    Raises:
        CannotStart: the port that is set is taken, or all ports that are tried are taken.
        SettingError: the variable is not a port.
    """
    port: int = Environment(variables).value(SETTINGS[name], default)
    is_set = bool(variables.get(name, "").strip())
    if is_free(port) and (is_set or port not in avoided):
        return port
    if is_set:
        raise CannotStart(f"{name}={port} is taken{listener_name(port)}. Without {name} a free port is found.")
    # A port from the system's own range could be given to another program before the service listens on it.
    other = next_free_port(port, step=_STEP, below=port + _TRIED * _STEP, avoided=avoided)
    if other == port:
        raise CannotStart(f"Port {port} and the ports above it are taken. Choose a free one: {name}=… {RUN}")
    return other


def require_public_port(host: str, port: int, how_to_choose: Callable[[int], str] = f"PORT={{}} {RUN}".format) -> None:
    """Check that the pages can be served on ``host:port``.

    Args:
        host: an address of this machine, or a name of one.
        port: the TCP port.
        how_to_choose: returns the text that shows how to choose another port.

    Raises:
        CannotStart: the port cannot be used; the text names the cause and the remedy.
    """
    try:
        free = is_free(port, host)
    except (socket.gaierror, UnicodeError):  # UnicodeError: DNS cannot encode the name, for example a..b
        raise CannotStart(f"PUBLIC_HOST={host} cannot be resolved: it takes an address of this machine.") from None
    except PermissionError:
        raise CannotStart(f"PORT={port} is for root only: choose one above 1023, for example PORT=8085.") from None
    except OSError as error:
        raise CannotStart(f"Cannot listen on PUBLIC_HOST={host}: {error.strerror}.") from None
    if not free:
        other = how_to_choose(next_free_port(port, host))
        raise CannotStart(f"Port {port} is taken{listener_name(port)}. Choose another: {other}")
