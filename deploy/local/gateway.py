"""The one port of the local mode: a push replica that hands what is not ``/socket.io/`` to the api.

``python -m deploy.local.gateway``. The replica's own port keeps its probes and metrics. The one place outside the
ws service that imports it: both ends of the glue are named here.
"""

import ws.loop  # noqa: F401  # isort: skip (first: it patches what the others import)

import logging
import os
import resource
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Self

from access.proxies import TrustedProxies
from deploy.local.limits import Connections
from deploy.local.proxy import ApiProxy, Environ, Forwarding, StartResponse, refusal
from runtime import catalogue
from runtime.logs import RateLimitedLog, configure_logs, refuse_start
from runtime.settings import Environment, SettingError
from ws.config import Config
from ws.loop import CONNECTION_LIMIT, Listener, descriptor, when_served
from ws.pages import Application
from ws.service import Front, run

_SOCKET_IO: Final = "/socket.io/"

_logger = logging.getLogger(__name__)
_complaints: Final = RateLimitedLog(_logger)


@dataclass(frozen=True)
class GatewayConfig:
    """Where the pages are served, and where the api listens."""

    host: str
    port: int
    api_host: str
    api_port: int
    #: Connections of one address; behind a trusted proxy, its requests under way.
    connections: int
    #: Of the process, which is a push replica too.
    log_level: str

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> Self:
        """Read the settings.

        Raises:
            SettingError: a value is not valid; the text names its variable.
        """
        environment = Environment(variables)
        half = min(CONNECTION_LIMIT, _open_files_limit()) // 2
        return cls(
            host=environment.value(catalogue.PUBLIC_HOST),
            port=environment.value(catalogue.PORT),
            api_host=environment.value(catalogue.API_HOST),
            api_port=environment.value(catalogue.API_PORT),
            connections=environment.value(catalogue.GATEWAY_LIMIT_CONNECTIONS, half),
            log_level=environment.log_level("gateway", "ws"),
        )


class BoundedListener(Listener):
    """Closes at once what ``connections`` do not admit; ``proxies`` may have any number: many people come from them.

    Raises:
        OSError: the address is taken, or none of this machine's.
    """

    def __init__(self, host: str, port: int, connections: Connections, proxies: TrustedProxies) -> None:
        super().__init__(host, port)
        self._connections = connections
        self._proxies = proxies

    def accept(self) -> tuple[Any, Any]:
        """Wait for a connection that is admitted."""
        while True:
            connection, address = super().accept()
            peer = address[0]
            if self._proxies.client_address(peer).is_from_trusted_proxy or self._connections.admit(
                peer, connection.fileno()
            ):
                return connection, address
            _complaints.warning("connection", "closed a connection of %s: GATEWAY_LIMIT_CONNECTIONS is reached", peer)
            connection.close()


def one_origin(socket_io: Application, api: Application) -> Application:
    """Push and pages under one origin."""

    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        chosen = socket_io if environ["PATH_INFO"].startswith(_SOCKET_IO) else api
        return chosen(environ, start_response)

    return application


def bounded(app: Application, requests: Connections, proxies: TrustedProxies) -> Application:
    """``app``, for the requests under way that ``requests`` admit of each address that one of ``proxies`` forwards.

    A request is counted as the connection that it takes, and a WebSocket until that has ended.
    """

    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        peer = environ["REMOTE_ADDR"]
        own, origin = (
            proxies.client_address(peer),
            proxies.client_address(peer, environ.get("HTTP_X_FORWARDED_FOR", "")),
        )
        if origin.address == own.address:
            return app(environ, start_response)
        number = descriptor(environ)
        if not requests.admit(origin.address, number):
            said = "refused a request of %s: GATEWAY_LIMIT_CONNECTIONS is reached"
            _complaints.warning("request", said, origin.address)
            text = "Your address has too many open requests and connections."
            return refusal(environ, start_response, HTTPStatus.TOO_MANY_REQUESTS, text, "limit_exceeded")
        when_served(environ, lambda: requests.release(number))
        return app(environ, start_response)

    return application


def main() -> int:
    """Return the exit code."""
    try:
        own = GatewayConfig.from_environment(os.environ)
        config = Config.from_environment(os.environ)
    except SettingError as error:
        refuse_start("gateway", str(error), os.environ)
        return 2
    configure_logs("gateway", own.log_level, config.log_format)
    proxies = config.access.proxies
    api = ApiProxy(own.api_host, own.api_port, Forwarding(proxies, config.access.user_header))
    connections, requests = Connections(own.connections), Connections(own.connections)
    front = Front(
        own.host,
        own.port,
        lambda socket_io: bounded(one_origin(socket_io, api), requests, proxies),
        lambda host, port: BoundedListener(host, port, connections, proxies),
    )
    return run(config, front)


def _open_files_limit() -> int:
    """As many as the system lets this process have; the usual soft limit is 1024."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


if __name__ == "__main__":
    sys.exit(main())
