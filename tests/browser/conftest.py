from collections.abc import Iterator

import pytest

from tests.drivers.ports import free_port
from tests.drivers.process import Process, python
from tests.drivers.rest import Rest
from tests.drivers.waiting import eventually


class Product:
    """The product as ``make run`` starts it, in a folder of its own."""

    def __init__(self, folder: str, **env: str) -> None:
        self.port = free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        self.process: Process = python(
            "run", "deploy.local", env={"PORT": str(self.port), "DATA_DIR": folder, "CLUSTER_NAME": "lab", **env}
        )
        self.rest = Rest(self.origin)

    def start(self) -> None:
        """Start it and wait until it says where it can be seen."""
        self.process.start()

        def announced() -> bool:
            assert self.process.running, self.process.log()
            return (
                self.origin.rpartition(":")[2] in self.process.log()
                and self.rest.status("/api/cluster/snapshot") == 200
            )

        eventually(announced, within_seconds=60, what="the product running")

    def next_round(self) -> None:
        """Wait until the collector has made one more round."""
        before = self.rest.json("/api/cluster/snapshot")["seq"]
        eventually(lambda: self.rest.json("/api/cluster/snapshot")["seq"] > before)

    def stop(self) -> None:
        """End it, however it fares."""
        self.rest.close()
        self.process.stop()


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """The product showing this machine."""
    product = Product(str(tmp_path_factory.mktemp("data")))
    product.start()
    yield product
    product.stop()
