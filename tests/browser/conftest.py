import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Page, Request, WebSocket, expect

from tests.browser.scene import Scene
from tests.drivers.local_product import LocalProduct, local_product
from tests.drivers.stack import Stack
from tests.drivers.valkey import Valkey
from tests.drivers.waiting import eventually

WAIT_MS = 120_000
#: Milliseconds in which a page sends a due request and the browser reports the request.
REPORT_MS = 300
#: Steps of the clock. After the first, the page asks why data is overdue. After the second, data is stale.
STALE_SECONDS = (5, 2)
#: Steps of the clock after which a page without push polls.
POLL_START_SECONDS = (2, 2, 2)
#: Steps of the clock in which a page without push gives up an unanswered attempt (after 20 s) and tries again.
RECONNECT_SECONDS = (9, 9, 9)
LIVE = "#freshness[data-state=live]"
#: Settings of a product that scrapes its nodes every second.
FAST_SETTINGS = {"COLLECTOR_SCRAPE_INTERVAL_SECONDS": "1", "CLUSTER_NAME": "lab"}

OpenContext = Callable[..., BrowserContext]
OpenPage = Callable[..., Page]

expect.set_options(timeout=WAIT_MS)


def open_live(page: Page, url: str) -> Page:
    """Open an address and wait until the page is live."""
    page.goto(url)
    expect(page.locator(LIVE)).to_be_visible()
    return page


def sign_in(page: Page, user: str, password: str) -> None:
    """Fill in and send the sign-in form."""
    page.fill("#user", user)
    page.fill("#password", password)
    page.press("#password", "Enter")


class Fleet(Stack):
    """Simulated nodes that ``product`` scrapes. A test switches their faults."""

    product: LocalProduct

    def __init__(self, nodes: int, store: Valkey) -> None:
        super().__init__(store)
        self.write_rules("node_down: {for_seconds: 1}\n")
        self.control = self.start_simulator(nodes).origin

    def statuses(self) -> dict[str, str]:
        """Return the status of each node."""
        return {node["node"]: node["status"] for node in self.product.rest.json("/api/cluster/snapshot")["nodes"]}

    def fault(self, node: str, fault: str) -> None:
        """Set the fault of a node; ``none`` clears it."""
        answer = requests.put(f"{self.control}/nodes/{node}/fault", data=fault, timeout=10)
        assert answer.status_code == 204, answer.text

    @contextmanager
    def with_targets(self, text: str) -> Iterator[None]:
        """Replace the targets file for a while."""
        before = self.targets.read_text()
        self.targets.write_text(text)
        try:
            yield
        finally:
            self.targets.write_text(before)


@pytest.fixture(scope="module")
def store() -> Iterator[Valkey]:
    """The Redis of the product and the fleet. A test that stops it must start it again."""
    with Valkey() as store:
        yield store


# Module scope: a fixture of the session would keep running during other tests.
@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, store: Valkey) -> Iterator[Fleet]:
    """Twelve healthy simulated nodes. A test must clear the faults that it sets."""
    with closing(Fleet(12, store)) as fleet:
        settings = {"TARGETS": str(fleet.targets), "COLLECTOR_RULES": fleet.env["COLLECTOR_RULES"]}
        folder = tmp_path_factory.mktemp("fleet")
        with local_product(folder, REDIS_URL=store.url, **FAST_SETTINGS, **settings) as fleet.product:
            eventually(lambda: set(fleet.statuses().values()) == {"online"}, within_seconds=60, what="all nodes online")
            yield fleet


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory, store: Valkey) -> Iterator[LocalProduct]:
    """The product, which scrapes this machine."""
    with local_product(tmp_path_factory.mktemp("data"), REDIS_URL=store.url, **FAST_SETTINGS) as product:
        yield product


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    """A cluster that the test defines."""
    with Scene() as scene:
        yield scene


@pytest.fixture
def troubled(scene: Scene) -> Scene:
    """Fifty nodes, three of them offline, with two critical alerts, one warning and one info alert besides."""
    scene.show(50, "alerts")
    return scene


@pytest.fixture
def open_context(browser: Browser) -> Iterator[OpenContext]:
    """Open browser contexts with the given options, in English by default."""
    with ExitStack() as contexts:

        def make(**options: Any) -> BrowserContext:
            context = browser.new_context(**{"locale": "en-GB", **options})
            contexts.callback(close, context)
            return context

        yield make


def close(context: BrowserContext) -> None:
    """Close a browser context, even if its pages wait for responses."""
    for page in context.pages:
        page.unroute_all(behavior="ignoreErrors")
    context.close()


@pytest.fixture
def open_page(open_context: OpenContext) -> OpenPage:
    """Open a page in its own browser context with the given options."""
    return lambda **options: open_context(**options).new_page()


class WebSocketFrames:
    """The WebSocket frames that a page sends and receives."""

    def __init__(self, page: Page) -> None:
        self.sent: list[str] = []
        self.received: list[str] = []

        def follow(socket: WebSocket) -> None:
            socket.on("framesent", lambda frame: self.sent.append(str(frame)))
            socket.on("framereceived", lambda frame: self.received.append(str(frame)))

        page.on("websocket", follow)

    def events(self, name: str) -> list[str]:
        """Return the received frames with the event ``name``."""
        return [frame for frame in self.received if f'["{name}"' in frame]

    def subscribed(self) -> list[str]:
        """Return the nodes of the last subscription that names nodes, in a handshake or later; empty before."""
        subscriptions = [frame for frame in self.sent if '"subscribe' in frame and '"nodes":[' in frame]
        if not subscriptions:
            return []
        payload, _ = json.JSONDecoder().raw_decode(subscriptions[-1], subscriptions[-1].index("{"))
        names: list[str] = payload.get("subscribe", payload)["nodes"]
        return names


class RequestLog:
    """The URLs that a page requests from now on, including WebSockets and without static files."""

    def __init__(self, page: Page) -> None:
        self.urls: list[str] = []

        def note(request: Request) -> None:
            if "/static/" not in request.url:
                self.urls.append(request.url)

        self._page = page
        page.on("request", note)
        page.on("websocket", lambda socket: self.urls.append(socket.url))

    def of(self, path: str) -> list[str]:
        """Return the URLs that contain ``path``."""
        return [url for url in self.urls if path in url]

    def wait_for(self, path: str) -> None:
        """Wait until the page requests ``path``."""

        def has_asked() -> bool:
            self._page.wait_for_timeout(50)  # Playwright delivers the events of the browser meanwhile
            return self.of(path) != []

        eventually(has_asked, what=path)


def advance_clock(page: Page, *seconds: float) -> None:
    """Advance the installed clock of a page in steps, with time for requests and responses after each step."""
    for each in seconds:
        page.clock.run_for(1000 * each)
        page.wait_for_timeout(REPORT_MS)
