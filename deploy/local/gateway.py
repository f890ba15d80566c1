"""The one port of the local mode: a push replica that hands what is not ``/socket.io/`` to the api.

``python -m deploy.local.gateway``. The replica's own port keeps its probes and metrics. The one place outside the
ws service that imports it: both ends of the glue are named here.
"""

import ws.loop  # noqa: F401  # isort: skip (first: it patches what the others import)

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from contract.runtime.logs import configure_logs
from contract.runtime.settings import Environment, SettingError
from deploy.local.forwarded import Forwarding
from deploy.local.proxy import ApiProxy, Environ, StartResponse
from ws.config import Config
from ws.pages import Application
from ws.service import Front, run

_SOCKET_IO = "/socket.io/"


@dataclass(frozen=True)
class GatewayConfig:
    """Where the pages are served, and where the api listens."""

    host: str
    port: int
    api_host: str
    api_port: int

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> Self:
        """Read the settings.

        Raises:
            SettingError: a value is not valid; the text names its variable.
        """
        environment = Environment(variables)
        return cls(
            host=environment.text("PUBLIC_HOST", "127.0.0.1"),
            port=environment.port("PORT", 8085),
            api_host=environment.text("API_HOST", "127.0.0.1"),
            api_port=environment.port("API_PORT", 8000),
        )


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
    return run(config, front=Front(own.host, own.port, lambda socket_io: one_origin(socket_io, api)))


if __name__ == "__main__":
    sys.exit(main())
