"""The project's containers as they are now, and the replacement of replicas without a moment in which none serves."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from deploy.compose.dialogue import CommandFailed, say
from deploy.compose.docker import Docker
from deploy.compose.images import image_id
from deploy.compose.project import Project
from deploy.compose.up import last_words

#: How an image that is here is taken, and no other.
AS_IT_IS = ("--no-build", "--pull", "never")
#: For the gateway's replacement, before which nobody can connect: its open pages never end by themselves.
SHORTLY = ("--timeout", "1")
#: Seconds that the gateway gets to find new replicas by DNS (asked every second) and to see them healthy.
SETTLE_SECONDS = 4.0


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
        failure="Docker does not list the containers",
    ).split()
    if not listed:
        return []
    answer = docker.ask("inspect", *listed)
    try:
        described = json.loads(answer.out)
    except ValueError:
        raise CommandFailed(f"Docker does not describe the containers:\n{answer.last_words()}") from None
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


def roll(
    docker: Docker,
    project: Project,
    service: str,
    sleep: Callable[[float], None] = time.sleep,
    *,
    everyone: bool = False,
) -> int:
    """Start a new replica for each outdated one, then stop those one by one; return how many serve in the end.

    ``everyone``: all that run are replaced, outdated or not.

    Raises:
        CommandFailed: the new ones do not become healthy; they are gone again, and the former ones serve on.
    """
    before = [container for container in of_service(docker, project.name, service) if container.is_running]
    outdated = [one for one in before if everyone or not _is_current(docker, project, one)]
    # An upgrade that was interrupted has left some of each.
    current = len(before) - len(outdated)
    wanted = max(len(outdated), current)
    if not outdated:
        say(f"  {service}: {wanted} replicas, all of the newest kind")
        return wanted
    _add(docker, project, service, before, len(before) + max(0, len(outdated) - current))
    sleep(SETTLE_SECONDS)
    for number, container in enumerate(outdated, 1):
        say(f"  {service}: former replica {number} of {len(outdated)} is asked to end")
        docker.tell("stop", container.id, failure=f"A former replica of {service} could not be stopped")
        docker.tell("rm", container.id, failure=f"A former replica of {service} could not be removed")
    _scale(docker, service, wanted)
    return wanted


def _add(docker: Docker, project: Project, service: str, before: list[Container], count: int) -> None:
    try:
        say(f"  {service}: {count - len(before)} new replicas beside the {len(before)} that run")
        _scale(docker, service, count)
    except BaseException as failure:
        said = last_words(docker, str(failure)) if isinstance(failure, CommandFailed) else ""
        known = {container.id for container in before}
        added = [one.id for one in of_service(docker, project.name, service) if one.id not in known]
        if added:
            docker.ask("rm", "--force", *added)
        if said:
            raise CommandFailed(f"{failure}{said}") from None
        raise


def _scale(docker: Docker, service: str, count: int) -> None:
    docker.tell(
        *("compose", "up", "--detach", "--wait", "--no-deps", "--no-recreate", *AS_IT_IS),
        *("--scale", f"{service}={count}", service),
        failure=f"{count} replicas of {service} do not become healthy",
    )


def _is_current(docker: Docker, project: Project, container: Container) -> bool:
    """Whether compose would leave the container as it is."""
    service = project.services[container.service]
    hashes = docker.tell(
        "compose", "config", "--hash", container.service, failure="Compose does not say what would change"
    )
    wanted = dict(line.split()[:2] for line in hashes.splitlines() if len(line.split()) >= 2)
    if container.service not in wanted:
        raise CommandFailed(f"Compose does not say what would change of {container.service}.")
    return container.config_hash == wanted[container.service] and container.image_id == image_id(docker, service.image)
