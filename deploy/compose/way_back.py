"""The way back from an upgrade: the former images under another tag, and a copy of the data."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from deploy.compose import dialogue
from deploy.compose.containers import Container
from deploy.compose.docker import Docker
from deploy.compose.images import image_id
from deploy.compose.project import Project


@dataclass
class WayBack:
    """What there is to go back to so far."""

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
            found.append(f"    IMAGE_TAG={self.tag} {dialogue.call('restore', file)}    # only for the data of then")
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
        dialogue.say()
        for line in self.lines():
            dialogue.say(line)


def keep_images(docker: Docker, project: Project, containers: list[Container], tag: str) -> list[str]:
    """Give the images in use, and those of services that do not run now, one more name; return the names.

    Images that do not carry the project's prefix are somebody else's, and left alone.

    Raises:
        Trouble: Docker refuses.
    """
    used = {container.service: container.image_id for container in reversed(containers)}
    kept: dict[str, str] = {}
    for name, service in project.services.items():
        former = used.get(name) or image_id(docker, service.image)
        if former and project.is_ours(service.image):
            kept.setdefault(f"{service.repository}:{tag}", former)
    for image, former in kept.items():
        docker.tell("tag", former, image, trouble="An image could not be given another name")
    return sorted(kept)
