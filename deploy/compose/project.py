"""The project, as compose resolves it from its files, ``.env`` and the environment."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from access.mode_required import access_mode_instructions, is_access_mode_missing
from deploy.compose.docker import ALL_PROFILES, Docker
from deploy.compose.terminal import CommandFailed
from deploy.compose.tls import TlsFiles

#: The service that publishes the port, and its port inside the container.
GATEWAY = "gateway"
GATEWAY_PORT = 8085
#: Command line that adds a user.
ADD_USER_COMMAND = "docker compose run --rm api user add NAME"


@dataclass(frozen=True)
class Service:
    """A service of the compose file."""

    image: str
    #: ``never``, ``missing``, ``always``, ``build``.
    pull_policy: str
    #: The Dockerfile of its image; ``None`` without a ``build`` section.
    dockerfile: Path | None

    @property
    def repository(self) -> str:
        """Return the image's name without its tag."""
        return split_tag(self.image)[0]

    @property
    def can_be_built(self) -> bool:
        """Whether the Dockerfile exists on this machine."""
        return self.dockerfile is not None and self.dockerfile.is_file()


@dataclass(frozen=True)
class Project:
    """The services by name, and the settings that the commands use."""

    name: str
    services: dict[str, Service]
    #: Address on which the gateway publishes the pages.
    host: str
    port: int
    #: URL of the pages behind a proxy of the operator; empty without a proxy.
    public_url: str
    #: The targets file.
    nodes: Path
    #: Whether the data are in the project's own Redis.
    has_own_redis: bool
    #: ``open``, ``closed``, or empty if not set.
    access: str = ""
    #: Certificate and key with which the gateway serves HTTPS.
    tls: TlsFiles = field(default_factory=TlsFiles)
    #: Files and folders on this machine that must exist, by the setting that names them.
    mounted_paths: dict[str, Path] = field(default_factory=dict)
    #: The variables of each service, including those that a compose file of the user sets.
    environments: dict[str, dict[str, str]] = field(default_factory=dict)

    @classmethod
    def read(cls, docker: Docker, *, all_profiles: bool = False) -> Project:
        """Read the project from compose; ``all_profiles`` includes the services of all profiles.

        Raises:
            CommandFailed: the compose file or a setting is not valid.
        """
        words = ALL_PROFILES if all_profiles else ALL_PROFILES[:1]
        answer = docker.run(*words, "config", "--format", "json")
        if answer.code != 0:
            raise CommandFailed(explain_config_error(answer.last_lines()))
        return cls.parse(json.loads(answer.out), docker.folder)

    @classmethod
    def parse(cls, config: dict[str, Any], folder: Path) -> Project:
        """Return the project from the output of ``docker compose config --format json``."""
        services: dict[str, dict[str, Any]] = config["services"]
        published = [
            port for port in services.get(GATEWAY, {}).get("ports", []) if int(port["target"]) == GATEWAY_PORT
        ] or [{}]
        collector = services.get("collector", {})
        redis_url = _environment(collector).get("REDIS_URL") or "redis://redis"
        return cls(
            name=config["name"],
            services={name: _service(name, service, config["name"]) for name, service in services.items()},
            host=published[0].get("host_ip") or "0.0.0.0",  # noqa: S104 - compose's default
            port=int(published[0].get("published") or GATEWAY_PORT),
            public_url=_environment(services.get("ws", {})).get("PUBLIC_URL") or "",
            nodes=(_mounted(collector, "/config") or folder / "deploy/compose/config") / "nodes.yaml",
            has_own_redis=urlsplit(redis_url).hostname == "redis",
            access=_environment(services.get("api", {})).get("ACCESS") or "",
            tls=TlsFiles(
                _mounted(services.get(GATEWAY, {}), "/tls/certificate.pem"),
                _mounted(services.get(GATEWAY, {}), "/tls/certificate.pem.key"),
            ),
            mounted_paths={
                name: path
                for name, path in (
                    ("CONFIG_DIR", _mounted(collector, "/config")),
                    ("COLLECTOR_CREDENTIALS_DIR", _mounted(collector, "/credentials")),
                    ("REDIS_CA_FILE", _mounted(collector, "/run/redis-ca.pem")),
                )
                if path is not None
            },
            environments={name: _environment(service) for name, service in services.items()},
        )

    def access_mode_error(self) -> str:
        """Return how to set ACCESS; empty if it is set, or if only this machine reaches the pages."""
        if not is_access_mode_missing(self.host, self.access):
            return ""
        return access_mode_instructions(self.host, ADD_USER_COMMAND, place=" in .env")

    @property
    def scheme(self) -> str:
        """Return the URL scheme of the gateway."""
        return "https" if self.tls else "http"

    @property
    def prefix(self) -> str:
        """Return the prefix of our images' names, for instance ``dispycluster``."""
        prefixes = Counter(service.repository.rpartition("/")[0] for service in self.services.values())
        return prefixes.most_common(1)[0][0]

    @property
    def tag(self) -> str:
        """Return the tag of our images."""
        return Counter(split_tag(image)[1] for image in self.images()).most_common(1)[0][0]

    def images(self) -> list[str]:
        """Return the names of all images, each once."""
        return sorted({service.image for service in self.services.values()})

    def image_name(self, image: str) -> str:
        """Return an image's name without prefix and tag: ``api`` for ``dispycluster/api:0.8.0``."""
        return split_tag(image)[0].rpartition("/")[2]

    def is_ours(self, image: str) -> bool:
        """Whether an image has our prefix."""
        return split_tag(image)[0].rpartition("/")[0] == self.prefix


def split_tag(image: str) -> tuple[str, str]:
    """Return an image's repository and tag; a registry's port is no tag."""
    repository, colon, tag = image.partition("@")[0].rpartition(":")
    return (repository, tag) if colon and "/" not in tag else (image.partition("@")[0], "latest")


def explain_config_error(message: str) -> str:
    """Return compose's error about its files, with the remedy."""
    text = f"Compose does not accept its file or a setting in .env:\n{message}"
    if "IP address" in message:
        return f"{text}\nPUBLIC_HOST takes an IP address of this machine; 0.0.0.0 means all its addresses."
    if "hostPort" in message or "invalid published" in message or "invalid port" in message.lower():
        return f"{text}\nPORT takes a number from 1 to 65535."
    return text


def _service(name: str, service: dict[str, Any], project: str) -> Service:
    build = service.get("build")
    return Service(
        image=service.get("image") or f"{project}-{name}",
        pull_policy=service.get("pull_policy") or "missing",
        dockerfile=Path(build["context"], build.get("dockerfile", "Dockerfile")) if build else None,
    )


def _mounted(service: dict[str, Any], target: str) -> Path | None:
    """Return the path on this machine that is mounted at ``target``; ``None`` without one, or for /dev/null."""
    sources = {mount.get("target"): mount.get("source", "") for mount in service.get("volumes", [])}
    source = sources.get(target)
    return Path(source) if source and source != os.devnull else None


def _environment(service: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = service.get("environment") or {}
    return found
