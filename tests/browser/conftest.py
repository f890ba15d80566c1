import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Page, WebSocket

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


class Fleet:
    """Simulated nodes whose faults a test switches, and the product that watches them."""

    def __init__(self, folder: Path, nodes: int, **env: str) -> None:
        targets, rules, control = folder / "nodes.yaml", folder / "alerts.yaml", free_port()
        rules.write_text("node_down: {for_seconds: 1}\n")
        self.simulator = python(
            "simulator", "simulator", "--nodes", str(nodes), "--port", "0", "--control-port", str(control),
            "--write-targets", str(targets),
        )  # fmt: skip
        self.control = f"http://127.0.0.1:{control}"
        self.product = Product(
            str(folder / "data"), TARGETS=str(targets), COLLECTOR_RULES=str(rules),
            COLLECTOR_SCRAPE_INTERVAL_SECONDS="1", **env,
        )  # fmt: skip
        self._targets = targets

    def start(self) -> None:
        """Start both and wait for data of every node."""
        self.simulator.start()
        eventually(self._targets.exists, within_seconds=60, what="the simulator's targets file")
        self.product.start()
        eventually(lambda: set(self.statuses().values()) == {"online"}, within_seconds=60, what="all nodes online")

    def statuses(self) -> dict[str, str]:
        """Status by node."""
        return {node["node"]: node["status"] for node in self.product.rest.json("/api/cluster/snapshot")["nodes"]}

    def fault(self, node: str, fault: str) -> None:
        """Switch a fault of a node."""
        answer = requests.put(f"{self.control}/nodes/{node}/fault", data=fault, timeout=10)
        assert answer.status_code == 204, answer.text

    def stop(self) -> None:
        """End both, however they fare."""
        self.product.stop()
        self.simulator.stop()


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Twelve simulated nodes, all well at the start of a test that leaves them so."""
    fleet = Fleet(tmp_path_factory.mktemp("fleet"), 12)
    fleet.start()
    yield fleet
    fleet.stop()


class Frames:
    """What a page sends and gets over its WebSockets."""

    def __init__(self, page: Page) -> None:
        self.sent: list[str] = []
        self.received: list[str] = []

        def follow(socket: WebSocket) -> None:
            socket.on("framesent", lambda frame: self.sent.append(str(frame)))
            socket.on("framereceived", lambda frame: self.received.append(str(frame)))

        page.on("websocket", follow)

    def events(self, name: str) -> list[str]:
        """The frames received that carry an event of that name."""
        return [frame for frame in self.received if f'["{name}"' in frame]

    def subscribed(self) -> list[str]:
        """The nodes of the last subscription that names any; empty before it."""
        asked = [frame for frame in self.sent if '"subscribe_to_updates"' in frame and '"nodes":[' in frame]
        names: list[str] = json.loads(asked[-1][asked[-1].index("[") :])[1]["nodes"] if asked else []
        return names


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """The product showing this machine."""
    product = Product(str(tmp_path_factory.mktemp("data")))
    product.start()
    yield product
    product.stop()
