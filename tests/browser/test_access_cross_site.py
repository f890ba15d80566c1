"""A page of another origin in the browser of a signed-in user reads no data and changes nothing."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import requests
from playwright.sync_api import BrowserContext, Frame, Page, Request, WebSocket, expect
from playwright.sync_api import Error as PlaywrightError

from access.grant import READ
from contract.names import ALERTS_CHANNEL
from deploy.host.addresses import machine_addresses
from tests.browser.conftest import LIVE, OpenContext, sign_in
from tests.drivers.closed_stack import PASSWORD, ClosedStack, closed_stack
from tests.drivers.foreign_site import CLIENT, ForeignSite
from tests.drivers.replica import value_of
from tests.drivers.rest import Rest
from tests.drivers.serving import serving
from tests.drivers.waiting import eventually

#: Milliseconds after which an attempt without an answer counts as failed.
TIMEOUT_MS = 20_000
#: Makes every WebSocket of a page fail, as some proxies do.
NO_WEBSOCKETS = """window.WebSocket = class {
  constructor() { setTimeout(() => this.onerror(new Event("error"))); }
  close() {}
}"""
#: Headers with which browsers identify the page that sends a request.
SOURCE_HEADERS = ("origin", "sec-fetch-site", "referer")

#: Connects and collects packets until the connection is refused, delivers data, or is closed.
WEBSOCKET = """([origin, timeout, packets]) => new Promise((done) => {
  const got = [];
  const socket = new WebSocket(origin.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket");
  const end = (why) => { got.push(why); socket.close(); done(got); };
  setTimeout(end, timeout, "nothing more");
  socket.onopen = () => packets.forEach((packet) => socket.send(packet));
  socket.onmessage = ({ data }) => {
    if (data === "2") return socket.send("3");
    got.push(String(data));
    if (got.filter((each) => each.startsWith("44")).length === packets.length) end("refused");
    if (got.some((each) => each.includes("cluster_metrics"))) end("data");
  };
  socket.onclose = () => end("closed");
})"""

#: Socket.IO packets that connect to every namespace.
ALL_NAMESPACES = ["40", "40/monitoring,", "40/health,"]

#: Does the same with the client library.
SOCKET_IO = """([origin, timeout, transport]) => new Promise((done) => {
  const got = [];
  const socket = io(origin + "/monitoring", {
    transports: [transport], withCredentials: true, reconnection: false, forceNew: true,
  });
  const end = (why) => { got.push(why); socket.close(); done(got); };
  setTimeout(end, timeout, "nothing more");
  socket.onAny((name, data) => {
    got.push(name + JSON.stringify(data));
    if (name === "cluster_metrics") end("data");
  });
  socket.on("connect_error", (error) => end("refused: " + error.message));
})"""

FETCH = """async ([url, options]) => {
  try {
    const answer = await fetch(url, { credentials: "include", ...options });
    return [answer.type, answer.status, await answer.text()];
  } catch (error) {
    return [String(error)];
  }
}"""

#: Adds an element that loads a URL. Returns the event, the new globals, and the width of an image.
ELEMENT = """([tag, attribute, url, timeout]) => new Promise((done) => {
  setTimeout(done, timeout, ["nothing"]);
  const before = new Set(Object.keys(window));
  const element = document.createElement(tag);
  for (const kind of ["load", "error"]) {
    element.addEventListener(kind, () => done([kind, Object.keys(window).filter((name) => !before.has(name)),
      element.naturalWidth ?? 0]));
  }
  element[attribute] = url;
  document.body.append(element);
})"""

#: Submits a form into a frame of the page.
FORM = """([url, fields, encoding]) => {
  const [form, frame] = ["form", "iframe"].map((tag) => document.createElement(tag));
  frame.name = "sink" + frames.length;
  document.body.append(frame);
  Object.assign(form, { method: "post", action: url, enctype: encoding, target: frame.name });
  for (const [name, value] of Object.entries(fields)) {
    const field = document.createElement("input");
    Object.assign(field, { name, value });
    form.append(field);
  }
  document.body.append(form);
  form.submit();
}"""


@dataclass
class Deployment:
    """The product at an origin, and the port of its ws replica."""

    origin: str
    replica: Rest
    token: str

    def get(self, url: str) -> requests.Response:
        """Send a request with a valid token."""
        return requests.get(url, headers={"Authorization": f"Bearer {self.token}"}, timeout=30)

    def refused_origins(self) -> float:
        """Return the number of requests refused for their origin."""
        return value_of("ws_refused_origins_total", self.get(f"{self.replica.origin}/metrics").text)

    def secrets(self) -> list[str]:
        """Return texts that occur only in the data."""
        nodes = self.get(f"{self.origin}/api/cluster/nodes").json()
        return [*(node["node"] for node in nodes), "cluster_stats", "overall_status"] if nodes else []


@pytest.fixture(scope="module")
def stack() -> Iterator[ClosedStack]:
    with closed_stack() as stack:
        stack.start_simulator(2)
        stack.start_collector()
        yield stack


@pytest.fixture(scope="module")
def token(stack: ClosedStack) -> str:
    return stack.add_token("watcher", READ)


def start_deployment(stack: ClosedStack, token: str, **env: str) -> Deployment:
    gateway = stack.start_gateway(stack.start_api(TRUSTED_PROXIES="peer"), **env)
    deployment = Deployment(gateway.origin, stack.rest(int(stack.gateway.env["WS_PORT"])), token)
    eventually(deployment.secrets, within_seconds=30, what="data of the nodes")
    return deployment


@pytest.fixture(scope="module")
def strict(stack: ClosedStack, token: str) -> Deployment:
    return start_deployment(stack, token)


@pytest.fixture(scope="module")
def lenient(stack: ClosedStack, token: str) -> Deployment:
    """A deployment where pages of all origins may connect, but without cookies."""
    return start_deployment(stack, token, WS_ALLOWED_ORIGINS="*")


@pytest.fixture(scope="module")
def foreign() -> Iterator[ForeignSite]:
    with serving(ForeignSite()) as site:
        yield site


@pytest.fixture
def context(open_context: OpenContext) -> BrowserContext:
    return open_context()


@pytest.fixture(params=["127.0.0.1", "localhost"], ids=["same host, other port", "other host"])
def foreign_page(request: pytest.FixtureRequest, foreign: ForeignSite, context: BrowserContext) -> Page:
    """A page of another origin. The first is of the same site, so the browser sends cookies with its requests."""
    page = context.new_page()
    page.goto(foreign.origin(request.param))
    return page


class SignedInUser:
    """A signed-in user with a live page."""

    def __init__(self, context: BrowserContext, deployment: Deployment) -> None:
        self._deployment = deployment
        self.connections = 0
        self.tab = context.new_page()
        self.tab.goto(deployment.origin + "/monitoring")
        self.tab.on("websocket", self._count)
        sign_in(self.tab, "ada", PASSWORD)
        expect(self.tab.locator(LIVE)).to_be_visible()

    def _count(self, _: WebSocket) -> None:
        self.connections += 1

    def require_undisturbed(self) -> None:
        """Check that the user is still signed in and the page is live over the same connection."""
        expect(self.tab.locator(LIVE)).to_be_visible()
        assert self.connections == 1
        session = self.tab.evaluate(FETCH, [self._deployment.origin + "/api/session", {}])
        assert session[1] == 200
        assert '"user":"ada"' in session[2]


def require_no_data(deployment: Deployment, got: object) -> None:
    """Check that ``got`` contains no data."""
    assert not [secret for secret in deployment.secrets() if secret in str(got)], got


def is_error_page(frame: Frame) -> bool:
    """Whether the browser shows an error page in a frame."""
    frame.page.wait_for_timeout(50)  # Playwright delivers the events of the browser meanwhile
    return frame.url.startswith("chrome-error:")


def test_attempts_of_foreign_pages_succeed_from_the_products_own_page(
    strict: Deployment, context: BrowserContext
) -> None:
    # Given a page of the product itself, where the attempts must succeed
    user = SignedInUser(context, strict)
    user.require_undisturbed()
    home = user.tab
    home.evaluate(CLIENT.read_text())

    assert home.evaluate(WEBSOCKET, [strict.origin, TIMEOUT_MS, ALL_NAMESPACES])[-1] == "data"
    for transport in ("websocket", "polling"):
        got = home.evaluate(SOCKET_IO, [strict.origin, TIMEOUT_MS, transport])
        assert got[-1] == "data", got
        assert [secret for secret in strict.secrets() if secret in str(got)]
    kind, status, text = home.evaluate(FETCH, [strict.origin + "/api/cluster/snapshot", {}])
    assert (kind, status) == ("basic", 200)
    assert [secret for secret in strict.secrets() if secret in text]
    assert home.evaluate(ELEMENT, ["script", "src", strict.origin + "/static/dashboard.js", TIMEOUT_MS])[0] == "load"
    assert home.evaluate(ELEMENT, ["img", "src", strict.origin + "/static/favicon.svg", TIMEOUT_MS])[0] == "load"


def test_polling_browser_stays_signed_in_over_plain_http(
    stack: ClosedStack, token: str, open_context: OpenContext
) -> None:
    # Given a browser that can only poll, at a LAN address
    deployment = start_deployment(stack, token, PUBLIC_HOST="0.0.0.0")
    address = next(iter(machine_addresses(with_ipv6=False)), "127.0.0.2")
    origin = deployment.origin.replace("127.0.0.1", address)
    context = open_context()
    context.add_init_script(NO_WEBSOCKETS)
    polls: list[Request] = []
    tab = context.new_page()
    tab.on("request", lambda request: polls.append(request) if "/socket.io/" in request.url else None)
    # When a user signs in
    tab.goto(origin + "/monitoring")
    sign_in(tab, "ada", PASSWORD)
    expect(tab.locator(LIVE)).to_be_visible()
    # Then the page is live, also after a reload
    tab.reload()
    expect(tab.locator(LIVE)).to_be_visible()
    handshakes = [poll.all_headers() for poll in polls if "sid=" not in poll.url]
    assert len(handshakes) >= 2
    assert all("transport=polling" in poll.url for poll in polls)
    if not address.startswith("127."):
        # The browser sends only this header about the page.
        sent = [{name for name in headers if name in SOURCE_HEADERS} for headers in handshakes]
        assert sent == [{"referer"}] * len(handshakes)


def test_foreign_page_gets_no_socket(strict: Deployment, context: BrowserContext, foreign_page: Page) -> None:
    user = SignedInUser(context, strict)
    before = strict.refused_origins()

    assert foreign_page.evaluate(WEBSOCKET, [strict.origin, TIMEOUT_MS, ALL_NAMESPACES]) == ["closed"]
    for transport in ("websocket", "polling"):
        (got,) = foreign_page.evaluate(SOCKET_IO, [strict.origin, TIMEOUT_MS, transport])
        assert got.startswith("refused: "), got

    assert strict.refused_origins() >= before + 3
    user.require_undisturbed()


def test_foreign_page_gets_a_socket_without_data_when_all_origins_are_allowed(
    lenient: Deployment, context: BrowserContext, foreign_page: Page
) -> None:
    user = SignedInUser(context, lenient)

    opened, *refusals, end = foreign_page.evaluate(WEBSOCKET, [lenient.origin, TIMEOUT_MS, ALL_NAMESPACES])
    assert opened.startswith("0{")
    assert end == "refused"
    assert len(refusals) == 3
    assert all('"sign_in_required"' in refusal for refusal in refusals)
    for transport in ("websocket", "polling"):
        got = foreign_page.evaluate(SOCKET_IO, [lenient.origin, TIMEOUT_MS, transport])
        # The browser hides responses to polls with cookies from the page.
        assert got == ["refused: Please sign in." if transport == "websocket" else "refused: xhr poll error"]
    # A token is accepted, as from any program.
    with_token = [f'40{{"token":"{lenient.token}"}}']
    assert foreign_page.evaluate(WEBSOCKET, [lenient.origin, TIMEOUT_MS, with_token])[-1] == "data"

    assert lenient.refused_origins() == 0
    user.require_undisturbed()


def test_foreign_page_reads_nothing(strict: Deployment, context: BrowserContext, foreign_page: Page) -> None:
    user = SignedInUser(context, strict)
    paths = ("/api/cluster/snapshot", "/api/session", "/api/health", "/metrics", "/", "/nodes", "/api/nowhere")
    for path in paths:
        assert foreign_page.evaluate(FETCH, [strict.origin + path, {}]) == ["TypeError: Failed to fetch"], path
        assert foreign_page.evaluate(FETCH, [strict.origin + path, {"mode": "no-cors"}]) == ["opaque", 0, ""], path
        asked = {"method": "POST", "headers": {"Content-Type": "application/json"}, "body": "{}"}
        assert foreign_page.evaluate(FETCH, [strict.origin + path, asked]) == ["TypeError: Failed to fetch"], path
    for path in (*paths, "/socket.io/?EIO=4&transport=polling"):
        for tag, attribute in (("script", "src"), ("img", "src")):
            got = foreign_page.evaluate(ELEMENT, [tag, attribute, strict.origin + path, TIMEOUT_MS])
            assert got == ["error", [], 0], (tag, path)
    for path in ("/", "/login", "/api/cluster/snapshot"):
        foreign_page.evaluate(ELEMENT, ["iframe", "src", strict.origin + path, TIMEOUT_MS])
        eventually(lambda: is_error_page(foreign_page.frames[-1]), what=f"{path} refuses to be framed")
        require_no_data(strict, foreign_page.frames[-1].content())
    # The page can open a window of the product but cannot read the window.
    with context.expect_page() as opened:
        foreign_page.evaluate("url => { window.opened = open(url); }", strict.origin + "/monitoring")
    expect(opened.value.locator(LIVE)).to_be_visible()
    for expression in ("opened.document.body.innerText", "opened.location.href", "opened.document.cookie"):
        with pytest.raises(PlaywrightError, match=r"SecurityError|cross-origin"):
            foreign_page.evaluate(expression)
    require_no_data(strict, foreign_page.content())
    user.require_undisturbed()


@pytest.mark.parametrize("encoding", ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"])
def test_form_of_a_foreign_page_changes_nothing(
    strict: Deployment, context: BrowserContext, foreign_page: Page, stack: ClosedStack, encoding: str
) -> None:
    user = SignedInUser(context, strict)
    csrf = user.tab.locator("#sign-out input[name=csrf]").get_attribute("value")
    assert csrf
    redis = stack.redis()
    pubsub = redis.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
    pubsub.subscribe(ALERTS_CHANNEL)
    # Even forms that know the CSRF token and the password change nothing.
    for path, fields in (
        ("/logout", {"csrf": csrf}),
        ("/logout", {}),
        ("/login", {"csrf": csrf, "user": "ada", "password": PASSWORD}),
        (f"/api/publish/{ALERTS_CHANNEL}", {"csrf": csrf, "stranger": "1"}),
    ):
        with foreign_page.expect_response(lambda response: response.request.method == "POST") as answer:
            foreign_page.evaluate(FORM, [strict.origin + path, fields, encoding])
        # Without cookies the form has no session; with cookies it is refused for its origin.
        with_cookies = foreign_page.url.startswith("http://127.0.0.1")
        assert answer.value.status in ((400, 403) if with_cookies else (303, 400, 401, 403)), path
        asked = {"method": "POST", "mode": "no-cors", "body": "&".join(f"{k}={v}" for k, v in fields.items())}
        assert foreign_page.evaluate(FETCH, [strict.origin + path, asked]) == ["opaque", 0, ""], path
        user.require_undisturbed()
    redis.publish(ALERTS_CHANNEL, '{"last":1}')
    messages: list[bytes] = []

    def is_last() -> bool:
        message = pubsub.get_message(timeout=1)
        messages.extend([message["data"]] if message else [])
        return b'{"last":1}' in messages

    eventually(is_last, what="the last publication")
    assert not [each for each in messages if b"stranger" in each]
    pubsub.close()
    redis.close()
