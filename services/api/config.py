"""The settings of the api service."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from access.hosts import Hosts
from access.settings import AccessSettings, read_access, read_hosts, read_public_url
from access.web_origin import WebOrigin
from runtime.settings import Environment, FromEnvironment

_DAY_SECONDS: Final = 24 * 3600


@dataclass(frozen=True)
class Config(FromEnvironment):
    """What the environment says, checked."""

    redis_url: str
    #: Name of the cluster for as long as no collector has told it.
    cluster_name: str = "cluster"
    log_level: str = "INFO"
    host: str = "127.0.0.1"
    port: int = 8000
    #: Requests that are answered at the same time.
    threads: int = 8
    access: AccessSettings = field(default_factory=AccessSettings)
    #: The folder of the people who may sign in.
    users: Path | None = None
    #: After so long people sign in again, however they use the pages.
    session_seconds: float = 7.0 * _DAY_SECONDS
    #: And after so long in which they do not.
    idle_seconds: float = 12 * 3600.0
    #: Of one address, and of one identity, in one process.
    requests_per_second: int = 300
    #: Bytes of messages that one token publishes, in one process.
    published_bytes_per_second: int = 1_000_000
    #: Whether Redis, which keeps no append-only file, is asked for a dump after each revocation.
    saves_revocations: bool = False
    #: How people reach the deployment behind their own proxy.
    public: WebOrigin | None = None
    #: The host names that are answered.
    hosts: Hosts = field(default_factory=Hosts)
    log_format: str = "text"
    #: Whether each request is logged at the level INFO; else it is at DEBUG.
    logs_requests: bool = False

    @classmethod
    def read(cls, environment: Environment) -> Self:
        """Read the settings; ``environment.known`` then holds their names.

        Raises:
            SettingError: a value is not valid; the text names its variable.
        """
        host = environment.text("API_HOST", cls.host)
        return cls(
            redis_url=environment.redis_url("api"),
            cluster_name=environment.text("CLUSTER_NAME", cls.cluster_name),
            log_level=environment.log_level("api"),
            log_format=environment.log_format(),
            logs_requests=environment.yes("API_REQUEST_LOG"),
            host=host,
            port=environment.port("API_PORT", cls.port),
            threads=environment.integer("API_THREADS", cls.threads, minimum=1, maximum=256),
            access=read_access(environment),
            users=users_folder(environment),
            session_seconds=environment.seconds(
                "ACCESS_SESSION_SECONDS", cls.session_seconds, minimum=60, maximum=366 * _DAY_SECONDS
            ),
            idle_seconds=environment.seconds(
                "ACCESS_IDLE_SECONDS", cls.idle_seconds, minimum=30, maximum=366 * _DAY_SECONDS
            ),
            requests_per_second=environment.integer(
                "API_LIMIT_REQUESTS_PER_SECOND", cls.requests_per_second, minimum=1, maximum=100_000
            ),
            published_bytes_per_second=environment.integer(
                "API_LIMIT_PUBLISHED_BYTES_PER_SECOND",
                cls.published_bytes_per_second,
                minimum=1000,
                maximum=1_000_000_000,
            ),
            saves_revocations=saves_revocations(environment),
            public=read_public_url(environment),
            hosts=read_hosts(environment, host),
        )


def saves_revocations(environment: Environment) -> bool:
    """``API_SAVE_REVOCATIONS``."""
    return environment.yes("API_SAVE_REVOCATIONS")


def users_folder(environment: Environment) -> Path | None:
    """``ACCESS_USERS_DIR``."""
    text = environment.text("ACCESS_USERS_DIR", "")
    return Path(text) if text else None
