"""The collector's settings."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from access.hosts import Hosts
from access.settings import read_hosts
from collector.targets.entry import DEFAULT_PORT, NAME_LIMIT, TargetsError, host_and_port, usable_name
from runtime.settings import Environment, FromEnvironment, SettingError

#: Seconds that a scrape may take by default, where the interval allows them.
DEFAULT_TIMEOUT_SECONDS = 5.0
#: Longest name of a cluster, in characters.
CLUSTER_NAME_LIMIT = 100


@dataclass(frozen=True)
class Config(FromEnvironment):
    """What the environment says, checked."""

    redis_url: str
    cluster: str
    host: str
    port: int
    #: At least one.
    targets_paths: tuple[Path, ...]
    #: Hosts and ports; every address of such a host is a target.
    dns_targets: tuple[tuple[str, int], ...]
    #: Name of the entry ``local``; ``None`` for this machine's host name.
    local_name: str | None
    #: Host and port of the exporter that tells of this machine; ``None``: it is read without one.
    local_exporter: tuple[str, int] | None
    #: Folder of the passwords, tokens and certificates that ``nodes.yaml`` names; ``None``: there is none.
    credentials_dir: Path | None
    #: The user's alert rules; ``None`` for the built-in ones alone.
    rules_path: Path | None
    #: Where the Redis of this machine saves its data; ``None``: it is not known.
    redis_dir: Path | None
    #: PEM file of the certificate that the pages are served with; ``None``: it is not known.
    certificate_path: Path | None
    interval_seconds: float
    timeout_seconds: float
    log_level: str
    log_format: str
    #: The host names that its port answers to.
    hosts: Hosts

    @classmethod
    def read(cls, environment: Environment) -> Self:
        """Read the settings; ``environment.known`` then holds their names.

        Raises:
            SettingError: a value is not valid; the text names its variable.
        """
        interval = environment.seconds("COLLECTOR_SCRAPE_INTERVAL_SECONDS", 2.0, minimum=0.2, maximum=300)
        timeout = environment.seconds(
            "COLLECTOR_SCRAPE_TIMEOUT_SECONDS", min(interval, DEFAULT_TIMEOUT_SECONDS), minimum=0.05, maximum=math.inf
        )
        if timeout > interval:
            takes = f"seconds up to COLLECTOR_SCRAPE_INTERVAL_SECONDS, which is {interval:g}"
            raise SettingError("COLLECTOR_SCRAPE_TIMEOUT_SECONDS", f"{timeout:g}", takes)
        cluster = environment.text("CLUSTER_NAME", "cluster")
        if not cluster.isprintable() or len(cluster) > CLUSTER_NAME_LIMIT:
            raise SettingError("CLUSTER_NAME", cluster, f"up to {CLUSTER_NAME_LIMIT} printable characters")
        targets = environment.text("COLLECTOR_TARGETS", "nodes.yaml")
        targets_paths = split_paths(targets)
        if not targets_paths:
            raise SettingError("COLLECTOR_TARGETS", targets, "paths of targets files, separated by commas")
        if any("*" in str(path.parent) for path in targets_paths):
            raise SettingError("COLLECTOR_TARGETS", targets, "paths with a * in the last part at most")
        rules = environment.text("COLLECTOR_RULES", "")
        credentials_dir = environment.text("COLLECTOR_CREDENTIALS_DIR", "")
        certificate = environment.text("COLLECTOR_CERTIFICATE_FILE", "")
        redis_dir = environment.text("COLLECTOR_REDIS_DIR", "")
        host = environment.text("COLLECTOR_HOST", "127.0.0.1")
        return cls(
            redis_url=environment.redis_url("collector"),
            cluster=cluster,
            host=host,
            port=environment.port("COLLECTOR_PORT", 8002),
            targets_paths=targets_paths,
            dns_targets=_dns_targets(environment),
            local_name=_local_name(environment),
            local_exporter=_local_exporter(environment),
            credentials_dir=Path(credentials_dir) if credentials_dir else None,
            rules_path=Path(rules) if rules else None,
            redis_dir=Path(redis_dir).absolute() if redis_dir else None,
            certificate_path=Path(certificate) if certificate else None,
            interval_seconds=interval,
            timeout_seconds=timeout,
            log_level=environment.log_level("collector"),
            log_format=environment.log_format(),
            hosts=read_hosts(environment, host),
        )


def split_paths(text: str) -> tuple[Path, ...]:
    """Paths separated by commas."""
    return tuple(Path(path.strip()) for path in text.split(",") if path.strip())


def _dns_targets(environment: Environment) -> tuple[tuple[str, int], ...]:
    name = "COLLECTOR_DNS_TARGETS"
    found: dict[tuple[str, int], None] = {}
    for word in environment.words(name):
        try:
            host, port = host_and_port(word, name)
        except TargetsError:
            raise SettingError(name, word, "names host or host:port, separated by commas or spaces") from None
        found[host.lower(), port or DEFAULT_PORT] = None
    return tuple(found)


def _local_name(environment: Environment) -> str | None:
    text = environment.text("COLLECTOR_LOCAL_NAME", "")
    name = usable_name(text)
    if text and name is None:
        raise SettingError("COLLECTOR_LOCAL_NAME", text, f"up to {NAME_LIMIT} printable characters")
    return name


def _local_exporter(environment: Environment) -> tuple[str, int] | None:
    name = "COLLECTOR_LOCAL_EXPORTER"
    text = environment.text(name, "")
    if not text:
        return None
    try:
        host, port = host_and_port(text, name)
    except TargetsError:
        raise SettingError(name, text, "host or host:port (an IPv6 address with a port in brackets)") from None
    return host, port or DEFAULT_PORT
