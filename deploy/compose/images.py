"""The project's images: which are on this machine, and how the missing ones are built or pulled."""

from __future__ import annotations

from collections.abc import Iterable

from deploy.compose.docker import ALL_PROFILES, Docker
from deploy.compose.project import Project
from deploy.compose.terminal import CommandFailed, print_line

BUILD_FAILED = (
    "The images could not be built. See the error above. On a machine without access to a container registry, run "
    "make images-offline first, which makes the base images."
)


def image_id(docker: Docker, image: str) -> str:
    """Return the id of the image that a name refers to; empty if the image is missing."""
    answer = docker.run("image", "inspect", "--format", "{{.Id}}", image)
    return answer.out.strip() if answer.code == 0 else ""


def missing(docker: Docker, images: Iterable[str]) -> list[str]:
    """Return the names in ``images`` that are missing on this machine."""
    return [image for image in images if not image_id(docker, image)]


def services_of(project: Project, images: Iterable[str]) -> list[str]:
    """Return one service for each of ``images``."""
    first = {service.image: name for name, service in reversed(list(project.services.items()))}
    return sorted(first[image] for image in images)


def is_pulled(project: Project, service: str) -> bool:
    """Whether compose pulls the service's image instead of building it."""
    return project.services[service].pull_policy not in ("never", "build")


def build(docker: Docker, project: Project, services: Iterable[str]) -> None:
    """Build the images of ``services``; docker prints its progress.

    Raises:
        CommandFailed: an image cannot be built.
    """
    chosen = services_of(project, {project.services[name].image for name in services})
    if not chosen:
        return
    without = [name for name in chosen if not project.services[name].can_be_built]
    if without:
        names = ", ".join(project.services[name].image for name in without)
        raise CommandFailed(
            f"Images are missing and cannot be built here: {names}. In a bundle, the command load loads them."
        )
    docker.run_in_terminal(*ALL_PROFILES, "build", *chosen, failure=BUILD_FAILED)


def build_or_pull(docker: Docker, project: Project, images: Iterable[str]) -> None:
    """Build or pull ``images``, according to the pull policy.

    Raises:
        CommandFailed: an image cannot be built or pulled.
    """
    services = services_of(project, images)
    pulled = [name for name in services if is_pulled(project, name)]
    if pulled:
        docker.run_in_terminal(
            *ALL_PROFILES, "pull", *pulled, failure="The images could not be pulled. See the error above."
        )
    build(docker, project, [name for name in services if name not in pulled])


def ensure(docker: Docker, project: Project, *, remedy: str = "") -> None:
    """Build or pull the project's missing images; with ``remedy``, fail with that text instead.

    Raises:
        CommandFailed: an image is missing and cannot be built or pulled.
    """
    absent = missing(docker, project.images())
    if absent and remedy:
        raise CommandFailed(f"Images are missing: {', '.join(absent)}. {remedy}")
    if absent:
        print_line(f"Building or pulling missing images: {', '.join(absent)}")
        build_or_pull(docker, project, absent)


def project_for(docker: Docker, arch: str) -> tuple[Docker, Project, str]:
    """Return the project for an architecture, with all images on this machine.

    Args:
        docker: the engine.
        arch: ``amd64`` or ``arm64``; empty for the engine's architecture.

    Returns:
        Docker with the variables that select the images, the project, and the architecture.

    Raises:
        CommandFailed: images are missing and cannot be built or pulled.
    """
    own = docker.architecture()
    arch = arch or own
    project = Project.read(docker, all_profiles=True)
    remedy = ""
    if arch != own:
        if not project.tag.endswith(f"-{arch}"):
            docker = docker.with_variables(IMAGE_TAG=f"{project.tag}-{arch}")
            project = Project.read(docker, all_profiles=True)
        remedy = f"To make them: ARCH={arch} make images-offline"
    ensure(docker, project, remedy=remedy)
    return docker, project, arch
