"""What is installed in an image, read from its files: nothing in it is started, and it needs no shell."""

from __future__ import annotations

import json
import re
import tarfile
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from deploy.compose import packages
from deploy.compose.docker import Docker
from deploy.compose.go_modules import go_modules
from deploy.compose.packages import Package, System
from deploy.compose.trouble import Trouble

_OS_RELEASE = re.compile(r"(?:etc|usr/lib)/os-release")
_DPKG = re.compile(r"var/lib/dpkg/(?:status|status\.d/(?!.*\.md5sums$)[^/]+)")
_APK = re.compile(r"(?:usr/)?lib/apk/db/installed")
#: Our own virtual environment, and that of Python's official images. Debian's packages are in dpkg's list already.
_PYTHON = re.compile(r"(?:opt/venv|usr/local)/lib/python[\d.]+/site-packages/[^/]+\.dist-info/METADATA")
_NPM = re.compile(r"app/[^/]+/static/[^/]+\.licenses\.txt")
_LISTS = (_OS_RELEASE, _DPKG, _APK, _PYTHON, _NPM)
_ELF = b"\x7fELF"
#: Programs that official images build themselves, unknown to any package manager, by the variable with their version.
_PROGRAMS = {
    "HAPROXY_VERSION": "haproxy",
    "PYTHON_VERSION": "python",
    "REDIS_VERSION": "redis",
    "VALKEY_VERSION": "valkey",
}


@dataclass(frozen=True)
class Image:
    """An image and what is in it."""

    #: As it was asked for, for instance ``dispycluster/api:0.3.0``.
    name: str
    #: For instance ``sha256:…``.
    id: str
    #: When it was made, as the engine says it (RFC 3339).
    created: str
    system: System
    #: Sorted by package URL, each once.
    packages: tuple[Package, ...]


def inspect(docker: Docker, name: str, work: Path) -> Image:
    """Read what is in an image; ``work`` is a folder on a disk that has room for its files.

    Raises:
        Trouble: its files cannot be read, or no package is found among them.
    """
    answer = docker.tell("image", "inspect", "--format", "{{json .}}", name, trouble=f"{name} cannot be looked at")
    facts: dict[str, Any] = json.loads(answer)
    with tempfile.TemporaryFile(dir=work) as file, _container(docker, name, facts["Id"]) as container:
        docker.receive(file, "export", container, trouble=f"The files of {name} cannot be read")
        file.seek(0)
        try:
            system, found = read(file)
        except tarfile.TarError as error:
            raise Trouble(f"The files of {name} cannot be read: {error}") from None
    if not found:
        raise Trouble(
            f"No package is found in {name}, so that nobody can say what is in it: neither a list of Debian's or "
            "Alpine's package manager, nor Python packages, nor a program in Go."
        )
    environment = (facts.get("Config") or {}).get("Env") or []
    found |= {package.purl: package for package in programs(environment)}
    return Image(name, facts["Id"], facts.get("Created") or "", system, tuple(found[key] for key in sorted(found)))


def read(archive: IO[bytes]) -> tuple[System, dict[str, Package]]:
    """The operating system and, by package URL, the packages in an uncompressed tar archive of a root file system.

    Raises:
        tarfile.TarError: it is none, or ends early.
    """
    lists: dict[str, str] = {}
    found: list[Package] = []
    with tarfile.open(fileobj=archive, mode="r:") as tar:
        for entry in tar:
            path = entry.name[2:] if entry.name.startswith("./") else entry.name
            if not entry.isfile():
                continue
            if any(pattern.fullmatch(path) for pattern in _LISTS):
                lists[path] = _whole(tar, entry).decode(errors="replace")
            elif entry.mode & 0o111 and _begins_as_program(tar, entry):
                found += go_modules(_whole(tar, entry))
    releases = [text for path, text in sorted(lists.items()) if _OS_RELEASE.fullmatch(path)]
    system = packages.system(releases[0]) if releases else System()
    for path, text in lists.items():
        if _DPKG.fullmatch(path):
            found += packages.debian(text, system)
        elif _APK.fullmatch(path):
            found += packages.alpine(text, system)
        elif _PYTHON.fullmatch(path):
            found += packages.python(text)
        elif _NPM.fullmatch(path):
            found += packages.npm(text)
    return system, {package.purl: package for package in found}


def programs(environment: list[str]) -> Iterator[Package]:
    """What the image's variables (``NAME=value``) say was built into it."""
    for variable in environment:
        name, _, value = variable.partition("=")
        if name in _PROGRAMS and value:
            yield Package("generic", _PROGRAMS[name], value)


@contextmanager
def _container(docker: Docker, name: str, image_id: str) -> Iterator[str]:
    """A container of the image that is never started, and is gone afterwards."""
    # A name that is known before there is a container: it can be removed whenever Ctrl-C comes.
    container = f"dispycluster-sbom-{uuid.uuid4().hex}"
    try:
        # An image may say no command of its own; without any the engine makes no container.
        docker.tell("create", "--name", container, image_id, "nothing", trouble=f"{name} cannot be looked into")
        yield container
    finally:
        docker.ask("rm", "--force", "--volumes", container)


def _begins_as_program(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> bool:
    file = tar.extractfile(entry)
    return file is not None and file.read(len(_ELF)) == _ELF


def _whole(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(entry)
    return file.read() if file is not None else b""
