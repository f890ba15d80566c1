"""The one port of the local mode: a push replica that hands what is not ``/socket.io/`` to the api.

``python -m deploy.local.gateway``. The replica's own port keeps its probes and metrics. The one place outside the
ws service that imports it: both ends of the glue are named here.
"""

import ws.loop  # noqa: F401  # isort: skip (first: it patches what the others import)

import os
import resource
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from contract.runtime.logs import configure_logs
from contract.runtime.settings import Environment, SettingError
from deploy.local.connections import Connections
from deploy.local.forwarded import Forwarding
from deploy.local.proxy import ApiProxy, Environ, StartResponse
from ws.config import Config
from ws.loop import CONNECTION_LIMIT, Listener
from ws.pages import Application
from ws.service import Front, run

_SOCKET_IO: Final = "/socket.io/"


@dataclass(frozen=True)
class GatewayConfig:
    """Where the pages are served, and where the api listens."""

    host: str
    port: int
    api_host: str
    api_port: int
    #: Connections of one address.
    connections: int

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> Self:
        """Read the settings.

        Raises:
            SettingError: a value is not valid; the text names its variable.
        """
        environment = Environment(variables)
        half = min(CONNECTION_LIMIT, _open_files_limit()) // 2
        return cls(
            host=environment.text("PUBLIC_HOST", "127.0.0.1"),
            port=environment.port("PORT", 8085),
            api_host=environment.text("API_HOST", "127.0.0.1"),
            api_port=environment.port("API_PORT", 8000),
            connections=environment.integer("GATEWAY_LIMIT_CONNECTIONS", half, minimum=1, maximum=1_000_000),
        )


class BoundedListener(Listener):
    """Closes at once what ``Connections`` do not admit.

    Raises:
        OSError: the address is taken, or none of this machine's.
    """

    def __init__(self, host: str, port: int, connections: Connections) -> None:
        super().__init__(host, port)
        self._connections = connections

    def accept(self) -> tuple[Any, Any]:
        """Wait for a connection that is admitted."""
        while True:
            connection, address = super().accept()
            if self._connections.admit(address[0], connection.fileno()):
                return connection, address
            connection.close()


def one_origin(socket_io: Application, api: Application) -> Application:
    """Push and pages under one origin."""

    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        chosen = socket_io if environ["PATH_INFO"].startswith(_SOCKET_IO) else api
        return chosen(environ, start_response)

    return application


def main() -> int:
    """Return the exit code."""
    try:
        own = GatewayConfig.from_environment(os.environ)
        config = Config.from_environment(os.environ)
    except SettingError as error:
        print(f"gateway: {error}", file=sys.stderr)
        return 2
    configure_logs("gateway", config.log_level)
    api = ApiProxy(own.api_host, own.api_port, Forwarding(config.access.proxies, config.access.user_header))
    connections = Connections(own.connections, config.access.proxies)
    front = Front(
        own.host,
        own.port,
        lambda socket_io: one_origin(socket_io, api),
        lambda host, port: BoundedListener(host, port, connections),
    )
    return run(config, front)


def _open_files_limit() -> int:
    """As many as the system lets this process have; the usual soft limit is 1024."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


if __name__ == "__main__":
    sys.exit(main())
