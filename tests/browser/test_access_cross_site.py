"""A page of another origin, open in the browser of somebody who is signed in, gets nothing and changes nothing."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import requests
from playwright.sync_api import BrowserContext, Frame, Page, Request, WebSocket, expect
from playwright.sync_api import Error as PlaywrightError

from access.grant import READ
from contract.names import ALERTS_CHANNEL
from deploy.host.addresses import machine_addresses
from tests.browser.conftest import LIVE, OpenContext, fill_in
from tests.drivers.closed_stack import PASSWORD, ClosedStack, closed_stack
from tests.drivers.foreign_site import CLIENT, ForeignSite
from tests.drivers.replica import value_of
from tests.drivers.rest import Rest
from tests.drivers.serving import serving
from tests.drivers.waiting import eventually

#: Milliseconds after which an attempt that nothing answers has got nothing.
GIVE_UP_MS = 20_000
#: Has every WebSocket of a page fail, as behind some proxies.
NO_WEBSOCKETS = """window.WebSocket = class {
  constructor() { setTimeout(() => this.onerror(new Event("error"))); }
  close() {}
}"""
#: Headers in which browsers say whose page asks.
SIGNS = ("origin", "sec-fetch-site", "referer")

#: Connects as a stranger's page would, and takes what comes, until it is refused, has data, or is cut off.
WEBSOCKET = """([origin, patience, packets]) => new Promise((done) => {
  const got = [];
  const socket = new WebSocket(origin.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket");
  const end = (why) => { got.push(why); socket.close(); done(got); };
  setTimeout(end, patience, "nothing more");
  socket.onopen = () => packets.forEach((packet) => socket.send(packet));
  socket.onmessage = ({ data }) => {
    if (data === "2") return socket.send("3");
    got.push(String(data));
    if (got.filter((each) => each.startsWith("44")).length === packets.length) end("refused");
    if (got.some((each) => each.includes("cluster_metrics"))) end("data");
  };
  socket.onclose = () => end("closed");
})"""

#: Asks for every namespace.
EVERY = ["40", "40/monitoring,", "40/health,"]

#: The same by the client library; ``transports`` as it takes them.
SOCKET_IO = """([origin, patience, transport]) => new Promise((done) => {
  const got = [];
  const socket = io(origin + "/monitoring", {
    transports: [transport], withCredentials: true, reconnection: false, forceNew: true,
  });
  const end = (why) => { got.push(why); socket.close(); done(got); };
  setTimeout(end, patience, "nothing more");
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

#: Puts an element into the page that loads something; what becomes of it, and what it left.
ELEMENT = """([tag, attribute, url, patience]) => new Promise((done) => {
  setTimeout(done, patience, ["nothing"]);
  const before = new Set(Object.keys(window));
  const element = document.createElement(tag);
  for (const kind of ["load", "error"]) {
    element.addEventListener(kind, () => done([kind, Object.keys(window).filter((name) => !before.has(name)),
      element.naturalWidth ?? 0]));
  }
  element[attribute] = url;
  document.body.append(element);
})"""

#: Sends a form, as people would by a click, into a frame of the page.
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
class Place:
    """The product under one origin, and its push replica's own port."""

    origin: str
    replica: Rest
    token: str

    def ask(self, url: str) -> requests.Response:
        """Ask as somebody who may."""
        return requests.get(url, headers={"Authorization": f"Bearer {self.token}"}, timeout=30)

    def refused_origins(self) -> float:
        """Requests refused for their origin."""
        return value_of("ws_refused_origins_total", self.ask(f"{self.replica.origin}/metrics").text)

    def marks(self) -> list[str]:
        """What stands in the data and nowhere else."""
        nodes = self.ask(f"{self.origin}/api/cluster/nodes").json()
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


def started(stack: ClosedStack, token: str, **env: str) -> Place:
    gateway = stack.start_gateway(stack.start_api(TRUSTED_PROXIES="peer"), **env)
    place = Place(gateway.origin, stack.rest(int(stack.gateway.env["WS_PORT"])), token)
    eventually(place.marks, within_seconds=30, what="data of the nodes")
    return place


@pytest.fixture(scope="module")
def strict(stack: ClosedStack, token: str) -> Place:
    return started(stack, token)


@pytest.fixture(scope="module")
def lenient(stack: ClosedStack, token: str) -> Place:
    """Pages of all origins may connect here, and none of them with its visitor's cookies."""
    return started(stack, token, WS_ALLOWED_ORIGINS="*")


@pytest.fixture(scope="module")
def foreign() -> Iterator[ForeignSite]:
    with serving(ForeignSite()) as site:
        yield site


@pytest.fixture
def context(open_context: OpenContext) -> BrowserContext:
    return open_context()


@pytest.fixture(params=["127.0.0.1", "localhost"], ids=["same host, other port", "other host"])
def evil(request: pytest.FixtureRequest, foreign: ForeignSite, context: BrowserContext) -> Page:
    """A page of another origin. From the first the browser sends cookies along: it is of the same site."""
    page = context.new_page()
    page.goto(foreign.origin(request.param))
    return page


class Victim:
    """Somebody who is signed in, looking at a page that is live."""

    def __init__(self, context: BrowserContext, place: Place) -> None:
        self._place = place
        self.connections = 0
        self.tab = context.new_page()
        self.tab.goto(place.origin + "/monitoring")
        self.tab.on("websocket", self._count)
        fill_in(self.tab, "ada", PASSWORD)
        expect(self.tab.locator(LIVE)).to_be_visible()

    def _count(self, _: WebSocket) -> None:
        self.connections += 1

    def require_undisturbed(self) -> None:
        """Check that he is signed in, and his page is live over the connection that it had."""
        expect(self.tab.locator(LIVE)).to_be_visible()
        assert self.connections == 1
        session = self.tab.evaluate(FETCH, [self._place.origin + "/api/session", {}])
        assert session[1] == 200
        assert '"user":"ada"' in session[2]


def require_nothing(place: Place, got: object) -> None:
    """Check that what a page got holds none of the data."""
    assert not [mark for mark in place.marks() if mark in str(got)], got


def is_refused(frame: Frame) -> bool:
    """Whether the browser shows an error in place of a frame's page."""
    frame.page.wait_for_timeout(50)  # what the browser tells is heard in the meantime
    return frame.url.startswith("chrome-error:")


def test_what_other_pages_try_works_from_our_own(strict: Place, context: BrowserContext) -> None:
    # Given the attempts are ones that get data, where they may
    victim = Victim(context, strict)
    victim.require_undisturbed()
    home = victim.tab
    home.evaluate(CLIENT.read_text())

    assert home.evaluate(WEBSOCKET, [strict.origin, GIVE_UP_MS, EVERY])[-1] == "data"
    for transport in ("websocket", "polling"):
        got = home.evaluate(SOCKET_IO, [strict.origin, GIVE_UP_MS, transport])
        assert got[-1] == "data", got
        assert [mark for mark in strict.marks() if mark in str(got)]
    kind, status, text = home.evaluate(FETCH, [strict.origin + "/api/cluster/snapshot", {}])
    assert (kind, status) == ("basic", 200)
    assert [mark for mark in strict.marks() if mark in text]
    assert home.evaluate(ELEMENT, ["script", "src", strict.origin + "/static/dashboard.js", GIVE_UP_MS])[0] == "load"
    assert home.evaluate(ELEMENT, ["img", "src", strict.origin + "/static/favicon.svg", GIVE_UP_MS])[0] == "load"


def test_visitor_who_polls_over_plain_http_stays_signed_in(
    stack: ClosedStack, token: str, open_context: OpenContext
) -> None:
    # Given a browser that can only poll, at an address of the LAN
    place = started(stack, token, PUBLIC_HOST="0.0.0.0")
    address = next(iter(machine_addresses(with_ipv6=False)), "127.0.0.2")
    origin = place.origin.replace("127.0.0.1", address)
    context = open_context()
    context.add_init_script(NO_WEBSOCKETS)
    polls: list[Request] = []
    tab = context.new_page()
    tab.on("request", lambda request: polls.append(request) if "/socket.io/" in request.url else None)
    # When somebody signs in
    tab.goto(origin + "/monitoring")
    fill_in(tab, "ada", PASSWORD)
    expect(tab.locator(LIVE)).to_be_visible()
    # Then the page is live, and again after a reload
    tab.reload()
    expect(tab.locator(LIVE)).to_be_visible()
    handshakes = [poll.all_headers() for poll in polls if "sid=" not in poll.url]
    assert len(handshakes) >= 2
    assert all("transport=polling" in poll.url for poll in polls)
    if not address.startswith("127."):
        # All that the browser says of the page is this.
        said = [{name for name in headers if name in SIGNS} for headers in handshakes]
        assert said == [{"referer"}] * len(handshakes)


def test_other_page_gets_no_socket(strict: Place, context: BrowserContext, evil: Page) -> None:
    victim = Victim(context, strict)
    before = strict.refused_origins()

    assert evil.evaluate(WEBSOCKET, [strict.origin, GIVE_UP_MS, EVERY]) == ["closed"]
    for transport in ("websocket", "polling"):
        (got,) = evil.evaluate(SOCKET_IO, [strict.origin, GIVE_UP_MS, transport])
        assert got.startswith("refused: "), got

    assert strict.refused_origins() >= before + 3
    victim.require_undisturbed()


def test_other_page_gets_a_socket_that_shows_nothing_where_all_origins_may_connect(
    lenient: Place, context: BrowserContext, evil: Page
) -> None:
    victim = Victim(context, lenient)

    opened, *refusals, end = evil.evaluate(WEBSOCKET, [lenient.origin, GIVE_UP_MS, EVERY])
    assert opened.startswith("0{")
    assert end == "refused"
    assert len(refusals) == 3
    assert all('"sign_in_required"' in refusal for refusal in refusals)
    for transport in ("websocket", "polling"):
        got = evil.evaluate(SOCKET_IO, [lenient.origin, GIVE_UP_MS, transport])
        # The browser itself keeps from the page what it polls for with cookies.
        assert got == ["refused: Please sign in." if transport == "websocket" else "refused: xhr poll error"]
    # Whoever has a token is let in like any program.
    with_token = [f'40{{"token":"{lenient.token}"}}']
    assert evil.evaluate(WEBSOCKET, [lenient.origin, GIVE_UP_MS, with_token])[-1] == "data"

    assert lenient.refused_origins() == 0
    victim.require_undisturbed()


def test_other_page_reads_nothing(strict: Place, context: BrowserContext, evil: Page) -> None:
    victim = Victim(context, strict)
    paths = ("/api/cluster/snapshot", "/api/session", "/api/health", "/metrics", "/", "/nodes", "/api/nowhere")
    for path in paths:
        assert evil.evaluate(FETCH, [strict.origin + path, {}]) == ["TypeError: Failed to fetch"], path
        assert evil.evaluate(FETCH, [strict.origin + path, {"mode": "no-cors"}]) == ["opaque", 0, ""], path
        asked = {"method": "POST", "headers": {"Content-Type": "application/json"}, "body": "{}"}
        assert evil.evaluate(FETCH, [strict.origin + path, asked]) == ["TypeError: Failed to fetch"], path
    for path in (*paths, "/socket.io/?EIO=4&transport=polling"):
        for tag, attribute in (("script", "src"), ("img", "src")):
            got = evil.evaluate(ELEMENT, [tag, attribute, strict.origin + path, GIVE_UP_MS])
            assert got == ["error", [], 0], (tag, path)
    for path in ("/", "/login", "/api/cluster/snapshot"):
        evil.evaluate(ELEMENT, ["iframe", "src", strict.origin + path, GIVE_UP_MS])
        eventually(lambda: is_refused(evil.frames[-1]), what=f"{path} refuses to be framed")
        require_nothing(strict, evil.frames[-1].content())
    # A window of ours is there, and out of its reach.
    with context.expect_page() as opened:
        evil.evaluate("url => { window.opened = open(url); }", strict.origin + "/monitoring")
    expect(opened.value.locator(LIVE)).to_be_visible()
    for expression in ("opened.document.body.innerText", "opened.location.href", "opened.document.cookie"):
        with pytest.raises(PlaywrightError, match=r"SecurityError|cross-origin"):
            evil.evaluate(expression)
    require_nothing(strict, evil.content())
    victim.require_undisturbed()


@pytest.mark.parametrize("encoding", ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"])
def test_form_of_another_page_changes_nothing(
    strict: Place, context: BrowserContext, evil: Page, stack: ClosedStack, encoding: str
) -> None:
    victim = Victim(context, strict)
    csrf = victim.tab.locator("#sign-out input[name=csrf]").get_attribute("value")
    assert csrf
    redis = stack.redis()
    pubsub = redis.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
    pubsub.subscribe(ALERTS_CHANNEL)
    # Even one that knows what it should not.
    for path, fields in (
        ("/logout", {"csrf": csrf}),
        ("/logout", {}),
        ("/login", {"csrf": csrf, "user": "ada", "password": PASSWORD}),
        (f"/api/publish/{ALERTS_CHANNEL}", {"csrf": csrf, "stranger": "1"}),
    ):
        with evil.expect_response(lambda response: response.request.method == "POST") as answer:
            evil.evaluate(FORM, [strict.origin + path, fields, encoding])
        # Without cookies it is a stranger's; with them it is refused for where it comes from.
        with_cookies = evil.url.startswith("http://127.0.0.1")
        assert answer.value.status in ((400, 403) if with_cookies else (303, 400, 401, 403)), path
        asked = {"method": "POST", "mode": "no-cors", "body": "&".join(f"{k}={v}" for k, v in fields.items())}
        assert evil.evaluate(FETCH, [strict.origin + path, asked]) == ["opaque", 0, ""], path
        victim.require_undisturbed()
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
