"""The Docker engine for tests, and the removal of leftovers from earlier runs."""

import contextlib
import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import TypeVar

import docker
from docker.errors import APIError, DockerException
from docker.models.containers import Container
from docker.models.resource import Model

#: Label of every container, network and volume of a test, with the process that made it. Others belong to a compose
#: project with this prefix in its name.
LABEL = "live.dispycluster.test"
LABELS = {LABEL: str(os.getpid())}
PROJECT_PREFIX = "dispytest-"
OWN_PROJECT_PREFIX = f"{PROJECT_PREFIX}{os.getpid()}-"
#: In the name or tag of every image of a test.
OWN_IMAGES = f"{OWN_PROJECT_PREFIX}images"
#: Variables for access to a package index, which containers need too.
PROXY_VARIABLES = ("PIP_INDEX_URL", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
_IMAGE = re.compile(rf"{PROJECT_PREFIX}(\d+)-images")
_PROJECT_LABEL = "com.docker.compose.project"

_Thing = TypeVar("_Thing", bound=Model)


@cache
def engine() -> docker.DockerClient:
    """Return a client of the engine.

    Raises:
        AssertionError: no engine answers; the text names the remedy.
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


def execute(container: Container, *command: str, options: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    """Run a command in a container, with ``options`` of ``docker exec``.

    docker-py's ``exec_run`` loses output on a busy machine.
    """
    return subprocess.run(
        ["docker", "exec", *options, str(container.id), *command], capture_output=True, text=True, timeout=300
    )


def remove_leftovers() -> None:
    """Remove what this process or an interrupted test process made. Objects of running test processes stay."""
    client = engine()
    # Another process may remove the same objects meanwhile.
    for container in _of_tests(client.containers.list(all=True, ignore_removed=True)):
        with contextlib.suppress(APIError):
            container.remove(force=True, v=True)
    for network in _of_tests(client.networks.list()):
        with contextlib.suppress(APIError):
            network.remove()
    for volume in _of_tests(client.volumes.list()):
        with contextlib.suppress(APIError):
            volume.remove(force=True)
    for image in client.images.list():
        for tag in image.tags:
            found = _IMAGE.search(tag)
            if found and _is_removable(found[1]):
                with contextlib.suppress(APIError):
                    client.images.remove(tag)


def _of_tests(things: Iterable[_Thing]) -> Iterator[_Thing]:
    for thing in things:
        labels = thing.labels if hasattr(thing, "labels") else (thing.attrs.get("Labels") or {})
        project = labels.get(_PROJECT_LABEL, "")
        if LABEL in labels:
            owner = labels[LABEL]
        elif project.startswith(PROJECT_PREFIX):
            owner = project.removeprefix(PROJECT_PREFIX).partition("-")[0]
        else:
            continue
        if _is_removable(owner):
            yield thing


def _is_removable(owner: str) -> bool:
    """Whether this process may remove an object of process ``owner``."""
    return owner == str(os.getpid()) or not os.path.exists(f"/proc/{owner}")
