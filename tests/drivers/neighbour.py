"""A server that is no part of the product, in a container on the host's own network: what stands in a user's LAN."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from testcontainers.core.container import DockerContainer

from deploy.images.offline.base_images import PRODUCT, Base, BaseImages
from deploy.images.offline.machine import own_architecture
from tests.drivers.docker_engine import LABELS

NGINX = Base("", "nginx", "bookworm", "nginx-light")
REGISTRY = Base("", "registry", "bookworm", "docker-registry")
REDIS = next(base for base in PRODUCT if base.variable == "VALKEY_IMAGE")


@contextmanager
def neighbour(base: Base, command: Sequence[str], folders: Mapping[Path, str]) -> Iterator[DockerContainer]:
    """Run ``command`` in an image of Debian's packages, with ``folders`` of the host mounted for reading."""
    container = DockerContainer(BaseImages(own_architecture()).make(base)).with_command(list(command))
    container.with_kwargs(network_mode="host", labels=LABELS)
    for folder, place in folders.items():
        container.with_volume_mapping(str(folder), place, "ro")
    with container:
        yield container
