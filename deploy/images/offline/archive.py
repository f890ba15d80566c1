"""An image of one layer, made of a root file system.

``docker import`` would record the engine's own architecture, whatever is in the files; an archive for ``docker load``
says its own (https://github.com/moby/docker-image-spec).
"""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
import tempfile
from pathlib import Path

from deploy.images.offline.machine import Refusal


def load_image(root: Path, *, name: str, architecture: str, labels: dict[str, str]) -> None:
    """Give the Docker engine the image ``name`` with the files under ``root``.

    Raises:
        Refusal: tar or docker failed.
    """
    with tempfile.TemporaryDirectory(dir=root.parent) as folder:
        layer = Path(folder, "layer.tar")
        _run(["tar", "--numeric-owner", "-C", str(root), "-cf", str(layer), "."])
        archive = Path(folder, "image.tar")
        with tarfile.open(archive, "w") as tar:
            tar.add(layer, "layer.tar")
            for file_name, content in _descriptions(layer, name, architecture, labels).items():
                entry = tarfile.TarInfo(file_name)
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
        layer.unlink()
        _run(["docker", "load", "--quiet", "--input", str(archive)])


def _descriptions(layer: Path, name: str, architecture: str, labels: dict[str, str]) -> dict[str, bytes]:
    with layer.open("rb") as file:
        digest = hashlib.sha256()
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    config = {
        "architecture": architecture,
        "os": "linux",
        "config": {"Cmd": ["/bin/bash"], "Labels": labels},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest.hexdigest()}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    return {"config.json": json.dumps(config).encode(), "manifest.json": json.dumps(manifest).encode()}


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise Refusal(f"{command[0]} failed: {done.stderr.strip()}")
