"""A simulated compose project behind a scripted docker."""

import json
from itertools import count
from pathlib import Path

from deploy.compose.docker import DockerResult
from deploy.compose.project import Project
from tests.drivers.scripted_docker import ScriptedDocker

RDB = "REDIS0011\xff12345678"


class ComposeLab:
    """A running project that changes with the calls of ``ScriptedDocker``."""

    def __init__(self, folder: Path, *services: str) -> None:
        self.docker = ScriptedDocker(folder)
        self._numbers = count(1)
        #: By id: service, image id, configuration hash.
        self.containers: dict[str, tuple[str, str, str]] = {}
        #: Image id of new containers.
        self.newest = "sha256:new"
        self.becomes_healthy = True
        for service in services:
            self.add(service, "sha256:old")
        docker = self.docker
        docker.react("ps --all --quiet", lambda _: DockerResult(0, "\n".join(self.containers)))
        docker.react(
            "inspect ", lambda _: DockerResult(0, json.dumps([self._described(one) for one in self.containers]))
        )
        docker.script("image inspect", "sha256:new\n")
        docker.react("compose config --hash", lambda line: DockerResult(0, f"{line.split()[-1]} hash\n"))
        docker.script("compose exec -T redis backup", RDB)
        docker.react("compose up", self._up)
        docker.react("stop ", lambda _: DockerResult(0))
        docker.react("rm ", self._remove)
        docker.script("info", "{}")
        docker.script("ps --filter publish", "lab-gateway-1 lab/gateway\n")

    @property
    def project(self) -> Project:
        return Project.read(self.docker)

    def add(self, service: str, image: str) -> None:
        self.containers[f"{service}-{next(self._numbers)}"] = (service, image, "hash")

    def of(self, service: str) -> dict[str, str]:
        return {id: image for id, (name, image, _) in self.containers.items() if name == service}

    def _described(self, id: str) -> dict[str, object]:
        service, image, config_hash = self.containers[id]
        labels = {"com.docker.compose.service": service, "com.docker.compose.config-hash": config_hash}
        return {"Id": id, "Image": image, "State": {"Running": True}, "Config": {"Labels": labels}}

    def _up(self, line: str) -> DockerResult:
        words = line.split()
        if "--scale" in words and "--no-recreate" in words:
            service, _, number = words[words.index("--scale") + 1].partition("=")
            while len(self.of(service)) < int(number):
                self.add(service, self.newest)
            if not self.becomes_healthy:
                return DockerResult(1, "", f"container lab-{service}-3 is unhealthy")
        return DockerResult(0)

    def _remove(self, line: str) -> DockerResult:
        for id in line.split()[1:]:
            self.containers.pop(id, None)
        return DockerResult(0)
