"""The project's images: which are here, and how those that are not come here."""

from __future__ import annotations

from collections.abc import Iterable

from deploy.compose.dialogue import CommandFailed, say
from deploy.compose.docker import EVERYTHING, Docker
from deploy.compose.project import Project

NOT_BUILT = (
    "The images could not be built; why is said above. On a machine that reaches no container registry, "
    "make images-offline makes the base images first."
)


def image_id(docker: Docker, image: str) -> str:
    """What a name stands for now; empty where no such image is here."""
    answer = docker.ask("image", "inspect", "--format", "{{.Id}}", image)
    return answer.out.strip() if answer.code == 0 else ""


def missing(docker: Docker, images: Iterable[str]) -> list[str]:
    """Those of ``images`` that are not here."""
    return [image for image in images if not image_id(docker, image)]


def services_of(project: Project, images: Iterable[str]) -> list[str]:
    """The services that run one of ``images``, one for each."""
    first = {service.image: name for name, service in reversed(list(project.services.items()))}
    return sorted(first[image] for image in images)


def comes_from_registry(project: Project, service: str) -> bool:
    """Whether compose would pull the service's image rather than build it."""
    return project.services[service].pull_policy not in ("never", "build")


def build(docker: Docker, project: Project, services: Iterable[str]) -> None:
    """Build the images of ``services``, with docker's own progress.

    Raises:
        CommandFailed: one cannot be built.
    """
    chosen = services_of(project, {project.services[name].image for name in services})
    if not chosen:
        return
    without = [name for name in chosen if not project.services[name].can_be_built]
    if without:
        names = ", ".join(project.services[name].image for name in without)
        raise CommandFailed(
            f"Images are missing and cannot be built here: {names}. A bundle brings them with its command load."
        )
    docker.show(*EVERYTHING, "build", *chosen, failure=NOT_BUILT)


def bring(docker: Docker, project: Project, images: Iterable[str]) -> None:
    """Build or pull ``images``, as the pull policy says.

    Raises:
        CommandFailed: one does not come.
    """
    services = services_of(project, images)
    pulled = [name for name in services if comes_from_registry(project, name)]
    if pulled:
        docker.show(*EVERYTHING, "pull", *pulled, failure="The images could not be pulled; why is said above.")
    build(docker, project, [name for name in services if name not in pulled])


def require(docker: Docker, project: Project, *, remedy: str = "") -> None:
    """Have every image of the project here; ``remedy``, where given, is said instead of making them.

    Raises:
        CommandFailed: one is not here and does not come.
    """
    absent = missing(docker, project.images())
    if absent and remedy:
        raise CommandFailed(f"Images are missing: {', '.join(absent)}. {remedy}")
    if absent:
        say(f"Images to make first: {', '.join(absent)}")
        bring(docker, project, absent)


def project_for(docker: Docker, arch: str) -> tuple[Docker, Project, str]:
    """The project with all its images here; what to call docker with for it, and its architecture.

    Args:
        docker: The engine.
        arch: ``amd64``, ``arm64``. Another one than the engine's takes the images that were made for it; empty is the
            engine's.

    Raises:
        CommandFailed: images are missing and do not come.
    """
    own = docker.architecture()
    arch = arch or own
    project = Project.read(docker, everything=True)
    remedy = ""
    if arch != own:
        if not project.tag.endswith(f"-{arch}"):
            docker = docker.with_variables(IMAGE_TAG=f"{project.tag}-{arch}")
            project = Project.read(docker, everything=True)
        remedy = f"To make them: ARCH={arch} make images-offline"
    require(docker, project, remedy=remedy)
    return docker, project, arch
