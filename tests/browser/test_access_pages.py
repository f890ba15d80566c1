"""Signing in, and pages after their session has ended."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, WebSocketRoute, expect

from tests.browser.axe import serious_violations
from tests.browser.conftest import FAST_SETTINGS, LIVE, OpenContext, RequestLog, advance_clock, open_live, sign_in
from tests.drivers.local_product import LocalProduct, local_product
from tests.drivers.process import ROOT

USER, PASSWORD = "ada", "a few words: 1842"
#: Seconds in which a signed-out page must send no request. A reconnect would come within 5 s.
QUIET_SECONDS = 8


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalProduct]:
    """The product with access ``closed`` and one user."""
    folder = tmp_path_factory.mktemp("closed")
    users = folder / "access" / "users"
    users.mkdir(parents=True, mode=0o700)
    subprocess.run(
        [sys.executable, "-m", "api", "user", "add", USER],
        cwd=ROOT, env={**os.environ, "ACCESS_USERS_DIR": str(users)},
        input=PASSWORD + "\n", text=True, check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    with local_product(folder, ACCESS="closed", TRUSTED_PROXIES="127.0.0.1", **FAST_SETTINGS) as product:
        yield product


def sign_in_as(page: Page, user: str = USER, password: str = PASSWORD) -> None:
    """Fill in and send the sign-in form."""
    sign_in(page, user, password)


def signed_in(product: LocalProduct, page: Page, path: str = "/") -> Page:
    """Open ``path`` and sign in."""
    page.goto(product.origin + path)
    sign_in_as(page)
    expect(page.locator("#sign-out")).to_be_visible()
    return page


def sign_in_link(page: Page) -> Locator:
    """Return the link to the sign-in page when the banner shows it."""
    expect(page.locator("#banner")).to_contain_text("Please sign in")
    expect(page.locator("#freshness[data-state=signed_out]")).to_be_visible()
    return page.locator("#banner a")


def return_to_tab(page: Page) -> None:
    """Simulate the return to a page from another tab."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_page_without_a_session_redirects_to_sign_in_and_back(closed: LocalProduct, page: Page) -> None:
    # Given no session
    page.goto(closed.origin + "/nodes?q=&sort=-cpu_usage")
    # Then there is a form and no data of the cluster
    expect(page).to_have_url(re.compile(r"/login\?next="))
    expect(page).to_have_title("lab · Sign in")
    expect(page.locator("#user")).to_be_focused()
    expect(page.locator("nav")).to_have_count(0)
    assert os.uname().nodename not in page.content()
    assert page.locator("#initial").count() == 0
    # When a user signs in, the requested page is live and shows the user
    sign_in_as(page)
    expect(page).to_have_url(closed.origin + "/nodes?q=&sort=-cpu_usage")
    expect(page.locator(LIVE)).to_be_visible()
    expect(page.locator(".person")).to_contain_text(USER)
    node = page.locator(f'[data-node="{os.uname().nodename}"]').first
    seen = node.inner_text()
    expect(node).not_to_have_text(seen, use_inner_text=True)


def test_wrong_password_is_reported_and_the_right_password_still_works(closed: LocalProduct, page: Page) -> None:
    page.goto(closed.origin + "/alerts")
    sign_in_as(page, password="not it")
    alert = page.get_by_role("alert")
    expect(alert).to_be_visible()
    for field in ("#user", "#password"):
        expect(page.locator(field)).to_have_attribute("aria-invalid", "true")
        assert page.locator(field).get_attribute("aria-describedby") == alert.get_attribute("id")
    expect(page.locator("#user")).to_have_value(USER)
    expect(page.locator("#password")).to_have_value("")
    expect(page.locator("#password")).to_be_focused()
    sign_in_as(page)
    expect(page).to_have_url(closed.origin + "/alerts")
    expect(page.locator(LIVE)).to_be_visible()


def test_too_many_wrong_passwords_make_the_button_count_down(closed: LocalProduct, page: Page) -> None:
    # Given repeated wrong passwords
    page.goto(closed.origin + "/login")
    button = page.locator("#sign-in")
    for _ in range(40):
        sign_in_as(page, "mallory", "not it")
        expect(page.get_by_role("alert")).to_be_visible()
        if button.get_attribute("data-wait-seconds"):
            break
    # Then the button counts down, and no field is marked as wrong
    expect(button).to_have_text(re.compile(r"^Sign in \(in \d+\ss\)$"))
    expect(button).to_be_disabled()
    assert page.locator("[aria-invalid]").count() == 0
    assert serious_violations(page) == []
    expect(button).to_be_enabled()
    expect(button).to_have_text("Sign in")
    expect(page.locator("#retry")).to_have_text("You can try again now.")


@pytest.mark.parametrize("path", ["/monitoring", "/websocket-test"])
def test_other_tabs_send_no_requests_after_sign_out_until_the_next_sign_in(
    closed: LocalProduct, open_context: OpenContext, path: str
) -> None:
    # Given two tabs of one browser
    context = open_context()
    one = signed_in(closed, context.new_page())
    other = context.new_page()
    other.clock.install()
    open_live(other, closed.origin + path)
    request_log = RequestLog(other)
    # When the user signs out in one tab
    one.click("#sign-out button")
    expect(one).to_have_url(re.compile("/login$"))
    # Then the other tab shows this and links to the sign-in page, which leads back
    link = sign_in_link(other)
    assert link.get_attribute("href") == f"/login?next={path.replace('/', '%2F')}"
    assert len(request_log.of("/api/session")) == 1
    assert request_log.of("/socket.io/") == []
    # And the tab sends no request, also when the network returns
    request_log.urls.clear()
    other.evaluate("window.dispatchEvent(new Event('online'))")
    advance_clock(other, QUIET_SECONDS)
    assert request_log.urls == []
    # When the tab becomes visible, it checks the session once and sends no other request
    return_to_tab(other)
    request_log.wait_for("/api/session")
    advance_clock(other, QUIET_SECONDS)
    assert request_log.urls == [closed.origin + "/api/session"]
    sign_in_link(other)
    # And after a sign-in it continues automatically
    sign_in_as(one)
    expect(one.locator(LIVE)).to_be_visible()
    return_to_tab(other)
    expect(other.locator(LIVE)).to_be_visible()
    expect(other.locator("#banner")).to_be_hidden()


def test_websocket_test_page_shows_refusals(closed: LocalProduct, open_context: OpenContext) -> None:
    context = open_context()
    one = signed_in(closed, context.new_page())
    other = context.new_page()
    other.clock.install()
    open_live(other, closed.origin + "/websocket-test")
    one.click("#sign-out button")
    sign_in_link(other)
    events = other.locator("#events")
    expect(events.locator('[data-event="error"]').first).to_contain_text("sign_in_required")
    expect(events.locator('[data-event="disconnect"]').first).to_be_attached()
    # Connecting by hand is refused and shown, and no attempt follows
    request_log = RequestLog(other)
    other.click("#connect")
    expect(events.locator('[data-event="connect_error"]').first).to_contain_text("sign_in_required")
    advance_clock(other, QUIET_SECONDS)
    assert [url.partition(":")[0] for url in request_log.urls] == ["ws"]


def test_old_page_continues_and_signs_out_after_a_new_sign_in(closed: LocalProduct, open_context: OpenContext) -> None:
    # Given a page that is older than the session
    context = open_context()
    old = signed_in(closed, context.new_page())
    expect(old.locator(LIVE)).to_be_visible()
    new = open_live(context.new_page(), closed.origin + "/")
    new.click("#sign-out button")
    sign_in_as(new)
    expect(new.locator(LIVE)).to_be_visible()
    return_to_tab(old)
    expect(old.locator(LIVE)).to_be_visible()
    expect(old.locator("#banner")).to_be_hidden()
    # When this page signs out
    old.click("#sign-out button")
    # Then the current session has ended
    expect(old).to_have_url(re.compile("/login$"))
    sign_in_link(new)


def test_page_tries_again_later_when_there_are_too_many_connections(closed: LocalProduct, page: Page) -> None:
    # Given a replica that accepts no more connections
    refusal = {"code": "limit_exceeded", "message": "This identity has 5 connections."}
    sockets: list[WebSocketRoute] = []
    is_full = True

    def route(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        if not is_full:
            socket.connect_to_server()
            return

        def refuse(message: str | bytes) -> None:
            namespace = re.match(r"40(/\w+)?", str(message))
            if namespace:
                data = json.dumps({"message": refusal["message"], "data": refusal})
                socket.send(f"44{namespace[1] + ',' if namespace[1] else ''}{data}")

        socket.on_message(refuse)
        socket.send('0{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}')

    page.clock.install()
    page.route_web_socket("**/socket.io/**", route)
    signed_in(closed, page)
    # Then the page shows this and does not reconnect soon
    expect(page.locator("#banner")).to_contain_text("no more connections")
    page.clock.fast_forward(10_000)
    page.wait_for_timeout(1_000)
    assert len(sockets) == 1
    # And when the replica accepts connections again, the page is live
    is_full = False
    page.clock.fast_forward(40_000)
    expect(page.locator(LIVE)).to_be_visible()
    expect(page.locator("#banner")).to_be_hidden()


def test_signing_in_and_out_works_without_a_script(closed: LocalProduct, open_context: OpenContext) -> None:
    page = open_context(java_script_enabled=False).new_page()
    page.goto(closed.origin + "/nodes")
    sign_in_as(page, password="not it")
    expect(page.get_by_role("alert")).to_be_visible()
    # The other language keeps the next page, which is not in the address
    page.click("a[data-language=fr]")
    expect(page.locator("h1")).to_have_text("Se connecter")
    expect(page.locator("input[name=next]")).to_have_value("/nodes")
    sign_in_as(page)
    expect(page).to_have_url(closed.origin + "/nodes")
    page.click("#sign-out button")
    expect(page).to_have_url(re.compile("/login$"))
    page.goto(closed.origin + "/nodes")
    expect(page).to_have_url(re.compile("/login"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_nothing_serious_before_and_after_sign_in(
    closed: LocalProduct, open_context: OpenContext, scheme: str, width: int
) -> None:
    page = open_context(color_scheme=scheme, viewport={"width": width, "height": 740}).new_page()
    page.goto(closed.origin + "/login?next=//elsewhere.example")
    assert serious_violations(page) == []
    sign_in_as(page, "grace", "not it")
    expect(page.get_by_role("alert")).to_be_visible()
    assert serious_violations(page) == []
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    sign_in_as(page)
    expect(page.locator(LIVE)).to_be_visible()
    expect(page).to_have_url(closed.origin + "/")
    assert serious_violations(page) == []
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    for part in (".person", "#sign-out button"):
        box = page.locator(part).bounding_box()
        assert box is not None
        assert 0 <= box["x"] <= box["x"] + box["width"] <= width
