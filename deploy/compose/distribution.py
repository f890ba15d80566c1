"""The images on their way to other machines.

``bundle``: with what runs them, as one archive for machines without a network. ``push``: to a registry, with the
settings that make compose and kustomize take them from there.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, cast

from deploy.compose import images
from deploy.compose.backup import size
from deploy.compose.dialogue import CommandFailed, call, say
from deploy.compose.docker import Docker
from deploy.compose.project import Project

#: Where archives go, in the project's folder.
FOLDER = "dist"
IMAGES = "images.tar.gz"
SUMS = "SHA256SUMS"
#: What runs the images: files and folders of the project.
PARTS = (
    "access/__init__.py",
    "access/mode_required.py",
    "runtime/__init__.py",
    "runtime/catalogue.py",
    "runtime/settings_check.py",
    "runtime/value_types.py",
    "runtime/quoting.py",
    "runtime/setting.py",
    "compose.yaml",
    "deploy/compose",
    "deploy/host",
    "deploy/k8s",
    "docs",
)
_LEFT_OUT = {"tests", "__pycache__", "screenshots"}
LOAD = "deploy/compose/load.sh"
#: What stands between the registry and an image's name; also what our manifests call the images.
OURS = "dispycluster"
#: Those that the product is made for; images of another one than the engine's carry it at the end of their tag.
ARCHITECTURES = ("amd64", "arm64")
_HOST = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(?::\d{1,5})?"
_REGISTRY = re.compile(rf"{_HOST}(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")


def bundle(docker: Docker, arch: str) -> None:
    """Write ``dist/dispycluster-TAG-ARCH.tar``; ``arch`` other than the engine's takes the images made for it.

    Raises:
        CommandFailed: images are missing, or the archive cannot be written.
    """
    docker, project, arch = images.project_for(docker, arch)
    name = f"dispycluster-{project.tag.removesuffix(f'-{arch}')}-{arch}"
    folder = docker.folder / FOLDER
    archive = folder / f"{name}.tar"
    try:
        folder.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".bundle-", dir=folder) as work:
            staged = Path(work, name)
            _stage(docker, project, arch, staged)
            _pack(staged, Path(work, "archive"))
            Path(work, "archive").replace(archive)
    except OSError as error:
        raise CommandFailed(f"{archive} cannot be written: {error.strerror}.") from None
    say(f"{archive.relative_to(docker.folder)}: {size(archive)}. Beside its copy on a machine without a network:")
    say(f"\n    tar -xf {archive.name} && {name}/load\n")


def _stage(docker: Docker, project: Project, arch: str, folder: Path) -> None:
    """Lay out everything in a folder."""
    folder.mkdir()
    say(f"saving {len(project.images())} images …")
    # The stream's own time is left out, so that the same images make the same file.
    with (folder / IMAGES).open("wb") as file, gzip.GzipFile("", "wb", 6, file, mtime=0) as packed:
        docker.receive(cast("IO[bytes]", packed), "save", *project.images(), failure="The images cannot be saved")
    for path in files(docker.folder):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(docker.folder / path, target)
    (folder / ".env").write_text(settings(project))
    load = (docker.folder / LOAD).read_text().replace("@ARCH@", arch)
    (folder / "load").write_text(load)
    (folder / "load").chmod(0o755)
    (folder / SUMS).write_text("".join(f"{digest}  {path}\n" for path, digest in sums(folder)))


def files(root: Path) -> list[Path]:
    """What runs the images, relative to ``root``; without tests and caches."""
    found: list[Path] = []
    for part in PARTS:
        whole = root / part
        inside = sorted(whole.rglob("*")) if whole.is_dir() else [whole]
        found += [path.relative_to(root) for path in inside if path.is_file()]
    return [path for path in found if not _LEFT_OUT & set(path.parts)]


def settings(project: Project) -> str:
    """The bundle's ``.env``."""
    return (
        "# The images of this archive. All other settings: deploy/compose/.env.example\n"
        f"IMAGE_PREFIX={project.prefix}\nIMAGE_TAG={project.tag}\nPULL_POLICY=never\n"
    )


def sums(folder: Path) -> Iterator[tuple[str, str]]:
    """Path and SHA-256 of every file, as ``sha256sum`` would have them."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest = hashlib.sha256()
            with path.open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
            yield str(path.relative_to(folder)), digest.hexdigest()


def _pack(folder: Path, archive: Path) -> None:
    def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        """Nobody's in particular, and readable by all: the services run as another user."""
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
        return entry

    with tarfile.open(archive, "w") as tar:
        tar.add(folder, folder.name, filter=plain)
    os.chmod(archive, 0o644)


def push(docker: Docker, given: str) -> None:
    """Give every image the registry's name and push it, for every architecture of which all images are here.

    Raises:
        CommandFailed: no registry is given, or it does not take the images.
    """
    registry = checked(given)
    project = Project.read(docker, everything=True)
    images.require(docker, project)
    prefix = f"{registry}/{OURS}"
    names = [image for image in project.images() if project.is_ours(image)]
    own = docker.architecture()
    foreign = [arch for arch in ARCHITECTURES if arch != own]
    others = [arch for arch in foreign if not images.missing(docker, [f"{image}-{arch}" for image in names])]
    for image in names:
        target = f"{prefix}/{project.image_name(image)}:{project.tag}"
        if not others:
            _push_one(docker, image, target, registry)
            continue
        parts = {own: f"{target}-{own}"} | {arch: f"{target}-{arch}" for arch in others}
        for arch, part in parts.items():
            _push_one(docker, image if arch == own else f"{image}-{arch}", part, registry)
        _push_together(docker, target, parts, registry)
    say(lines(prefix, project.tag, [project.image_name(image) for image in names]))
    for arch in foreign:
        if arch not in others:
            say(f"Nothing of this is for {arch}. To have it too: ARCH={arch} make images-offline, and push again.")


def _push_one(docker: Docker, image: str, target: str, registry: str) -> None:
    docker.tell("tag", image, target, failure=f"{image} could not be given the name {target}")
    docker.show("push", target, failure=f"{target} was not taken; why is said above. {remedy(registry)}")


def _push_together(docker: Docker, target: str, parts: Mapping[str, str], registry: str) -> None:
    """Make one name of the images of several architectures: who pulls it gets the one that fits."""
    failure = f"{target} could not be put together. {remedy(registry)}"
    # What an attempt before this one left would be added to.
    docker.ask("manifest", "rm", target)
    docker.tell("manifest", "create", "--insecure", target, *parts.values(), failure=failure)
    for arch, part in parts.items():
        docker.tell("manifest", "annotate", "--os", "linux", "--arch", arch, target, part, failure=failure)
    docker.tell("manifest", "push", "--insecure", "--purge", target, failure=failure)


def checked(given: str) -> str:
    """A registry's address without what does not belong to it.

    Raises:
        CommandFailed: it is none.
    """
    registry = given.strip().rstrip("/")
    example = call("push", "REGISTRY=registry.lan:5000")
    if not registry:
        raise CommandFailed(f"Which registry? For instance: {example}")
    if "://" in registry:
        raise CommandFailed(f"REGISTRY={registry}: without {registry.partition('://')[0]}://. For instance: {example}")
    if not _REGISTRY.fullmatch(registry):
        raise CommandFailed(
            f"REGISTRY={registry} is no registry: it takes HOST, HOST:PORT or either with a path in small letters. "
            f"For instance: {example}"
        )
    return registry


def remedy(registry: str) -> str:
    """What helps most often."""
    host = registry.partition("/")[0]
    return (
        f"Where a login is needed: docker login {host}. "
        "Where the registry speaks plain HTTP: insecure-registries in /etc/docker/daemon.json."
    )


def lines(prefix: str, tag: str, names: list[str]) -> str:
    """The settings, to be copied."""
    entries = "".join(
        f'      - name: {OURS}/{name}\n        newName: {prefix}/{name}\n        newTag: "{tag}"\n' for name in names
    )
    return (
        f"\nPushed. For compose, in .env:\n\n    IMAGE_PREFIX={prefix}\n    IMAGE_TAG={tag}\n    PULL_POLICY=missing\n"
        f"\nFor Kubernetes, in kustomization.yaml:\n\n    images:\n{entries}"
    )
