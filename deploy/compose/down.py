"""``down`` removes containers and networks, and keeps the data. ``purge`` removes the data, and on request images."""

from __future__ import annotations

from deploy.compose.docker import ALL_PROFILES, Docker
from deploy.compose.project import Project
from deploy.compose.terminal import confirm, print_line, user_command

_FAILED = "Not everything could be removed. See the error above."


def down(docker: Docker) -> None:
    """Stop and remove containers and networks.

    Raises:
        CommandFailed: some could not be removed.
    """
    docker.run_in_terminal(*ALL_PROFILES, "down", "--remove-orphans", failure=_FAILED)
    print_line(f"The data stay. To start again with them: {user_command('up')}")


def purge(docker: Docker, *, yes: bool, images: bool = False) -> None:
    """Ask, then remove containers, networks and volumes; ``images`` also removes the images of all versions.

    Raises:
        CommandFailed: the user did not agree, or not everything could be removed.
    """
    project = Project.read(docker, all_profiles=True)
    name = project.name
    volumes = volumes_of(docker, name)
    present = images_of(docker, project)
    if volumes:
        print_line("This permanently deletes the alert log, history, users, tokens and passwords, in the volumes:\n")
        for volume in volumes:
            print_line(f"    {volume}")
        print_line(f"\nBackups{'' if images else ', images'} and nodes.yaml stay.")
    else:
        print_line(f"The project {name} has no volumes; its containers and networks will be removed.")
    confirm("Delete?", yes=yes)
    docker.run_in_terminal(*ALL_PROFILES, "down", "--remove-orphans", "--volumes", failure=_FAILED)
    left = [volume for volume in volumes_of(docker, name) if volume in volumes]
    if left:  # volumes of a previous version, which the compose file no longer names
        docker.run_checked("volume", "rm", *left, failure="These volumes could not be deleted")
    if images and present:
        docker.run_checked("image", "rm", *present, failure="Not all images could be removed")
    print_line("Everything is deleted.")
    if present and not images:
        print_line(f"These images remain. To remove them too: {user_command('purge', 'IMAGES=1')}\n")
        for image in present:
            print_line(f"    {image}")


def images_of(docker: Docker, project: Project) -> list[str]:
    """Return the names of the project's images on this machine, of all versions."""
    listed = docker.run_checked(
        "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", failure="Docker cannot list the images"
    )
    repositories = {service.image.rpartition(":")[0] for service in project.services.values()}
    return sorted(image for image in set(listed.split()) if image.rpartition(":")[0] in repositories)


def volumes_of(docker: Docker, project: str) -> list[str]:
    """Return the names of the project's volumes, of all versions and profiles."""
    label = f"label=com.docker.compose.project={project}"
    listed = docker.run_checked("volume", "ls", "--quiet", "--filter", label, failure="Docker cannot list the volumes")
    return sorted(listed.split())
