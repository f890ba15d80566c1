"""The project's containers as they are now."""

from __future__ import annotations

import json
from dataclasses import dataclass

from deploy.compose.docker import Docker
from deploy.compose.trouble import Trouble


@dataclass(frozen=True)
class Container:
    """A container of a service."""

    id: str
    service: str
    #: The image that it was made from, which its name may no longer stand for.
    image_id: str
    is_running: bool
    #: Of the service's configuration, as compose computes it.
    config_hash: str


def of_project(docker: Docker, project: str) -> list[Container]:
    """All containers of the services, stopped ones too."""
    label = "com.docker.compose"
    listed = docker.tell(
        *("ps", "--all", "--quiet", "--no-trunc"),
        *("--filter", f"label={label}.project={project}", "--filter", f"label={label}.oneoff=False"),
        trouble="Docker does not list the containers",
    ).split()
    if not listed:
        return []
    answer = docker.ask("inspect", *listed)
    try:
        described = json.loads(answer.out)
    except ValueError:
        raise Trouble(f"Docker does not describe the containers:\n{answer.last_words()}") from None
    return [
        Container(
            id=one["Id"],
            service=one["Config"]["Labels"].get(f"{label}.service", ""),
            image_id=one["Image"],
            is_running=one["State"]["Running"],
            config_hash=one["Config"]["Labels"].get(f"{label}.config-hash", ""),
        )
        for one in described
    ]


def of_service(docker: Docker, project: str, service: str) -> list[Container]:
    """Containers of one service, stopped ones too."""
    return [container for container in of_project(docker, project) if container.service == service]
