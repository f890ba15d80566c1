"""Build a small Debian root file system with debootstrap, and load it as an image with one layer."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from deploy.images.offline.architecture import ImagesError

#: CA certificates that this machine trusts, for instance of a company proxy. The images trust them too.
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_UNNEEDED = (
    *("usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale", "usr/share/lintian", "var/log"),
    *("var/cache/apt", "var/cache/debconf", "var/lib/apt/lists", "debootstrap"),
)


def make_root_file_system(folder: Path, *, suite: str, architecture: str, mirror: str = "") -> None:
    """Install Debian's ``suite`` for ``architecture`` into ``folder``, which must not exist.

    ``mirror``: URL of Debian's packages; empty for debootstrap's default.

    Raises:
        ImagesError: debootstrap is missing or failed.
    """
    if shutil.which("debootstrap") is None:
        raise ImagesError("debootstrap is missing: sudo apt-get install -y debootstrap")
    command = ["debootstrap", "--variant=minbase", "--include=ca-certificates", f"--arch={architecture}"]
    done = subprocess.run([*command, suite, str(folder), *([mirror] if mirror else [])], capture_output=True, text=True)
    if done.returncode != 0:
        errors = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith(("E:", "W:"))]
        log = folder / "debootstrap" / "debootstrap.log"
        more = log.read_text(errors="replace").splitlines()[-3:] if log.exists() else []
        raise ImagesError("debootstrap failed: " + " ".join([*errors, *more]))
    _write_sources(folder / "etc/apt/sources.list", suite)
    _copy_trusted_certificates(folder)
    for name in _UNNEEDED:
        for entry in (folder / name).glob("*"):
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()


def _write_sources(sources: Path, suite: str) -> None:
    """Add the suite's updates and security updates to the sources that debootstrap wrote."""
    mirror = sources.read_text().split()[1].rstrip("/")
    sources.write_text(
        f"deb {mirror} {suite} main\ndeb {mirror} {suite}-updates main\ndeb {mirror}-security {suite}-security main\n"
    )


def _copy_trusted_certificates(folder: Path) -> None:
    bundle = folder / "etc/ssl/certs/ca-certificates.crt"
    known = set(_certificates(bundle))
    more = [certificate for certificate in _certificates(CERTIFICATES) if certificate not in known]
    for number, certificate in enumerate(more, 1):
        Path(folder, f"usr/local/share/ca-certificates/this-machine-{number}.crt").write_text(certificate + "\n")
    done = subprocess.run(["chroot", str(folder), "update-ca-certificates"], capture_output=True, text=True)
    if done.returncode != 0:
        raise ImagesError(f"cannot copy the certificates of this machine: {done.stderr.strip()}")


def _certificates(bundle: Path) -> list[str]:
    text = bundle.read_text(errors="replace") if bundle.exists() else ""
    return re.findall("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", text, re.DOTALL)


def load_image(root: Path, *, name: str, architecture: str, labels: dict[str, str]) -> None:
    """Load the files under ``root`` into the Docker engine as the image ``name``.

    ``docker import`` would record the engine's own architecture; an archive for ``docker load`` names its architecture
    (https://github.com/moby/docker-image-spec).

    Raises:
        ImagesError: tar or docker failed.
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
        raise ImagesError(f"{command[0]} failed: {done.stderr.strip()}")
