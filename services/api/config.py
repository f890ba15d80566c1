"""The settings of the api service."""

from dataclasses import dataclass
from typing import Self

from contract.runtime.settings import Environment, FromEnvironment


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

    @classmethod
    def read(cls, environment: Environment) -> Self:
        """Read the settings; ``environment.known`` then holds their names.

        Raises:
            SettingError: a value is not valid; the text names its variable.
        """
        return cls(
            redis_url=environment.redis_url("api"),
            cluster_name=environment.text("CLUSTER_NAME", cls.cluster_name),
            log_level=environment.log_level(),
            host=environment.text("API_HOST", cls.host),
            port=environment.port("API_PORT", cls.port),
            threads=environment.integer("API_THREADS", cls.threads, minimum=1, maximum=256),
        )
