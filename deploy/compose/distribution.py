"""Distribution of the images to other machines.

``bundle`` writes the images and the files that run them to one archive, for machines without a network. ``push`` pushes
the images to a registry and prints the settings with which compose and kustomize use that registry.
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
from deploy.compose.docker import Docker
from deploy.compose.project import Project
from deploy.compose.terminal import CommandFailed, print_line, user_command

#: Folder of the archives, in the project's folder.
FOLDER = "dist"
IMAGES = "images.tar.gz"
CHECKSUM_FILE = "SHA256SUMS"
#: Files and folders of the project that a bundle contains.
BUNDLED = (
    "access/__init__.py",
    "access/mode_required.py",
    "runtime/__init__.py",
    "runtime/catalogue.py",
    "runtime/settings_check.py",
    "runtime/target_list_types.py",
    "runtime/value_types.py",
    "runtime/quoting.py",
    "runtime/setting.py",
    "compose.yaml",
    "deploy/compose",
    "deploy/host",
    "deploy/k8s",
    "docs",
)
_EXCLUDED_NAMES = {"tests", "__pycache__", "screenshots"}
LOAD_SCRIPT = "deploy/compose/load.sh"
#: Namespace between the registry and an image's name; the manifests use the same one.
IMAGE_NAMESPACE = "dispycluster"
#: The supported architectures. The tag of an image ends with its architecture if the engine has another one.
ARCHITECTURES = ("amd64", "arm64")
_HOST = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(?::\d{1,5})?"
_REGISTRY = re.compile(rf"{_HOST}(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")


def bundle(docker: Docker, arch: str) -> None:
    """Write ``dist/dispycluster-TAG-ARCH.tar`` with the images for ``arch``; empty for the engine's architecture.

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
    print_line(
        f"{archive.relative_to(docker.folder)}: {size(archive)}. Copy it to a machine without a network and run there:"
    )
    print_line(f"\n    tar -xf {archive.name} && {name}/load\n")


def _stage(docker: Docker, project: Project, arch: str, folder: Path) -> None:
    """Write the content of a bundle to a folder."""
    folder.mkdir()
    print_line(f"saving {len(project.images())} images …")
    # Without a time stamp, the same images make the same file.
    with (folder / IMAGES).open("wb") as file, gzip.GzipFile("", "wb", 6, file, mtime=0) as packed:
        docker.run_into(cast("IO[bytes]", packed), "save", *project.images(), failure="The images cannot be saved")
    for path in bundled_files(docker.folder):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(docker.folder / path, target)
    (folder / ".env").write_text(bundle_settings(project))
    load = (docker.folder / LOAD_SCRIPT).read_text().replace("@ARCH@", arch)
    (folder / "load").write_text(load)
    (folder / "load").chmod(0o755)
    (folder / CHECKSUM_FILE).write_text("".join(f"{digest}  {path}\n" for path, digest in checksums(folder)))


def bundled_files(root: Path) -> list[Path]:
    """Return the paths of the files in a bundle, relative to ``root``; without tests and caches."""
    found: list[Path] = []
    for name in BUNDLED:
        path = root / name
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        found += [file.relative_to(root) for file in files if file.is_file()]
    return [path for path in found if not _EXCLUDED_NAMES & set(path.parts)]


def bundle_settings(project: Project) -> str:
    """Return the text of the bundle's ``.env``."""
    return (
        "# The images of this bundle. All other settings: deploy/compose/.env.example\n"
        f"IMAGE_PREFIX={project.prefix}\nIMAGE_TAG={project.tag}\nPULL_POLICY=never\n"
    )


def checksums(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield path and SHA-256 of every file, for ``sha256sum``."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest = hashlib.sha256()
            with path.open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
            yield str(path.relative_to(folder)), digest.hexdigest()


def _pack(folder: Path, archive: Path) -> None:
    def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        """Give the entry to root, readable by all: the services run as other users."""
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
        return entry

    with tarfile.open(archive, "w") as tar:
        tar.add(folder, folder.name, filter=plain)
    os.chmod(archive, 0o644)


def push(docker: Docker, given: str) -> None:
    """Push every image to a registry, for each architecture with a complete set of images on this machine.

    Raises:
        CommandFailed: ``given`` is no valid registry, or the registry refuses the images.
    """
    registry = checked_registry(given)
    project = Project.read(docker, all_profiles=True)
    images.ensure(docker, project)
    prefix = f"{registry}/{IMAGE_NAMESPACE}"
    names = [image for image in project.images() if project.is_ours(image)]
    own = docker.architecture()
    foreign = [arch for arch in ARCHITECTURES if arch != own]
    others = [arch for arch in foreign if not images.missing(docker, [f"{image}-{arch}" for image in names])]
    for image in names:
        target = f"{prefix}/{project.image_name(image)}:{project.tag}"
        if not others:
            _push_image(docker, image, target, registry)
            continue
        targets = {own: f"{target}-{own}"} | {arch: f"{target}-{arch}" for arch in others}
        for arch, image_of_arch in targets.items():
            _push_image(docker, image if arch == own else f"{image}-{arch}", image_of_arch, registry)
        _push_manifest(docker, target, targets, registry)
    print_line(settings_to_copy(prefix, project.tag, [project.image_name(image) for image in names]))
    for arch in foreign:
        if arch not in others:
            print_line(
                f"No image for {arch} was pushed. To add them: ARCH={arch} make images-offline, then push again."
            )


def _push_image(docker: Docker, image: str, target: str, registry: str) -> None:
    docker.run_checked("tag", image, target, failure=f"{image} could not be given the name {target}")
    failure = f"{target} could not be pushed. See the error above. {push_hint(registry)}"
    docker.run_in_terminal("push", target, failure=failure)


def _push_manifest(docker: Docker, target: str, targets: Mapping[str, str], registry: str) -> None:
    """Push a manifest that lists the images of several architectures under one name."""
    failure = f"The manifest of {target} could not be pushed. {push_hint(registry)}"
    # Else ``create`` would add to the manifest of an earlier attempt.
    docker.run("manifest", "rm", target)
    docker.run_checked("manifest", "create", "--insecure", target, *targets.values(), failure=failure)
    for arch, image_of_arch in targets.items():
        docker.run_checked(
            "manifest", "annotate", "--os", "linux", "--arch", arch, target, image_of_arch, failure=failure
        )
    docker.run_checked("manifest", "push", "--insecure", "--purge", target, failure=failure)


def checked_registry(given: str) -> str:
    """Return a registry's address without surrounding spaces and slashes.

    Raises:
        CommandFailed: the address is not valid.
    """
    registry = given.strip().rstrip("/")
    example = user_command("push", "REGISTRY=registry.lan:5000")
    if not registry:
        raise CommandFailed(f"Which registry? For instance: {example}")
    if "://" in registry:
        scheme = registry.partition("://")[0]
        raise CommandFailed(f"REGISTRY={registry} must not begin with {scheme}://. For instance: {example}")
    if not _REGISTRY.fullmatch(registry):
        raise CommandFailed(
            f"REGISTRY={registry} is no registry: it takes HOST or HOST:PORT, with or without a lowercase path. "
            f"For instance: {example}"
        )
    return registry


def push_hint(registry: str) -> str:
    """Return the most frequent remedies for a failed push."""
    host = registry.partition("/")[0]
    return (
        f"If the registry needs a login: docker login {host}. "
        "If it speaks plain HTTP: add it to insecure-registries in /etc/docker/daemon.json."
    )


def settings_to_copy(prefix: str, tag: str, names: list[str]) -> str:
    """Return the settings for compose and kustomize, as text to copy."""
    entries = "".join(
        f'      - name: {IMAGE_NAMESPACE}/{name}\n        newName: {prefix}/{name}\n        newTag: "{tag}"\n'
        for name in names
    )
    return (
        f"\nPushed. For compose, in .env:\n\n    IMAGE_PREFIX={prefix}\n    IMAGE_TAG={tag}\n    PULL_POLICY=missing\n"
        f"\nFor Kubernetes, in kustomization.yaml:\n\n    images:\n{entries}"
    )
