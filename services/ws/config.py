"""The settings of the ws service."""

from dataclasses import dataclass, field
from typing import ClassVar, Self

from access.hosts import AllowedHosts
from access.settings import (
    AccessSettings,
    read_access,
    read_allowed_origins,
    read_hosts,
    read_public_url,
)
from access.web_origin import WebOrigin
from runtime import catalogue
from runtime.settings import Environment, FromEnvironment
from ws.access.limits import Limits


@dataclass(frozen=True)
class Config(FromEnvironment):
    """Everything that can be set, read once from the environment."""

    service: ClassVar = "ws"

    redis_url: str
    log_level: str = catalogue.LOG_LEVEL.default_value
    log_format: str = catalogue.LOG_FORMAT.default_value
    host: str = catalogue.WS_HOST.default_value
    port: int = catalogue.WS_PORT.default_value
    #: Origins of pages that may connect besides those of the same origin; ``*`` allows all.
    allowed_origins: tuple[str, ...] = ()
    #: How people reach the deployment behind their own proxy.
    public: WebOrigin | None = None
    #: The host names that are answered.
    hosts: AllowedHosts = field(default_factory=AllowedHosts)
    #: Over so long the clients are sent elsewhere when the replica is asked to end.
    drain_seconds: float = catalogue.WS_DRAIN_SECONDS.default_value
    #: A client that takes nothing for so long is sent away, to come back when it can read again.
    slow_seconds: float = catalogue.WS_SLOW_SECONDS.default_value
    #: Whole seconds between two pings of a client.
    ping_interval_seconds: int = catalogue.WS_PING_INTERVAL_SECONDS.default_value
    #: Whole seconds that a client has to answer a ping, at most ``ping_interval_seconds``; then it is gone.
    ping_timeout_seconds: int = catalogue.WS_PING_TIMEOUT_SECONDS.default_value
    access: AccessSettings = field(default_factory=AccessSettings)
    limits: Limits = field(default_factory=Limits)
    #: What the log says of settings of former versions that are set.
    removed: tuple[str, ...] = ()

    @classmethod
    def read(cls, environment: Environment) -> Self:
        """Read the settings; ``environment.known`` then holds their names.

        Raises:
            SettingError: a value is not valid; the text names its variable.
        """
        host = environment.value(catalogue.WS_HOST)
        interval = environment.value(catalogue.WS_PING_INTERVAL_SECONDS)
        timeout = environment.value(catalogue.WS_PING_TIMEOUT_SECONDS)
        return cls(
            redis_url=environment.redis_url(cls.service),
            log_level=environment.log_level(cls.service),
            log_format=environment.value(catalogue.LOG_FORMAT),
            host=host,
            port=environment.value(catalogue.WS_PORT),
            allowed_origins=read_allowed_origins(environment),
            public=read_public_url(environment),
            hosts=read_hosts(environment, host),
            slow_seconds=environment.value(catalogue.WS_SLOW_SECONDS),
            ping_interval_seconds=interval,
            ping_timeout_seconds=min(timeout, interval),
            drain_seconds=environment.value(catalogue.WS_DRAIN_SECONDS),
            access=read_access(environment),
            limits=Limits.read(environment),
            removed=environment.removed(),
        )
