"""``upgrade``: the services are replaced by newer ones, in order, with a way back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from deploy.compose import images
from deploy.compose.backup import now, save, size
from deploy.compose.containers import AS_IT_IS, SHORTLY, Container, of_project, roll
from deploy.compose.dialogue import CommandFailed, call, say
from deploy.compose.docker import Docker
from deploy.compose.preflight import preflight
from deploy.compose.project import GATEWAY, Project
from deploy.compose.up import READY_SECONDS, await_live, look, nodes_of, start

#: Makes what the others need to start, and ends.
ONE_SHOT = "secrets"
#: The first to be replaced: readers before the writer.
FIRST = ("redis", "ws", "api", "collector")
#: The last: it cuts every connection once.
LAST = (GATEWAY,)
#: The service of which there are several by itself.
PUSH = "ws"
#: New replicas of these serve before the former end.
REPLICATED = ("ws", "api")


@dataclass
class WayBack:
    """The way back from an upgrade so far: the former images under another tag, and a copy of the data."""

    #: Time of the upgrade.
    stamp: str
    #: Replicas of ws that ran.
    replicas: int = 0
    backup: Path | None = None
    images: list[str] = field(default_factory=list)

    @property
    def tag(self) -> str:
        """The former images' tag."""
        return f"before-{self.stamp}"

    def lines(self) -> list[str]:
        """The way, as commands; empty where nothing was changed yet."""
        if not self.images:
            return []
        scale = f" --scale ws={self.replicas}" if self.replicas else ""
        found = [
            "The way back, should it be needed:",
            "",
            f"    IMAGE_TAG={self.tag} docker compose up -d --wait --no-build{scale}",
        ]
        if self.backup:
            file = f"FILE={self.backup.parent.name}/{self.backup.name}"
            found.append(f"    IMAGE_TAG={self.tag} {call('restore', file)}    # only for the data of then")
        return [
            *found,
            "",
            f"IMAGE_TAG={self.tag} in .env makes it stay so. Once all is well, the former images can go:",
            "",
            f"    docker image rm {' '.join(self.images)}",
            "",
        ]

    def say(self) -> None:
        """Tell whoever waits."""
        say()
        for line in self.lines():
            say(line)


def upgrade(docker: Docker) -> None:
    """Replace what changed; clients reconnect by themselves.

    Raises:
        CommandFailed: a step failed; which, and the way back, is said.
    """
    preflight(docker, builds=True)
    active = Project.read(docker)
    project = Project.read(docker, everything=True)
    containers = of_project(docker, project.name)
    way_back = WayBack(now(), replicas=sum(one.is_running and one.service == PUSH for one in containers))
    try:
        _keep(docker, project, containers, way_back)
        chosen = [name for name in project.services if name in active.services or _runs(containers, name)]
        with step("new images"):
            _make(docker, project, chosen)
        _replace(docker, project, chosen, containers)
        with step("health check through the gateway"):
            first = await_live(lambda: look(docker, project), READY_SECONDS)
            newer = await_live(lambda: look(docker, project), READY_SECONDS, after=first)
    except (CommandFailed, KeyboardInterrupt):
        way_back.say()
        raise
    say(f"\nUpgraded; the data are live (round {newer.seq}, {nodes_of(newer)}).")
    way_back.say()


@contextmanager
def step(name: str) -> Iterator[None]:
    """Say what is done, and where it failed."""
    say(f"{name} …")
    try:
        yield
    except CommandFailed as failure:
        raise CommandFailed(f"The upgrade stopped at: {name}. {failure}") from None


def order(chosen: list[str]) -> list[str]:
    """The services in the order of their replacement."""
    between = [name for name in chosen if name not in (ONE_SHOT, *FIRST, *LAST)]
    return [name for name in (*FIRST, *between, *LAST) if name in chosen]


def _runs(containers: list[Container], service: str) -> bool:
    return any(container.service == service and container.is_running for container in containers)


def _keep(docker: Docker, project: Project, containers: list[Container], way_back: WayBack) -> None:
    with step("copy of the data"):
        if project.has_own_redis and _runs(containers, "redis"):
            way_back.backup = save(docker, project, way_back.stamp)
            say(f"  {way_back.backup.relative_to(docker.folder)}: {size(way_back.backup)}")
        else:
            say("  none: " + ("Redis does not run" if project.has_own_redis else "the data are in a Redis of your own"))
    with step("names for the images in use"):
        way_back.images = keep_images(docker, project, containers, way_back.tag)
        say(f"  {len(way_back.images)} images are also {way_back.tag}")


def keep_images(docker: Docker, project: Project, containers: list[Container], tag: str) -> list[str]:
    """Give the images in use, and those of services that do not run now, one more name; return the names.

    Images that do not carry the project's prefix are somebody else's, and left alone.

    Raises:
        CommandFailed: Docker refuses.
    """
    used = {container.service: container.image_id for container in reversed(containers)}
    kept: dict[str, str] = {}
    for name, service in project.services.items():
        former = used.get(name) or images.image_id(docker, service.image)
        if former and project.is_ours(service.image):
            kept.setdefault(f"{service.repository}:{tag}", former)
    for image, former in kept.items():
        docker.tell("tag", former, image, failure="An image could not be given another name")
    return sorted(kept)


def _make(docker: Docker, project: Project, chosen: list[str]) -> None:
    ready = [name for name in chosen if not images.comes_from_registry(project, name)]
    pulled = images.services_of(project, {project.services[name].image for name in chosen if name not in ready})
    if pulled:
        docker.show("compose", "pull", *pulled, failure="They could not be pulled; why is said above.")
    # Those of a bundle are here already, and there is nothing here to build them from.
    built = [name for name in ready if project.services[name].can_be_built]
    images.build(docker, project, built)
    absent = images.missing(docker, sorted({project.services[name].image for name in chosen}))
    if absent:
        raise CommandFailed(f"Images are missing: {', '.join(absent)}.")


def _replace(docker: Docker, project: Project, chosen: list[str], containers: list[Container]) -> None:
    if not any(container.is_running for container in containers):
        with step("start (nothing ran)"):
            start(docker, *AS_IT_IS)
        return
    if ONE_SHOT in chosen:
        with step(ONE_SHOT):
            docker.tell(
                *("compose", "run", "--rm", "-T", "--no-deps", ONE_SHOT),
                failure="Passwords for new services could not be made",
            )
    scale: tuple[str, ...] = ()
    for name in order(chosen):
        with step(name):
            if name in REPLICATED and _runs(containers, name):
                scale = (*scale, "--scale", f"{name}={roll(docker, project, name)}")
                continue
            options = (*AS_IT_IS, *(SHORTLY if name == GATEWAY else ()))
            start(docker, "--no-deps", *options, name, failure="It does not become healthy")
    with step("everything else"):
        start(docker, *AS_IT_IS, *scale)
