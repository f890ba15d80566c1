"""Images on their way to other machines: in an archive, and through a registry."""

import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from contract import VERSION
from deploy.images.offline.architecture import own_architecture
from tests.drivers.compose_file import compose_images
from tests.drivers.deployment import Deployment
from tests.drivers.docker_engine import OWN_IMAGES, engine
from tests.drivers.neighbour import registry
from tests.drivers.process import ROOT

NAMES = sorted(compose_images())
TAG = f"{OWN_IMAGES}-transport"


def run(*command: str, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def make(command: str, *arguments: str, **environment: str) -> str:
    return run(sys.executable, "-B", "-m", "deploy.compose", command, *arguments, **environment)


#: Names that a test may remove.
IMAGES = [f"{OWN_IMAGES}/{name}:{TAG}" for name in NAMES]


def remove(images: list[str]) -> None:
    subprocess.run(["docker", "image", "rm", *images], capture_output=True)


@pytest.fixture
def images() -> Iterator[list[str]]:
    """Return the product's images."""
    for name, image in zip(NAMES, IMAGES, strict=True):
        run("docker", "tag", f"dispycluster/{name}:{VERSION}", image)
    yield IMAGES
    remove(IMAGES)


@pytest.fixture
def small_images(tmp_path: Path) -> Iterator[list[str]]:
    """Images of a few bytes, all different, under the names of the product's."""
    for name, image in zip(NAMES, IMAGES, strict=True):
        (tmp_path / "name").write_text(name)
        with tarfile.open(tmp_path / "content.tar", "w") as tar:
            tar.add(tmp_path / "name", "name")
        run("docker", "import", "--change", 'CMD ["/name"]', str(tmp_path / "content.tar"), image)
    yield IMAGES
    remove(IMAGES)


def test_bundle_loads_every_image_into_an_engine_without_images(images: list[str], tmp_path: Path) -> None:
    environment = {"IMAGE_PREFIX": OWN_IMAGES, "IMAGE_TAG": TAG}
    output = make("bundle", **environment)
    archive = ROOT / "dist" / f"dispycluster-{TAG}-{own_architecture()}.tar"
    try:
        [command] = [line.strip() for line in output.splitlines() if line.strip().startswith("tar -xf ")]
        ids = {image: engine().images.get(image).id for image in images}
        for image in images:
            engine().images.remove(image)
        # When the documented command runs beside the archive
        archive.rename(tmp_path / archive.name)
        subprocess.run(command, shell=True, cwd=tmp_path, check=True, capture_output=True)
        # Then every image exists again, and the product starts from the bundle's files
        assert {image: engine().images.get(image).id for image in images} == ids
        root = tmp_path / archive.stem
        deployment = Deployment(replicas=1, root=root, **environment)
        try:
            deployment.compose("up", "-d", "--wait", "--no-build")
            deployment.next_round()
        finally:
            deployment.close()
        # A changed file is noticed
        with (root / "images.tar.gz").open("ab") as file:
            file.write(b"x")
        refused = subprocess.run([root / "load"], capture_output=True, text=True)
        assert refused.returncode != 0
        assert "images.tar.gz" in refused.stderr
    finally:
        archive.unlink(missing_ok=True)


def test_push_pushes_every_image_to_a_registry_from_which_compose_pulls(
    small_images: list[str], tmp_path: Path
) -> None:
    with registry(tmp_path) as address:
        output = make("push", address, IMAGE_PREFIX=OWN_IMAGES, IMAGE_TAG=TAG)
        catalog = requests.get(f"http://{address}/v2/_catalog", timeout=5).json()["repositories"]
        assert sorted(catalog) == sorted(f"dispycluster/{name}" for name in NAMES)
        # When the printed lines are in .env and no image is on this machine
        lines = dict(
            line.strip().split("=", 1) for line in output.splitlines() if line.strip().startswith(("IMAGE_", "PULL_"))
        )
        assert lines == {"IMAGE_PREFIX": f"{address}/dispycluster", "IMAGE_TAG": TAG, "PULL_POLICY": "missing"}
        pushed = [f"{address}/dispycluster/{name}:{TAG}" for name in NAMES]
        remove(pushed)
        deployment = Deployment(replicas=1, **lines)
        try:
            # Then compose pulls the same images from the registry
            deployment.compose("--profile", "demo", "up", "--no-start", "--no-build")
            project = {"label": f"com.docker.compose.project={deployment.name}"}
            made = engine().containers.list(all=True, filters=project)
            assert {container.attrs["Config"]["Image"] for container in made} == set(pushed)
            own = {engine().images.get(image).id for image in small_images}
            assert {container.attrs["Image"] for container in made} == own
        finally:
            deployment.close()
            remove(pushed)
