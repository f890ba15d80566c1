"""``upgrade`` replaces the services with newer ones, in order, and prints how to roll back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from deploy.compose import images
from deploy.compose.backup import save, size, time_stamp
from deploy.compose.containers import LOCAL_IMAGES_ONLY, SHORT_TIMEOUT, Container, project_containers, replace_replicas
from deploy.compose.docker import Docker
from deploy.compose.preflight import preflight
from deploy.compose.project import GATEWAY, Project
from deploy.compose.terminal import CommandFailed, print_line, user_command
from deploy.compose.up import READY_SECONDS, await_live_data, check_status, nodes_text, start

#: Makes the passwords and keys of the other services, then exits.
SECRETS_SERVICE = "secrets"
#: Services that are replaced first: Redis, then readers before the writer.
REPLACED_FIRST = ("redis", "ws", "api", "collector")
#: Services that are replaced last: the gateway's replacement closes every connection once.
REPLACED_LAST = (GATEWAY,)
#: The service that has several replicas by default.
WS = "ws"
#: Services with new replicas that serve before the previous ones stop.
REPLICATED = ("ws", "api")


@dataclass
class Rollback:
    """How to roll back an upgrade: the previous images under another tag, and a backup."""

    #: Time of the upgrade.
    stamp: str
    #: Number of ws replicas before the upgrade.
    replicas: int = 0
    backup: Path | None = None
    images: list[str] = field(default_factory=list)

    @property
    def tag(self) -> str:
        """Return the tag of the previous images."""
        return f"before-{self.stamp}"

    def lines(self) -> list[str]:
        """Return the commands that roll back; empty if nothing was changed yet."""
        if not self.images:
            return []
        scale = f" --scale ws={self.replicas}" if self.replicas else ""
        found = [
            "To roll back, if needed:",
            "",
            f"    IMAGE_TAG={self.tag} docker compose up -d --wait --no-build{scale}",
        ]
        if self.backup:
            file = f"FILE={self.backup.parent.name}/{self.backup.name}"
            found.append(f"    IMAGE_TAG={self.tag} {user_command('restore', file)}    # only to restore the old data")
        return [
            *found,
            "",
            f"IMAGE_TAG={self.tag} in .env makes the rollback permanent. To remove the previous images later:",
            "",
            f"    docker image rm {' '.join(self.images)}",
            "",
        ]

    def print(self) -> None:
        """Print the commands."""
        print_line()
        for line in self.lines():
            print_line(line)


def upgrade(docker: Docker) -> None:
    """Replace the changed services; clients reconnect by themselves.

    Raises:
        CommandFailed: a step failed; the text names it, and the rollback is printed.
    """
    preflight(docker, builds=True)
    active = Project.read(docker)
    project = Project.read(docker, all_profiles=True)
    containers = project_containers(docker, project.name)
    rollback = Rollback(time_stamp(), replicas=sum(one.is_running and one.service == WS for one in containers))
    try:
        _prepare_rollback(docker, project, containers, rollback)
        chosen = [name for name in project.services if name in active.services or _is_running(containers, name)]
        with step("new images"):
            _provide_images(docker, project, chosen)
        _replace_services(docker, project, chosen, containers)
        with step("health check through the gateway"):
            first = await_live_data(lambda: check_status(docker, project), READY_SECONDS)
            newer = await_live_data(lambda: check_status(docker, project), READY_SECONDS, after=first)
    except (CommandFailed, KeyboardInterrupt):
        rollback.print()
        raise
    print_line(f"\nUpgraded. Data are live (round {newer.seq}, {nodes_text(newer)}).")
    rollback.print()


@contextmanager
def step(name: str) -> Iterator[None]:
    """Print the step's name before it, and name the step in its error."""
    print_line(f"{name} …")
    try:
        yield
    except CommandFailed as failure:
        raise CommandFailed(f"The upgrade stopped at: {name}. {failure}") from None


def replacement_order(chosen: list[str]) -> list[str]:
    """Return the services in the order of their replacement."""
    between = [name for name in chosen if name not in (SECRETS_SERVICE, *REPLACED_FIRST, *REPLACED_LAST)]
    return [name for name in (*REPLACED_FIRST, *between, *REPLACED_LAST) if name in chosen]


def _is_running(containers: list[Container], service: str) -> bool:
    return any(container.service == service and container.is_running for container in containers)


def _prepare_rollback(docker: Docker, project: Project, containers: list[Container], rollback: Rollback) -> None:
    with step("backup"):
        if project.has_own_redis and _is_running(containers, "redis"):
            rollback.backup = save(docker, project, rollback.stamp)
            print_line(f"  {rollback.backup.relative_to(docker.folder)}: {size(rollback.backup)}")
        else:
            print_line(
                "  none: " + ("Redis does not run" if project.has_own_redis else "the data are in your own Redis")
            )
    with step("tags for the images in use"):
        rollback.images = tag_images_in_use(docker, project, containers, rollback.tag)
        print_line(f"  {len(rollback.images)} images have the additional tag {rollback.tag}")


def tag_images_in_use(docker: Docker, project: Project, containers: list[Container], tag: str) -> list[str]:
    """Give the images of all services an additional tag; return the names with the tag.

    A running service's image is the one that its container uses. Images without the project's prefix are not ours and
    get no tag.

    Raises:
        CommandFailed: Docker refuses the tag.
    """
    used = {container.service: container.image_id for container in reversed(containers)}
    tagged: dict[str, str] = {}
    for name, service in project.services.items():
        image_id = used.get(name) or images.image_id(docker, service.image)
        if image_id and project.is_ours(service.image):
            tagged.setdefault(f"{service.repository}:{tag}", image_id)
    for image, image_id in tagged.items():
        docker.run_checked("tag", image_id, image, failure="An image could not be tagged")
    return sorted(tagged)


def _provide_images(docker: Docker, project: Project, chosen: list[str]) -> None:
    ready = [name for name in chosen if not images.is_pulled(project, name)]
    pulled = images.services_of(project, {project.services[name].image for name in chosen if name not in ready})
    if pulled:
        docker.run_in_terminal(
            "compose", "pull", *pulled, failure="The images could not be pulled. See the error above."
        )
    # A bundle has its images, but no Dockerfiles.
    built = [name for name in ready if project.services[name].can_be_built]
    images.build(docker, project, built)
    absent = images.missing(docker, sorted({project.services[name].image for name in chosen}))
    if absent:
        raise CommandFailed(f"Images are missing: {', '.join(absent)}.")


def _replace_services(docker: Docker, project: Project, chosen: list[str], containers: list[Container]) -> None:
    if not any(container.is_running for container in containers):
        with step("start of all services (none ran)"):
            start(docker, *LOCAL_IMAGES_ONLY)
        return
    if SECRETS_SERVICE in chosen:
        with step(SECRETS_SERVICE):
            docker.run_checked(
                *("compose", "run", "--rm", "-T", "--no-deps", SECRETS_SERVICE),
                failure="Passwords for new services could not be made",
            )
    scale: tuple[str, ...] = ()
    for name in replacement_order(chosen):
        with step(name):
            if name in REPLICATED and _is_running(containers, name):
                scale = (*scale, "--scale", f"{name}={replace_replicas(docker, project, name)}")
                continue
            options = (*LOCAL_IMAGES_ONLY, *(SHORT_TIMEOUT if name == GATEWAY else ()))
            start(docker, "--no-deps", *options, name, failure=f"{name} does not become healthy")
    with step("all other services"):
        start(docker, *LOCAL_IMAGES_ONLY, *scale)
