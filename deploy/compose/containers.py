"""The project's containers, and the replacement of replicas while others serve."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from deploy.compose.docker import Docker
from deploy.compose.images import image_id
from deploy.compose.project import Project
from deploy.compose.terminal import CommandFailed, print_line
from deploy.compose.up import container_log_end

#: Options of ``up`` that use only images on this machine.
LOCAL_IMAGES_ONLY = ("--no-build", "--pull", "never")
#: Options of ``up`` that stop the gateway quickly: open pages never close their connections, and while it stops, no
#: client can connect.
SHORT_TIMEOUT = ("--timeout", "1")
#: Seconds in which the gateway finds new replicas by DNS (one query a second) and checks their health.
SETTLE_SECONDS = 4.0


@dataclass(frozen=True)
class Container:
    """A container of a service."""

    id: str
    service: str
    #: The image that the container runs; the image's name may refer to a newer one.
    image_id: str
    is_running: bool
    #: Compose's hash of the service's configuration.
    config_hash: str


def project_containers(docker: Docker, project: str) -> list[Container]:
    """Return all containers of the project, running or stopped."""
    label = "com.docker.compose"
    listed = docker.run_checked(
        *("ps", "--all", "--quiet", "--no-trunc"),
        *("--filter", f"label={label}.project={project}", "--filter", f"label={label}.oneoff=False"),
        failure="Docker cannot list the containers",
    ).split()
    if not listed:
        return []
    answer = docker.run("inspect", *listed)
    try:
        described = json.loads(answer.out)
    except ValueError:
        raise CommandFailed(f"Docker cannot describe the containers:\n{answer.last_lines()}") from None
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


def service_containers(docker: Docker, project: str, service: str) -> list[Container]:
    """Return the containers of one service, running or stopped."""
    return [container for container in project_containers(docker, project) if container.service == service]


def replace_replicas(
    docker: Docker,
    project: Project,
    service: str,
    sleep: Callable[[float], None] = time.sleep,
    *,
    include_current: bool = False,
) -> int:
    """Start a new replica for each outdated one, then stop the outdated ones one by one.

    ``include_current`` replaces all running replicas, outdated or not.

    Returns:
        The number of replicas that run afterwards.

    Raises:
        CommandFailed: the new replicas do not become healthy. They are removed, and the previous ones keep running.
    """
    before = [container for container in service_containers(docker, project.name, service) if container.is_running]
    outdated = [one for one in before if include_current or not _is_current(docker, project, one)]
    # After an interrupted upgrade, replicas of both kinds run.
    current = len(before) - len(outdated)
    wanted = max(len(outdated), current)
    if not outdated:
        print_line(f"  {service}: all {wanted} replicas are current")
        return wanted
    _add_replicas(docker, project, service, before, len(before) + max(0, len(outdated) - current))
    sleep(SETTLE_SECONDS)
    for number, container in enumerate(outdated, 1):
        print_line(f"  {service}: stopping previous replica {number} of {len(outdated)}")
        docker.run_checked("stop", container.id, failure=f"A previous replica of {service} could not be stopped")
        docker.run_checked("rm", container.id, failure=f"A previous replica of {service} could not be removed")
    _scale(docker, service, wanted)
    return wanted


def _add_replicas(docker: Docker, project: Project, service: str, before: list[Container], count: int) -> None:
    try:
        print_line(f"  {service}: starting {count - len(before)} new replicas beside the {len(before)} running ones")
        _scale(docker, service, count)
    except BaseException as failure:
        log_end = container_log_end(docker, str(failure)) if isinstance(failure, CommandFailed) else ""
        known = {container.id for container in before}
        added = [one.id for one in service_containers(docker, project.name, service) if one.id not in known]
        if added:
            docker.run("rm", "--force", *added)
        if log_end:
            raise CommandFailed(f"{failure}{log_end}") from None
        raise


def _scale(docker: Docker, service: str, count: int) -> None:
    docker.run_checked(
        *("compose", "up", "--detach", "--wait", "--no-deps", "--no-recreate", *LOCAL_IMAGES_ONLY),
        *("--scale", f"{service}={count}", service),
        failure=f"{count} replicas of {service} do not become healthy",
    )


def _is_current(docker: Docker, project: Project, container: Container) -> bool:
    """Whether compose would keep the container unchanged."""
    service = project.services[container.service]
    hashes = docker.run_checked(
        "compose", "config", "--hash", container.service, failure="Compose cannot compute the configuration"
    )
    wanted = dict(line.split()[:2] for line in hashes.splitlines() if len(line.split()) >= 2)
    if container.service not in wanted:
        raise CommandFailed(f"Compose does not list the configuration of {container.service}.")
    return container.config_hash == wanted[container.service] and container.image_id == image_id(docker, service.image)
