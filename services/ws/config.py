"""The settings of the ws service."""

from dataclasses import dataclass, field
from importlib.util import find_spec
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
from runtime.settings import Environment, FromEnvironment, SettingError
from ws.access.limits import Limits


@dataclass(frozen=True)
class Config(FromEnvironment):
    """The settings, read once from the environment."""

    service: ClassVar = "ws"

    redis_url: str
    log_level: str = catalogue.LOG_LEVEL.default_value
    log_format: str = catalogue.LOG_FORMAT.default_value
    host: str = catalogue.WS_HOST.default_value
    port: int = catalogue.WS_PORT.default_value
    #: Origins of pages that may connect in addition to pages of the same origin; ``*`` allows all origins.
    allowed_origins: tuple[str, ...] = ()
    #: Public origin of the deployment behind the users' own proxy.
    public: WebOrigin | None = None
    #: Host names that the replica answers to.
    hosts: AllowedHosts = field(default_factory=AllowedHosts)
    #: Event loop. ``ws.loop`` reads the variable itself, because a process imports the loop before the settings.
    loop: str = catalogue.WS_LOOP.default_value
    #: Seconds over which the replica disconnects its clients when it shuts down.
    drain_seconds: float = catalogue.WS_DRAIN_SECONDS.default_value
    #: Seconds after which the replica disconnects a client that reads nothing; the client can reconnect.
    slow_seconds: float = catalogue.WS_SLOW_SECONDS.default_value
    #: Whole seconds between two pings to a client.
    ping_interval_seconds: int = catalogue.WS_PING_INTERVAL_SECONDS.default_value
    #: Whole seconds that a client has to answer a ping, at most ``ping_interval_seconds``.
    ping_timeout_seconds: int = catalogue.WS_PING_TIMEOUT_SECONDS.default_value
    access: AccessSettings = field(default_factory=AccessSettings)
    limits: Limits = field(default_factory=Limits)
    #: Log lines about settings of previous versions that are set.
    removed: tuple[str, ...] = ()

    @classmethod
    def read(cls, environment: Environment) -> Self:
        """Read the settings; afterwards ``environment.known`` contains their names.

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
            loop=_read_loop(environment),
            slow_seconds=environment.value(catalogue.WS_SLOW_SECONDS),
            ping_interval_seconds=interval,
            ping_timeout_seconds=min(timeout, interval),
            drain_seconds=environment.value(catalogue.WS_DRAIN_SECONDS),
            access=read_access(environment),
            limits=Limits.read(environment),
            removed=environment.removed(),
        )


def _read_loop(environment: Environment) -> str:
    loop = environment.value(catalogue.WS_LOOP)
    if find_spec(loop) is None:
        takes = f"only eventlet here: {loop} is not installed, which needs x86-64 or 64-bit ARM"
        raise SettingError("WS_LOOP", loop, takes)
    return loop
