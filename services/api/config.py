"""The settings of the api service."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Self

from access.hosts import AllowedHosts
from access.settings import AccessSettings, read_access, read_hosts, read_public_url
from access.web_origin import WebOrigin
from runtime import catalogue
from runtime.settings import Environment, FromEnvironment


@dataclass(frozen=True)
class Config(FromEnvironment):
    """What the environment says, checked."""

    service: ClassVar = "api"

    redis_url: str
    #: Name of the cluster for as long as no collector has told it.
    cluster_name: str = catalogue.CLUSTER_NAME.default_value
    log_level: str = catalogue.LOG_LEVEL.default_value
    host: str = catalogue.API_HOST.default_value
    port: int = catalogue.API_PORT.default_value
    #: Requests that are answered at the same time.
    threads: int = catalogue.API_THREADS.default_value
    access: AccessSettings = field(default_factory=AccessSettings)
    #: The folder of the people who may sign in.
    users: Path | None = None
    #: After so long people sign in again, however they use the pages.
    session_seconds: float = catalogue.ACCESS_SESSION_SECONDS.default_value
    #: And after so long in which they do not.
    idle_seconds: float = catalogue.ACCESS_IDLE_SECONDS.default_value
    #: Of one address, and of one identity, in one process.
    requests_per_second: int = catalogue.API_LIMIT_REQUESTS_PER_SECOND.default_value
    #: Bytes of messages that one token publishes, in one process.
    published_bytes_per_second: int = catalogue.API_LIMIT_PUBLISHED_BYTES_PER_SECOND.default_value
    #: Whether Redis, which keeps no append-only file, is asked for a dump after each revocation.
    saves_revocations: bool = False
    #: How people reach the deployment behind their own proxy.
    public_url: WebOrigin | None = None
    #: The host names that are answered.
    hosts: AllowedHosts = field(default_factory=AllowedHosts)
    #: A replica that is told to end answers on for so long, so that gateways learn that nobody new shall come.
    drain_seconds: float = catalogue.API_DRAIN_SECONDS.default_value
    log_format: str = catalogue.LOG_FORMAT.default_value
    #: Whether each request is logged at the level INFO; else it is at DEBUG.
    logs_requests: bool = False

    @classmethod
    def read(cls, environment: Environment) -> Self:
        """Read the settings; ``environment.known`` then holds their names.

        Raises:
            SettingError: a value is not valid; the text names its variable.
        """
        host = environment.value(catalogue.API_HOST)
        return cls(
            redis_url=environment.redis_url(cls.service),
            cluster_name=environment.value(catalogue.CLUSTER_NAME),
            log_level=environment.log_level(cls.service),
            log_format=environment.value(catalogue.LOG_FORMAT),
            logs_requests=environment.value(catalogue.API_REQUEST_LOG) == "yes",
            host=host,
            port=environment.value(catalogue.API_PORT),
            threads=environment.value(catalogue.API_THREADS),
            drain_seconds=environment.value(catalogue.API_DRAIN_SECONDS),
            access=read_access(environment),
            users=environment.path(catalogue.ACCESS_USERS_DIR),
            session_seconds=environment.value(catalogue.ACCESS_SESSION_SECONDS),
            idle_seconds=environment.value(catalogue.ACCESS_IDLE_SECONDS),
            requests_per_second=environment.value(catalogue.API_LIMIT_REQUESTS_PER_SECOND),
            published_bytes_per_second=environment.value(catalogue.API_LIMIT_PUBLISHED_BYTES_PER_SECOND),
            saves_revocations=saves_revocations(environment),
            public_url=read_public_url(environment),
            hosts=read_hosts(environment, host),
        )


def saves_revocations(environment: Environment) -> bool:
    """``API_SAVE_REVOCATIONS``."""
    return environment.value(catalogue.API_SAVE_REVOCATIONS) == "yes"
