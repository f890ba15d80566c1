"""``bundle``: all images and what runs them, as one archive for machines without a network."""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from deploy.compose.architecture import project_for
from deploy.compose.backup import size
from deploy.compose.dialogue import say
from deploy.compose.docker import Docker
from deploy.compose.preflight import require_engine
from deploy.compose.project import Project
from deploy.compose.trouble import Trouble

#: Where archives go, in the project's folder.
FOLDER = "dist"
IMAGES = "images.tar.gz"
SUMS = "SHA256SUMS"
#: What runs the images: files and folders of the project.
PARTS = (
    "access/__init__.py",
    "access/choice.py",
    "compose.yaml",
    "deploy/compose",
    "deploy/host",
    "deploy/k8s",
    "docs",
)
_LEFT_OUT = {"tests", "__pycache__", "screenshots"}
LOAD = "deploy/compose/load.sh"


def bundle(docker: Docker, arch: str) -> None:
    """Write ``dist/dispycluster-TAG-ARCH.tar``; ``arch`` other than the engine's takes the images made for it.

    Raises:
        Trouble: images are missing, or the archive cannot be written.
    """
    require_engine(docker)
    docker, project, arch = project_for(docker, arch)
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
        raise Trouble(f"{archive} cannot be written: {error.strerror}.") from None
    say(f"{archive.relative_to(docker.folder)}: {size(archive)}. Beside its copy on a machine without a network:")
    say(f"\n    tar -xf {archive.name} && {name}/load\n")


def _stage(docker: Docker, project: Project, arch: str, folder: Path) -> None:
    """Lay out everything in a folder."""
    folder.mkdir()
    say(f"saving {len(project.images())} images …")
    # The stream's own time is left out, so that the same images make the same file.
    with (folder / IMAGES).open("wb") as file, gzip.GzipFile("", "wb", 6, file, mtime=0) as packed:
        docker.receive(cast("IO[bytes]", packed), "save", *project.images(), trouble="The images cannot be saved")
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
