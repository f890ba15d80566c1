"""The public port of the local mode: a ws replica that forwards every path except ``/socket.io/`` to the api.

``python -m deploy.local.gateway``. Probes and metrics stay on the replica's own port. Only this module and the
ws service itself import the ws service.
"""

import ws.loop  # noqa: F401  # isort: skip (first: it patches modules that the others import)

import logging
import os
import resource
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Self

from access.proxies import TrustedProxies
from deploy.local.limits import ConnectionLimit
from deploy.local.proxy import ApiProxy, Environ, ForwardingHeaders, StartResponse, error_response
from deploy.local.request_body import CLIENT_SOCKET
from runtime import catalogue
from runtime.logs import RateLimitedLog, configure_logs, refuse_start
from runtime.settings import Environment, SettingError
from ws.config import Config
from ws.http_endpoints import Application
from ws.loop import CONNECTION_LIMIT, Listener, after_response, client_socket, descriptor
from ws.service import SecondAddress, run

_SOCKET_IO: Final = "/socket.io/"

_logger = logging.getLogger(__name__)
_limited_log: Final = RateLimitedLog(_logger)


@dataclass(frozen=True)
class GatewayConfig:
    """Addresses of the public port and of the api, and the gateway's limits."""

    host: str
    port: int
    api_host: str
    api_port: int
    #: Maximum connections per client address; for clients behind a trusted proxy, maximum requests in progress.
    connections: int
    #: Log level of the process, which is a ws replica too.
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
    """Closes connections above the limit of their address. Trusted proxies have no limit, as they carry many clients.

    Raises:
        OSError: the address is taken, or is not an address of this machine.
    """

    def __init__(self, host: str, port: int, connections: ConnectionLimit, proxies: TrustedProxies) -> None:
        super().__init__(host, port)
        self._connections = connections
        self._proxies = proxies

    def accept(self) -> tuple[Any, Any]:
        """Wait for a connection within the limit."""
        while True:
            connection, address = super().accept()
            peer = address[0]
            if self._proxies.client_address(peer).is_from_trusted_proxy or self._connections.admit(
                peer, connection.fileno()
            ):
                return connection, address
            _limited_log.warning("connection", "closed a connection of %s: GATEWAY_LIMIT_CONNECTIONS is reached", peer)
            connection.close()


def route_requests(socket_io: Application, api: Application) -> Application:
    """Return an application that serves push and pages under one origin."""

    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"].startswith(_SOCKET_IO):
            return socket_io(environ, start_response)
        environ[CLIENT_SOCKET] = client_socket(environ)
        return api(environ, start_response)

    return application


def limit_requests(app: Application, requests: ConnectionLimit, proxies: TrustedProxies) -> Application:
    """Return ``app`` with a limit on requests in progress, for each client address behind a trusted proxy.

    A request counts while it is served; a WebSocket counts until it is closed.
    """

    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        peer = environ["REMOTE_ADDR"]
        client = proxies.client_address(peer, environ.get("HTTP_X_FORWARDED_FOR", ""))
        if client.address == proxies.client_address(peer).address:
            return app(environ, start_response)
        number = descriptor(environ)
        if not requests.admit(client.address, number):
            warning = "refused a request of %s: GATEWAY_LIMIT_CONNECTIONS is reached"
            _limited_log.warning("request", warning, client.address)
            text = "Your address has too many open requests and connections."
            return error_response(environ, start_response, HTTPStatus.TOO_MANY_REQUESTS, text, "limit_exceeded")
        after_response(environ, lambda: requests.release(number))
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
    api = ApiProxy(own.api_host, own.api_port, ForwardingHeaders(proxies, config.access.user_header))
    connections, requests = ConnectionLimit(own.connections), ConnectionLimit(own.connections)
    front = SecondAddress(
        own.host,
        own.port,
        lambda socket_io: limit_requests(route_requests(socket_io, api), requests, proxies),
        lambda host, port: BoundedListener(host, port, connections, proxies),
    )
    return run(config, front)


def _open_files_limit() -> int:
    """Return the hard limit of open files. The usual soft limit is only 1024."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


if __name__ == "__main__":
    sys.exit(main())
