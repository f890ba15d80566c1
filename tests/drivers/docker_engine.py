"""The Docker engine for tests: is it there, and what of former runs is to be swept away."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from functools import cache

import docker
from docker.errors import APIError, DockerException, NotFound

#: Every container, network and volume of a test carries this label, with the process that made it, or belongs to a
#: compose project of such a name.
LABEL = "live.dispycluster.test"
LABELS = {LABEL: str(os.getpid())}
PROJECT_PREFIX = "dispytest-"
OWN_PROJECT_PREFIX = f"{PROJECT_PREFIX}{os.getpid()}-"
#: Variables that lead to a package index from here, and so from a container.
PASSED_ON = ("PIP_INDEX_URL", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
#: Part of the name or tag of every image that a test makes.
_IMAGES = "dispytest"
_PROJECT_LABEL = "com.docker.compose.project"


@cache
def engine() -> docker.DockerClient:
    """A client of the engine.

    Raises:
        AssertionError: there is none; the text says what helps.
    """
    try:
        client = docker.from_env(timeout=120)
        client.ping()
    except DockerException as error:
        raise AssertionError(
            f"container tests need a Docker engine, and none answers ({error}). Install one (sudo apt-get install -y "
            "docker.io), start it, and let this user reach it (sudo usermod -aG docker $USER)"
        ) from None
    done = subprocess.run(["docker", "compose", "version"], capture_output=True, text=True)
    assert done.returncode == 0, "container tests need the compose plugin: docker compose version fails"
    return client


def sweep() -> None:
    """Remove what tests made: this process, or one that was cut off. What a living one uses stays."""
    client = engine()
    for container in _of_tests(client.containers.list(all=True, ignore_removed=True)):
        with contextlib.suppress(NotFound, APIError):
            container.remove(force=True, v=True)
    for network in _of_tests(client.networks.list()):
        with contextlib.suppress(NotFound):
            network.remove()
    for volume in _of_tests(client.volumes.list()):
        with contextlib.suppress(NotFound):
            volume.remove(force=True)
    for image in client.images.list():
        for tag in image.tags:
            if _IMAGES in tag:
                with contextlib.suppress(NotFound, APIError):
                    client.images.remove(tag)


def _of_tests(things: list) -> Iterator:
    for thing in things:
        labels = thing.labels if hasattr(thing, "labels") else (thing.attrs.get("Labels") or {})
        project = labels.get(_PROJECT_LABEL, "")
        if LABEL in labels or project.startswith(PROJECT_PREFIX):
            owner = labels.get(LABEL) or project.removeprefix(PROJECT_PREFIX).partition("-")[0]
            if owner == str(os.getpid()) or not os.path.exists(f"/proc/{owner}"):
                yield thing
