"""A Debian root file system, made by debootstrap, rid of what no container needs, and made an image of one layer."""

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

from deploy.images.offline.architecture import Refusal

#: Certificates that this machine trusts, those of a company proxy included: the images trust them too.
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_NOT_NEEDED = (
    *("usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale", "usr/share/lintian", "var/log"),
    *("var/cache/apt", "var/cache/debconf", "var/lib/apt/lists", "debootstrap"),
)


def make_root_file_system(folder: Path, *, suite: str, architecture: str, mirror: str = "") -> None:
    """Install Debian's ``suite`` for ``architecture`` into ``folder``, which must not exist.

    ``mirror``: URL of Debian's packages; debootstrap's own choice where it is empty.

    Raises:
        Refusal: debootstrap is missing or failed.
    """
    if shutil.which("debootstrap") is None:
        raise Refusal("debootstrap is missing: sudo apt-get install -y debootstrap")
    command = ["debootstrap", "--variant=minbase", "--include=ca-certificates", f"--arch={architecture}"]
    done = subprocess.run([*command, suite, str(folder), *([mirror] if mirror else [])], capture_output=True, text=True)
    if done.returncode != 0:
        said = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith(("E:", "W:"))]
        log = folder / "debootstrap" / "debootstrap.log"
        more = log.read_text(errors="replace").splitlines()[-3:] if log.exists() else []
        raise Refusal("debootstrap failed: " + " ".join([*said, *more]))
    _name_sources(folder / "etc/apt/sources.list", suite)
    _trust_what_this_machine_trusts(folder)
    for name in _NOT_NEEDED:
        for entry in (folder / name).glob("*"):
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()


def _name_sources(sources: Path, suite: str) -> None:
    """Add the suite's updates to what debootstrap wrote: they come from the same mirror, or from beside it."""
    mirror = sources.read_text().split()[1].rstrip("/")
    sources.write_text(
        f"deb {mirror} {suite} main\ndeb {mirror} {suite}-updates main\ndeb {mirror}-security {suite}-security main\n"
    )


def _trust_what_this_machine_trusts(folder: Path) -> None:
    bundle = folder / "etc/ssl/certs/ca-certificates.crt"
    known = set(_certificates(bundle))
    more = [certificate for certificate in _certificates(CERTIFICATES) if certificate not in known]
    for number, certificate in enumerate(more, 1):
        Path(folder, f"usr/local/share/ca-certificates/this-machine-{number}.crt").write_text(certificate + "\n")
    done = subprocess.run(["chroot", str(folder), "update-ca-certificates"], capture_output=True, text=True)
    if done.returncode != 0:
        raise Refusal(f"the certificates of this machine could not be taken along: {done.stderr.strip()}")


def _certificates(bundle: Path) -> list[str]:
    text = bundle.read_text(errors="replace") if bundle.exists() else ""
    return re.findall("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", text, re.DOTALL)


def load_image(root: Path, *, name: str, architecture: str, labels: dict[str, str]) -> None:
    """Give the Docker engine the image ``name`` with the files under ``root``.

    ``docker import`` would record the engine's own architecture, whatever is in the files; an archive for
    ``docker load`` says its own (https://github.com/moby/docker-image-spec).

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
