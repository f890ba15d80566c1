"""Foreign servers in containers, as in a user's network."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import requests
from testcontainers.core.container import DockerContainer

from deploy.images.offline.architecture import own_architecture
from deploy.images.offline.base_images import PRODUCT, BaseImage, BaseImages
from tests.drivers.docker_engine import LABELS
from tests.drivers.ports import free_port
from tests.drivers.waiting import eventually

NGINX = BaseImage("", "nginx", "bookworm", "nginx-light")
REGISTRY = BaseImage("", "registry", "bookworm", "docker-registry")
REDIS = next(base for base in PRODUCT if base.variable == "VALKEY_IMAGE")


@contextmanager
def registry(folder: Path) -> Iterator[str]:
    """Run a container registry with its configuration in ``folder`` and no persistent data; yield its address."""
    address = f"127.0.0.1:{free_port()}"
    config = f"version: 0.1\nstorage: {{inmemory: {{}}}}\nhttp: {{addr: '{address}'}}\nlog: {{level: error}}\n"
    (folder / "config.yml").write_text(config)
    with neighbour(REGISTRY, ["docker-registry", "serve", "/given/config.yml"], {folder: "/given"}):
        eventually(lambda: requests.get(f"http://{address}/v2/", timeout=5).status_code == 200, what="the registry")
        yield address


@contextmanager
def neighbour(
    base: BaseImage, command: Sequence[str], folders: Mapping[Path, str], network: str = "host"
) -> Iterator[DockerContainer]:
    """Run ``command`` in an image of Debian's packages, with ``folders`` of the host mounted read-only.

    ``network``: name of a Docker network; by default the host's network.
    """
    container = DockerContainer(BaseImages(own_architecture()).make(base)).with_command(list(command))
    container.with_kwargs(network_mode=network, labels=LABELS)
    for folder, place in folders.items():
        container.with_volume_mapping(str(folder), place, "ro")
    with container:
        yield container
