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
    """The validated settings."""

    service: ClassVar = "api"

    redis_url: str
    #: Name of the cluster until a collector has published one.
    cluster_name: str = catalogue.CLUSTER_NAME.default_value
    log_level: str = catalogue.LOG_LEVEL.default_value
    host: str = catalogue.API_HOST.default_value
    port: int = catalogue.API_PORT.default_value
    #: Requests that are answered at the same time.
    threads: int = catalogue.API_THREADS.default_value
    access: AccessSettings = field(default_factory=AccessSettings)
    #: The folder with the users' files.
    users: Path | None = None
    #: Longest duration of a session, in seconds.
    session_seconds: float = catalogue.ACCESS_SESSION_SECONDS.default_value
    #: Seconds without a request after which a session ends.
    idle_seconds: float = catalogue.ACCESS_IDLE_SECONDS.default_value
    #: Limit for one address and for one identity, in one process.
    requests_per_second: int = catalogue.API_LIMIT_REQUESTS_PER_SECOND.default_value
    #: Bytes of messages that one token may publish a second, in one process.
    published_bytes_per_second: int = catalogue.API_LIMIT_PUBLISHED_BYTES_PER_SECOND.default_value
    #: Whether the api requests a dump after each revocation. For a Redis without an append-only file.
    saves_revocations: bool = False
    #: The public URL of the deployment, if it is behind a proxy of its own.
    public_url: WebOrigin | None = None
    #: The host names that the api answers for.
    hosts: AllowedHosts = field(default_factory=AllowedHosts)
    #: Seconds that a stopping replica keeps answering, so that gateways can route new clients elsewhere.
    drain_seconds: float = catalogue.API_DRAIN_SECONDS.default_value
    log_format: str = catalogue.LOG_FORMAT.default_value
    #: Whether the api logs each request at level INFO. Otherwise it logs them at DEBUG.
    logs_requests: bool = False

    @classmethod
    def read(cls, environment: Environment) -> Self:
        """Read the settings; ``environment.known`` then contains their names.

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
    """Return whether ``API_SAVE_REVOCATIONS`` is set."""
    return environment.value(catalogue.API_SAVE_REVOCATIONS) == "yes"
