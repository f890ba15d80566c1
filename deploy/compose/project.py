"""The project as compose resolves it from its files, ``.env`` and the environment."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from access.mode_required import access_mode_instructions, is_access_mode_missing
from deploy.compose.dialogue import CommandFailed
from deploy.compose.docker import EVERYTHING, Docker
from deploy.compose.tls import TlsFiles

#: The service that publishes the port, and the port that it listens on itself.
GATEWAY = "gateway"
GATEWAY_PORT = 8085
#: How people make a user.
MAKE_USER = "docker compose run --rm api user add NAME"


@dataclass(frozen=True)
class Service:
    """A service of the compose file."""

    image: str
    #: ``never``, ``missing``, ``always``, ``build``.
    pull_policy: str
    #: What its image is built from; ``None`` without a ``build`` section.
    dockerfile: Path | None

    @property
    def repository(self) -> str:
        """The image's name without its tag."""
        return split_tag(self.image)[0]

    @property
    def can_be_built(self) -> bool:
        """Whether what its image is built from is here."""
        return self.dockerfile is not None and self.dockerfile.is_file()


@dataclass(frozen=True)
class Project:
    """Services by name, and what the commands must know of them."""

    name: str
    services: dict[str, Service]
    #: Where the gateway publishes the pages.
    host: str
    port: int
    #: How people reach them behind their own proxy; empty without one.
    public_url: str
    #: The targets file.
    nodes: Path
    #: Whether the data are in the project's own Redis.
    has_own_redis: bool
    #: ``open``, ``closed``, or empty where nothing is said.
    access: str = ""
    #: What makes the gateway speak HTTPS.
    tls: TlsFiles = field(default_factory=TlsFiles)
    #: What of this machine must be there, by the setting that names it.
    given: dict[str, Path] = field(default_factory=dict)
    #: The variables of each service, which a compose file of somebody's own may set too.
    environments: dict[str, dict[str, str]] = field(default_factory=dict)

    @classmethod
    def read(cls, docker: Docker, *, everything: bool = False) -> Project:
        """Ask compose; ``everything`` takes the services of all profiles.

        Raises:
            CommandFailed: the compose file or a setting is not valid.
        """
        words = EVERYTHING if everything else EVERYTHING[:1]
        answer = docker.ask(*words, "config", "--format", "json")
        if answer.code != 0:
            raise CommandFailed(explain_config(answer.last_words()))
        return cls.parse(json.loads(answer.out), docker.folder)

    @classmethod
    def parse(cls, config: dict[str, Any], folder: Path) -> Project:
        """Take what ``docker compose config --format json`` printed."""
        services: dict[str, dict[str, Any]] = config["services"]
        published = [
            port for port in services.get(GATEWAY, {}).get("ports", []) if int(port["target"]) == GATEWAY_PORT
        ] or [{}]
        collector = services.get("collector", {})
        redis_url = _environment(collector).get("REDIS_URL") or "redis://redis"
        return cls(
            name=config["name"],
            services={name: _service(name, service, config["name"]) for name, service in services.items()},
            host=published[0].get("host_ip") or "0.0.0.0",  # noqa: S104 - what compose does without one
            port=int(published[0].get("published") or GATEWAY_PORT),
            public_url=_environment(services.get("ws", {})).get("PUBLIC_URL") or "",
            nodes=(_mounted(collector, "/config") or folder / "deploy/compose/config") / "nodes.yaml",
            has_own_redis=urlsplit(redis_url).hostname == "redis",
            access=_environment(services.get("api", {})).get("ACCESS") or "",
            tls=TlsFiles(
                _mounted(services.get(GATEWAY, {}), "/tls/certificate.pem"),
                _mounted(services.get(GATEWAY, {}), "/tls/certificate.pem.key"),
            ),
            given={
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

    def choice_error(self) -> str:
        """How to say whether people must sign in; empty where that was said, or only this machine reaches the pages."""
        if not is_access_mode_missing(self.host, self.access):
            return ""
        return access_mode_instructions(self.host, MAKE_USER, place=" in .env")

    @property
    def scheme(self) -> str:
        """What the gateway speaks."""
        return "https" if self.tls else "http"

    @property
    def prefix(self) -> str:
        """What the names of our own images begin with, for instance ``dispycluster``."""
        prefixes = Counter(service.repository.rpartition("/")[0] for service in self.services.values())
        return prefixes.most_common(1)[0][0]

    @property
    def tag(self) -> str:
        """The tag of our own images."""
        return Counter(split_tag(image)[1] for image in self.images()).most_common(1)[0][0]

    def images(self) -> list[str]:
        """Names of all images, each once."""
        return sorted({service.image for service in self.services.values()})

    def image_name(self, image: str) -> str:
        """An image's own name: ``api`` of ``dispycluster/api:0.6.0``."""
        return split_tag(image)[0].rpartition("/")[2]

    def is_ours(self, image: str) -> bool:
        """Whether an image carries our prefix."""
        return split_tag(image)[0].rpartition("/")[0] == self.prefix


def split_tag(image: str) -> tuple[str, str]:
    """An image's repository and tag; a registry's port is no tag."""
    repository, colon, tag = image.partition("@")[0].rpartition(":")
    return (repository, tag) if colon and "/" not in tag else (image.partition("@")[0], "latest")


def explain_config(message: str) -> str:
    """Why compose refuses its files, with what helps."""
    text = f"Compose does not accept its file or a setting in .env:\n{message}"
    if "IP address" in message:
        return f"{text}\nPUBLIC_HOST takes an IP address of this machine; 0.0.0.0 stands for all of them."
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
    """What of this machine is mounted there; a device stands for nothing."""
    sources = {mount.get("target"): mount.get("source", "") for mount in service.get("volumes", [])}
    source = sources.get(target)
    return Path(source) if source and source != os.devnull else None


def _environment(service: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = service.get("environment") or {}
    return found
