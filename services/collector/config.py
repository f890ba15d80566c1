"""The collector's settings."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from access.hosts import AllowedHosts
from access.settings import read_hosts
from collector.targets.entry import DEFAULT_PORT, TargetsError, host_and_port, usable_name
from collector.targets.http_sd_settings import HttpSdSettings, read_http_sd
from runtime import catalogue
from runtime.settings import Environment, FromEnvironment, SettingError
from runtime.value_types import paths

#: Default timeout of a scrape in seconds; a shorter interval limits it.
DEFAULT_TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True)
class Config(FromEnvironment):
    """The checked settings from the environment."""

    service: ClassVar = "collector"

    redis_url: str
    cluster: str
    host: str
    port: int
    #: At least one.
    targets_paths: tuple[Path, ...]
    #: Hosts and ports; every address of a host is a target.
    dns_targets: tuple[tuple[str, int], ...]
    #: Target lists of HTTP servers.
    http_sd: HttpSdSettings
    #: Name of the entry ``local``; ``None`` for this machine's host name.
    local_name: str | None
    #: Host and port of this machine's exporter; ``None``: the collector reads this machine itself.
    local_exporter: tuple[str, int] | None
    #: Folder of the passwords, tokens and certificates that ``nodes.yaml`` names; ``None``: no folder is configured.
    credentials_dir: Path | None
    #: File of the user's alert rules; ``None`` for the built-in rules only.
    rules_path: Path | None
    #: Folder in which this machine's Redis saves its data; ``None`` if unknown.
    redis_dir: Path | None
    #: PEM file of the gateway's certificate; ``None`` if unknown.
    certificate_path: Path | None
    interval_seconds: float
    timeout_seconds: float
    log_level: str
    log_format: str
    #: Host names that the collector's port accepts.
    hosts: AllowedHosts

    @classmethod
    def read(cls, environment: Environment) -> Self:
        """Read the settings, and add their names to ``environment.known``.

        Raises:
            SettingError: a value is invalid; the text names its variable.
        """
        interval = environment.value(catalogue.COLLECTOR_SCRAPE_INTERVAL_SECONDS)
        timeout = environment.value(catalogue.COLLECTOR_SCRAPE_TIMEOUT_SECONDS, min(interval, DEFAULT_TIMEOUT_SECONDS))
        if timeout > interval:
            takes = f"seconds up to COLLECTOR_SCRAPE_INTERVAL_SECONDS, which is {interval:g}"
            raise SettingError("COLLECTOR_SCRAPE_TIMEOUT_SECONDS", f"{timeout:g}", takes)
        targets: tuple[str, ...] = environment.value(catalogue.COLLECTOR_TARGETS)
        redis_dir = environment.path(catalogue.COLLECTOR_REDIS_DIR)
        host = environment.value(catalogue.COLLECTOR_HOST)
        return cls(
            redis_url=environment.redis_url(cls.service),
            cluster=environment.value(catalogue.CLUSTER_NAME),
            host=host,
            port=environment.value(catalogue.COLLECTOR_PORT),
            targets_paths=tuple(map(Path, targets)),
            dns_targets=_dns_targets(environment),
            http_sd=read_http_sd(environment),
            local_name=_local_name(environment),
            local_exporter=_local_exporter(environment),
            credentials_dir=environment.path(catalogue.COLLECTOR_CREDENTIALS_DIR),
            rules_path=environment.path(catalogue.COLLECTOR_RULES),
            redis_dir=redis_dir.absolute() if redis_dir else None,
            certificate_path=environment.path(catalogue.COLLECTOR_CERTIFICATE_FILE),
            interval_seconds=interval,
            timeout_seconds=timeout,
            log_level=environment.log_level(cls.service),
            log_format=environment.value(catalogue.LOG_FORMAT),
            hosts=read_hosts(environment, host),
        )


def split_paths(text: str) -> tuple[Path, ...]:
    """Return the paths of a comma-separated list."""
    return tuple(map(Path, paths(text)))


def _dns_targets(environment: Environment) -> tuple[tuple[str, int], ...]:
    setting = catalogue.COLLECTOR_DNS_TARGETS
    found: dict[tuple[str, int], None] = {}
    for word in environment.value(setting):
        try:
            host, port = host_and_port(word, setting.name)
        except TargetsError:
            raise SettingError(setting.name, word, setting.kind.takes) from None
        found[host.lower(), port or DEFAULT_PORT] = None
    return tuple(found)


def _local_name(environment: Environment) -> str | None:
    setting = catalogue.COLLECTOR_LOCAL_NAME
    text = environment.value(setting)
    name = usable_name(text)
    if text and name is None:
        raise SettingError(setting.name, text, setting.kind.takes)
    return name


def _local_exporter(environment: Environment) -> tuple[str, int] | None:
    setting = catalogue.COLLECTOR_LOCAL_EXPORTER
    text = environment.value(setting)
    if not text:
        return None
    try:
        host, port = host_and_port(text, setting.name)
    except TargetsError:
        raise SettingError(setting.name, text, setting.kind.takes) from None
    return host, port or DEFAULT_PORT
