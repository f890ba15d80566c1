"""Build the base images, under their own names: an official name would hide the official image."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from deploy.images.offline import root_file_system
from deploy.images.offline.architecture import ImagesError, tag_suffix
from deploy.images.offline.root_file_system import CERTIFICATES, load_image, make_root_file_system

PREFIX = "dispycluster-base"
#: Label with a digest of a base image's inputs. A changed digest means that the image is built again.
_LABEL = "live.dispycluster.inputs"
_DOCKERFILE = Path(__file__).parent / "stand_in.Dockerfile"


@dataclass(frozen=True)
class BaseImage:
    """A base image: the setting that selects it, its name and tag, and its Debian packages."""

    variable: str
    name: str
    tag: str
    packages: str
    suite: str = "bookworm"


PRODUCT = (
    BaseImage("PYTHON_IMAGE", "python", "3.11", "python3"),
    BaseImage("PYTHON_BUILD_IMAGE", "python-build", "3.11", "python3 python3-pip python3-venv"),
    BaseImage("HAPROXY_IMAGE", "haproxy", "2.6", "haproxy"),
    BaseImage("VALKEY_IMAGE", "redis", "7.0", "redis-server redis-tools"),
    BaseImage("NODE_EXPORTER_IMAGE", "node-exporter", "1.5", "prometheus-node-exporter"),
)


class BaseImages:
    """Builds the base images of one architecture."""

    def __init__(self, architecture: str, mirror: str = "") -> None:
        self._architecture = architecture
        self._mirror = mirror
        #: Names and ids of the current root file systems, by suite.
        self._root_file_systems: dict[str, tuple[str, str]] = {}

    def make(self, base: BaseImage) -> str:
        """Build ``base`` unless the current image exists; return its name.

        Raises:
            ImagesError: the image cannot be built.
        """
        if base.suite not in self._root_file_systems:
            name = self._debian(base.suite)
            self._root_file_systems[base.suite] = name, _image_id(name)
        debian, debian_id = self._root_file_systems[base.suite]
        dockerfile = _DOCKERFILE.read_text()
        name = f"{PREFIX}/{base.name}:{base.tag}{tag_suffix(self._architecture)}"
        inputs = _hash(debian, debian_id, base.packages, dockerfile)
        if _inputs_of(name) != inputs:
            say(f"{name}: {base.packages}")
            arguments = [f"--build-arg=DEBIAN={debian}", f"--build-arg=PACKAGES={base.packages}"]
            command = ["docker", "build", "--quiet", *arguments, f"--label={_LABEL}={inputs}", "-t", name, "-"]
            _docker(command, input_text=dockerfile)
        return name

    def _debian(self, suite: str) -> str:
        name = f"{PREFIX}/debian:{suite}{tag_suffix(self._architecture)}"
        certificates = CERTIFICATES.read_bytes() if CERTIFICATES.exists() else b""
        made_by = Path(root_file_system.__file__).read_text()
        inputs = _hash(suite, self._mirror, self._architecture, certificates.hex(), made_by)
        if _inputs_of(name) != inputs:
            if os.geteuid() != 0:
                raise ImagesError("only root can build a root file system: sudo make images-offline")
            say(f"{name}: a root file system by debootstrap")
            with tempfile.TemporaryDirectory(prefix="debian-") as folder:
                root = Path(folder, "root")
                make_root_file_system(root, suite=suite, architecture=self._architecture, mirror=self._mirror)
                load_image(root, name=name, architecture=self._architecture, labels={_LABEL: inputs})
        return name


def say(text: str) -> None:
    """Print a line of progress."""
    print(f"images: {text}", flush=True)


def _inputs_of(image: str) -> str:
    return _inspect(image, f'{{{{index .Config.Labels "{_LABEL}"}}}}')


def _image_id(image: str) -> str:
    return _inspect(image, "{{.Id}}")


def _inspect(image: str, template: str) -> str:
    done = subprocess.run(["docker", "image", "inspect", "-f", template, image], capture_output=True, text=True)
    return done.stdout.strip()


def _docker(command: list[str], *, input_text: str) -> None:
    environment = {**os.environ, "DOCKER_BUILDKIT": "0"}
    done = subprocess.run(command, input=input_text, capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        raise ImagesError(f"docker build failed: {(done.stdout + done.stderr).strip()[-2000:]}")


def _hash(*inputs: str) -> str:
    return hashlib.sha256("\0".join(inputs).encode()).hexdigest()[:16]
