import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Page, Request, WebSocket, expect

from tests.browser.scene import Scene
from tests.drivers.ports import free_port, inner_ports
from tests.drivers.process import Process, python
from tests.drivers.rest import Rest
from tests.drivers.valkey import Valkey
from tests.drivers.waiting import eventually

WAIT_MS = 120_000
#: Milliseconds in which a page has begun a request that is due, and the browser has reported it.
HEARD_MS = 300
#: Steps of the clock: after the first, data is overdue and the page asks why; after the second, it is stale.
STALE_SECONDS = (5, 2)
#: Seconds after which a page without push has begun to poll.
POLLS_SECONDS = (2, 2, 2)
#: Steps of the clock in which a page without push gives up an unanswered try (after 20 s) and tries again.
RECONNECTS_SECONDS = (9, 9, 9)

expect.set_options(timeout=WAIT_MS)


class Product:
    """The product as ``make run`` starts it, in a folder of its own."""

    def __init__(self, folder: str, **env: str) -> None:
        self.port = free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        self.process: Process = python(
            "run",
            "deploy.local",
            env={"PORT": str(self.port), **inner_ports(), "DATA_DIR": folder, "CLUSTER_NAME": "lab", **env},
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

    def __init__(self, folder: Path, nodes: int, store: Valkey) -> None:
        self.store = store
        targets, rules, control = folder / "nodes.yaml", folder / "alerts.yaml", free_port()
        rules.write_text("node_down: {for_seconds: 1}\n")
        self.simulator = python(
            "simulator", "simulator", "--nodes", str(nodes), "--port", "0", "--control-port", str(control),
            "--write-targets", str(targets),
        )  # fmt: skip
        self.control = f"http://127.0.0.1:{control}"
        self.product = Product(
            str(folder / "data"), TARGETS=str(targets), COLLECTOR_RULES=str(rules),
            COLLECTOR_SCRAPE_INTERVAL_SECONDS="1", REDIS_URL=store.url,
        )  # fmt: skip
        self.targets = targets

    def start(self) -> None:
        """Start both and wait for data of every node."""
        self.simulator.start()
        eventually(self.targets.exists, within_seconds=60, what="the simulator's targets file")
        self.product.start()
        eventually(lambda: set(self.statuses().values()) == {"online"}, within_seconds=60, what="all nodes online")

    def statuses(self) -> dict[str, str]:
        """Status by node."""
        return {node["node"]: node["status"] for node in self.product.rest.json("/api/cluster/snapshot")["nodes"]}

    def fault(self, node: str, fault: str) -> None:
        """Switch a fault of a node."""
        answer = requests.put(f"{self.control}/nodes/{node}/fault", data=fault, timeout=10)
        assert answer.status_code == 204, answer.text

    @contextmanager
    def listing(self, text: str) -> Iterator[None]:
        """Let the targets file say something else for a while."""
        before = self.targets.read_text()
        self.targets.write_text(text)
        try:
            yield
        finally:
            self.targets.write_text(before)

    def stop(self) -> None:
        """End both, however they fare."""
        self.product.stop()
        self.simulator.stop()


@pytest.fixture(scope="module")
def store() -> Iterator[Valkey]:
    """The Redis of the product and the fleet; who stops it starts it again."""
    store = Valkey()
    store.start()
    yield store
    store.stop()


# Of a module, since what a session keeps runs on beside the tests that do not need it.
@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, store: Valkey) -> Iterator[Fleet]:
    """Twelve simulated nodes, all well at the start of a test that leaves them so."""
    fleet = Fleet(tmp_path_factory.mktemp("fleet"), 12, store)
    try:
        fleet.start()
        yield fleet
    finally:
        fleet.stop()


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory, store: Valkey) -> Iterator[Product]:
    """The product showing this machine."""
    product = Product(str(tmp_path_factory.mktemp("data")), REDIS_URL=store.url, COLLECTOR_SCRAPE_INTERVAL_SECONDS="1")
    try:
        product.start()
        yield product
    finally:
        product.stop()


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    """A cluster as the test draws it."""
    scene = Scene()
    try:
        scene.start()
        yield scene
    finally:
        scene.close()


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
        """The nodes of the last subscription that names any, in a handshake or after it; empty before it."""
        asked = [frame for frame in self.sent if '"subscribe' in frame and '"nodes":[' in frame]
        if not asked:
            return []
        said, _ = json.JSONDecoder().raw_decode(asked[-1], asked[-1].index("{"))
        names: list[str] = said.get("subscribe", said)["nodes"]
        return names


class Asked:
    """What a page asks for from now on, WebSockets included; static files, as the icon of its tab, are open to all."""

    def __init__(self, page: Page) -> None:
        self.urls: list[str] = []

        def note(request: Request) -> None:
            if "/static/" not in request.url:
                self.urls.append(request.url)

        self._page = page
        page.on("request", note)
        page.on("websocket", lambda socket: self.urls.append(socket.url))

    def of(self, path: str) -> list[str]:
        """Those of that path."""
        return [url for url in self.urls if path in url]

    def wait_for(self, path: str) -> None:
        """Wait until it asks for that path."""

        def has_asked() -> bool:
            self._page.wait_for_timeout(50)  # what the browser tells is heard in the meantime
            return self.of(path) != []

        eventually(has_asked, what=path)


def let_pass(page: Page, *seconds: float) -> None:
    """Put the installed clock of a page forward, in steps between which it hears answers and is heard."""
    for each in seconds:
        page.clock.run_for(1000 * each)
        page.wait_for_timeout(HEARD_MS)
