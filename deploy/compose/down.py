"""``down``: all containers and networks go, the data stay. ``purge``: the data go too, and the images where asked."""

from __future__ import annotations

from deploy.compose.dialogue import call, confirm, say
from deploy.compose.docker import EVERYTHING, Docker
from deploy.compose.project import Project

_FAILED = "Not everything could be removed; why is said above."


def down(docker: Docker) -> None:
    """Stop and remove containers and networks.

    Raises:
        CommandFailed: some could not be.
    """
    docker.show(*EVERYTHING, "down", "--remove-orphans", failure=_FAILED)
    say(f"The data stay, and {call('up')} goes on with them.")


def purge(docker: Docker, *, yes: bool, images: bool = False) -> None:
    """Ask, then remove the volumes as well; with ``images`` those of all versions too.

    Raises:
        CommandFailed: nobody agreed, or some could not be removed.
    """
    project = Project.read(docker, everything=True)
    name = project.name
    volumes = volumes_of(docker, name)
    there = images_of(docker, project)
    if volumes:
        say("This deletes, for good, alert log, history, users, tokens and passwords, which are in the volumes:\n")
        for volume in volumes:
            say(f"    {volume}")
        say(f"\nBackups and nodes.yaml stay{'' if images else ', images too'}.")
    else:
        say(f"The project {name} has no volumes; its containers and networks will be removed.")
    confirm("Delete?", yes=yes)
    docker.show(*EVERYTHING, "down", "--remove-orphans", "--volumes", failure=_FAILED)
    left = [volume for volume in volumes_of(docker, name) if volume in volumes]
    if left:  # of a former version, which the compose file no longer names
        docker.tell("volume", "rm", *left, failure="These volumes could not be deleted")
    if images and there:
        docker.tell("image", "rm", *there, failure="Not all images could be removed")
    say("Everything is deleted.")
    if there and not images:
        say(f"These images are left; {call('purge', 'IMAGES=1')} removes them too:")
        for image in there:
            say(f"    {image}")


def images_of(docker: Docker, project: Project) -> list[str]:
    """Names of the images of the project's services that are here, of all versions."""
    listed = docker.tell("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", failure="Docker lists no images")
    repositories = {service.image.rpartition(":")[0] for service in project.services.values()}
    return sorted(image for image in set(listed.split()) if image.rpartition(":")[0] in repositories)


def volumes_of(docker: Docker, project: str) -> list[str]:
    """Names of the project's volumes, those of all versions and profiles."""
    label = f"label=com.docker.compose.project={project}"
    listed = docker.tell("volume", "ls", "--quiet", "--filter", label, failure="Docker does not list the volumes")
    return sorted(listed.split())
