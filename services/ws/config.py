"""The settings of the ws service."""

from dataclasses import dataclass, field
from typing import Final, Self

from access.hosts import Hosts
from access.settings import (
    AccessSettings,
    read_access,
    read_allowed_origins,
    read_hosts,
    read_public_url,
)
from access.web_origin import WebOrigin
from runtime.settings import Environment, FromEnvironment
from ws.access.limits import Limits

#: Settings of former versions.
REMOVED: Final = {"WS_PUSH": "0.4; every replica pushes as WS_PUSH=fast did"}


@dataclass(frozen=True)
class Config(FromEnvironment):
    """Everything that can be set, read once from the environment."""

    redis_url: str
    log_level: str = "INFO"
    log_format: str = "text"
    host: str = "127.0.0.1"
    port: int = 8001
    #: Origins of pages that may connect besides those of the same origin; ``*`` allows all.
    allowed_origins: tuple[str, ...] = ()
    #: How people reach the deployment behind their own proxy.
    public: WebOrigin | None = None
    #: The host names that are answered.
    hosts: Hosts = field(default_factory=Hosts)
    #: Over so long the clients are sent elsewhere when the replica is asked to end.
    drain_seconds: float = 5.0
    #: A client that takes nothing for so long is sent away, to come back when it can read again.
    slow_seconds: float = 10.0
    #: Whole seconds between two pings of a client.
    ping_interval_seconds: int = 25
    #: Whole seconds that a client has to answer a ping, at most ``ping_interval_seconds``; then it is gone.
    ping_timeout_seconds: int = 20
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
        host = environment.text("WS_HOST", cls.host)
        interval = environment.integer("WS_PING_INTERVAL_SECONDS", cls.ping_interval_seconds, minimum=1, maximum=25)
        timeout = environment.integer("WS_PING_TIMEOUT_SECONDS", cls.ping_timeout_seconds, minimum=1, maximum=25)
        return cls(
            redis_url=environment.redis_url("ws"),
            log_level=environment.log_level("ws"),
            log_format=environment.log_format(),
            host=host,
            port=environment.port("WS_PORT", cls.port),
            allowed_origins=read_allowed_origins(environment),
            public=read_public_url(environment),
            hosts=read_hosts(environment, host),
            slow_seconds=environment.seconds("WS_SLOW_SECONDS", cls.slow_seconds, minimum=1, maximum=600),
            ping_interval_seconds=interval,
            ping_timeout_seconds=min(timeout, interval),
            drain_seconds=environment.seconds("WS_DRAIN_SECONDS", cls.drain_seconds, minimum=0, maximum=600),
            access=read_access(environment),
            limits=Limits.read(environment),
            removed=environment.removed(REMOVED),
        )
