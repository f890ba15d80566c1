"""``upgrade``: the services are replaced by newer ones, in order, with a way back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from deploy.compose import images
from deploy.compose.backup import now, save, size
from deploy.compose.containers import Container, of_project
from deploy.compose.dialogue import say
from deploy.compose.docker import Docker
from deploy.compose.live import await_live, look, nodes_of
from deploy.compose.preflight import preflight
from deploy.compose.project import GATEWAY, Project
from deploy.compose.replicas import AS_IT_IS, roll
from deploy.compose.trouble import Trouble
from deploy.compose.up import READY_SECONDS, last_words, start
from deploy.compose.way_back import WayBack, keep_images

#: Makes what the others need to start, and ends.
ONE_SHOT = "secrets"
#: The first to be replaced: readers before the writer.
FIRST = ("redis", "ws", "api", "collector")
#: The last: it cuts every connection once.
LAST = (GATEWAY,)
REPLICATED = "ws"


def upgrade(docker: Docker) -> None:
    """Replace what changed; clients reconnect by themselves.

    Raises:
        Trouble: a step failed; which, and the way back, is said.
    """
    preflight(docker, builds=True)
    active = Project.read(docker)
    project = Project.read(docker, everything=True)
    containers = of_project(docker, project.name)
    way_back = WayBack(now(), replicas=sum(one.is_running and one.service == REPLICATED for one in containers))
    try:
        _keep(docker, project, containers, way_back)
        chosen = [name for name in project.services if name in active.services or _runs(containers, name)]
        with step("new images"):
            _make(docker, project, chosen)
        _replace(docker, project, chosen, containers)
        with step("health check through the gateway"):
            first = await_live(lambda: look(docker, project), READY_SECONDS)
            newer = await_live(lambda: look(docker, project), READY_SECONDS, after=first)
    except (Trouble, KeyboardInterrupt):
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
    except Trouble as trouble:
        raise Trouble(f"The upgrade stopped at: {name}. {trouble}") from None


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


def _make(docker: Docker, project: Project, chosen: list[str]) -> None:
    ready = [name for name in chosen if not images.comes_from_registry(project, name)]
    pulled = images.services_of(project, {project.services[name].image for name in chosen if name not in ready})
    if pulled:
        docker.show("compose", "pull", *pulled, trouble="They could not be pulled; why is said above.")
    # Those of a bundle are here already, and there is nothing here to build them from.
    built = [name for name in ready if project.services[name].can_be_built]
    images.build(docker, project, built)
    absent = images.missing(docker, sorted({project.services[name].image for name in chosen}))
    if absent:
        raise Trouble(f"Images are missing: {', '.join(absent)}.")


def _replace(docker: Docker, project: Project, chosen: list[str], containers: list[Container]) -> None:
    if not any(container.is_running for container in containers):
        with step("start (nothing ran)"):
            start(docker, *AS_IT_IS)
        return
    if ONE_SHOT in chosen:
        with step(ONE_SHOT):
            docker.tell(
                *("compose", "run", "--rm", "-T", "--no-deps", ONE_SHOT),
                trouble="Passwords for new services could not be made",
            )
    scale: tuple[str, ...] = ()
    for name in order(chosen):
        with step(name):
            if name == REPLICATED and _runs(containers, name):
                scale = ("--scale", f"{name}={roll(docker, project, name)}")
                continue
            try:
                docker.tell(
                    *("compose", "up", "--detach", "--wait", "--no-deps", *AS_IT_IS, name),
                    trouble="It does not become healthy",
                )
            except Trouble as trouble:
                raise Trouble(f"{trouble}{last_words(docker, str(trouble))}") from None
    with step("everything else"):
        start(docker, *AS_IT_IS, *scale)
