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
#: Milliseconds in which a page has begun a request that is due, and the browser has reported it.
HEARD_MS = 300
#: Steps of the clock: after the first, data is overdue and the page asks why; after the second, it is stale.
STALE_SECONDS = (5, 2)
#: Seconds after which a page without push has begun to poll.
POLLS_SECONDS = (2, 2, 2)
#: Steps of the clock in which a page without push gives up an unanswered try (after 20 s) and tries again.
RECONNECTS_SECONDS = (9, 9, 9)
LIVE = "#freshness[data-state=live]"
#: Settings of a product that looks at its nodes once a second.
QUICK = {"COLLECTOR_SCRAPE_INTERVAL_SECONDS": "1", "CLUSTER_NAME": "lab"}

OpenContext = Callable[..., BrowserContext]
OpenPage = Callable[..., Page]

expect.set_options(timeout=WAIT_MS)


def live(page: Page, url: str) -> Page:
    """Open a page and wait until it is live."""
    page.goto(url)
    expect(page.locator(LIVE)).to_be_visible()
    return page


def fill_in(page: Page, user: str, password: str) -> None:
    """Fill in the form for signing in and send it."""
    page.fill("#user", user)
    page.fill("#password", password)
    page.press("#password", "Enter")


class Fleet(Stack):
    """Simulated nodes whose faults a test switches; ``product`` watches them."""

    product: LocalProduct

    def __init__(self, nodes: int, store: Valkey) -> None:
        super().__init__(store)
        self.write_rules("node_down: {for_seconds: 1}\n")
        self.control = self.start_simulator(nodes).origin

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


@pytest.fixture(scope="module")
def store() -> Iterator[Valkey]:
    """The Redis of the product and the fleet; who stops it starts it again."""
    with Valkey() as store:
        yield store


# Of a module, since what a session keeps runs on beside the tests that do not need it.
@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, store: Valkey) -> Iterator[Fleet]:
    """Twelve simulated nodes, all well at the start of a test that leaves them so."""
    with closing(Fleet(12, store)) as fleet:
        settings = {"TARGETS": str(fleet.targets), "COLLECTOR_RULES": fleet.env["COLLECTOR_RULES"]}
        folder = tmp_path_factory.mktemp("fleet")
        with local_product(folder, REDIS_URL=store.url, **QUICK, **settings) as fleet.product:
            eventually(lambda: set(fleet.statuses().values()) == {"online"}, within_seconds=60, what="all nodes online")
            yield fleet


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory, store: Valkey) -> Iterator[LocalProduct]:
    """The product showing this machine."""
    with local_product(tmp_path_factory.mktemp("data"), REDIS_URL=store.url, **QUICK) as product:
        yield product


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    """A cluster as the test draws it."""
    with Scene() as scene:
        yield scene


@pytest.fixture
def troubled(scene: Scene) -> Scene:
    """Fifty nodes: three are offline, and two critical alerts, one warning and one of severity info fire besides."""
    scene.show(50, "alerts")
    return scene


@pytest.fixture
def open_context(browser: Browser) -> Iterator[OpenContext]:
    """Makes a browser of its own with these options, in English if they do not say otherwise."""
    with ExitStack() as contexts:

        def make(**options: Any) -> BrowserContext:
            context = browser.new_context(**{"locale": "en-GB", **options})
            contexts.callback(close, context)
            return context

        yield make


def close(context: BrowserContext) -> None:
    """Close a browser, whatever its pages are waiting for."""
    for page in context.pages:
        page.unroute_all(behavior="ignoreErrors")
    context.close()


@pytest.fixture
def open_page(open_context: OpenContext) -> OpenPage:
    """Makes a page in a browser of its own with these options."""
    return lambda **options: open_context(**options).new_page()


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
