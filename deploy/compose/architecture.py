"""The project with its images for one architecture."""

from __future__ import annotations

from deploy.compose import images
from deploy.compose.docker import Docker
from deploy.compose.project import Project


def project_for(docker: Docker, arch: str) -> tuple[Docker, Project, str]:
    """The project with all its images here; what to call docker with for it, and its architecture.

    Args:
        docker: The engine.
        arch: ``amd64``, ``arm64``. Another one than the engine's takes the images that were made for it; empty is the
            engine's.

    Raises:
        Trouble: images are missing and do not come.
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
    images.require(docker, project, remedy=remedy)
    return docker, project, arch
