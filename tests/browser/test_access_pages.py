"""Signing in, and what pages do whose session has ended."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, WebSocketRoute, expect

from tests.browser.axe import serious
from tests.browser.conftest import LIVE, QUICK, Asked, OpenContext, fill_in, let_pass, live
from tests.drivers.local_product import LocalProduct, local_product
from tests.drivers.process import ROOT

USER, PASSWORD = "ada", "a few words: 1842"
#: For which a page that nobody is signed in to must keep still; a connection that is tried again comes within 5 s.
STILL_SECONDS = 8


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalProduct]:
    """The product where everybody must sign in, with one user."""
    folder = tmp_path_factory.mktemp("closed")
    users = folder / "access" / "users"
    users.mkdir(parents=True, mode=0o700)
    subprocess.run(
        [sys.executable, "-m", "api", "user", "add", USER],
        cwd=ROOT, env={**os.environ, "ACCESS_USERS_DIR": str(users)},
        input=PASSWORD + "\n", text=True, check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    with local_product(folder, ACCESS="closed", TRUSTED_PROXIES="127.0.0.1", **QUICK) as product:
        yield product


def type_in(page: Page, user: str = USER, password: str = PASSWORD) -> None:
    """Fill in the form and send it."""
    fill_in(page, user, password)


def signed_in(product: LocalProduct, page: Page, path: str = "/") -> Page:
    """Sign in on the way to ``path``."""
    page.goto(product.origin + path)
    type_in(page)
    expect(page.locator("#sign-out")).to_be_visible()
    return page


def please_sign_in(page: Page) -> Locator:
    """The link to where one signs in, once the page says that one must."""
    expect(page.locator("#banner")).to_contain_text("Please sign in")
    expect(page.locator("#freshness[data-state=signed_out]")).to_be_visible()
    return page.locator("#banner a")


def look_again(page: Page) -> None:
    """Come back to a page from another tab."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_page_without_a_session_leads_to_signing_in_and_from_there_to_the_page(
    closed: LocalProduct, page: Page
) -> None:
    # Given nobody who is signed in
    page.goto(closed.origin + "/nodes?q=&sort=-cpu_usage")
    # Then there is a form, and nothing of the cluster
    expect(page).to_have_url(re.compile(r"/login\?next="))
    expect(page).to_have_title("lab · Sign in")
    expect(page.locator("#user")).to_be_focused()
    expect(page.locator("nav")).to_have_count(0)
    assert os.uname().nodename not in page.content()
    assert page.locator("#initial").count() == 0
    # When somebody signs in, the page that was wanted is there, live, and says who it is
    type_in(page)
    expect(page).to_have_url(closed.origin + "/nodes?q=&sort=-cpu_usage")
    expect(page.locator(LIVE)).to_be_visible()
    expect(page.locator(".person")).to_contain_text(USER)
    node = page.locator(f'[data-node="{os.uname().nodename}"]').first
    seen = node.inner_text()
    expect(node).not_to_have_text(seen, use_inner_text=True)


def test_wrong_password_is_said_and_the_right_one_still_works(closed: LocalProduct, page: Page) -> None:
    page.goto(closed.origin + "/alerts")
    type_in(page, password="not it")
    alert = page.get_by_role("alert")
    expect(alert).to_be_visible()
    for field in ("#user", "#password"):
        expect(page.locator(field)).to_have_attribute("aria-invalid", "true")
        assert page.locator(field).get_attribute("aria-describedby") == alert.get_attribute("id")
    expect(page.locator("#user")).to_have_value(USER)
    expect(page.locator("#password")).to_have_value("")
    expect(page.locator("#password")).to_be_focused()
    type_in(page)
    expect(page).to_have_url(closed.origin + "/alerts")
    expect(page.locator(LIVE)).to_be_visible()


def test_too_many_wrong_passwords_make_the_button_count_down(closed: LocalProduct, page: Page) -> None:
    # Given somebody who guesses
    page.goto(closed.origin + "/login")
    button = page.locator("#sign-in")
    for _ in range(40):
        type_in(page, "mallory", "not it")
        expect(page.get_by_role("alert")).to_be_visible()
        if button.get_attribute("data-wait-seconds"):
            break
    # Then the button waits with him, and nothing calls the fields wrong
    expect(button).to_have_text(re.compile(r"^Sign in \(in \d+\ss\)$"))
    expect(button).to_be_disabled()
    assert page.locator("[aria-invalid]").count() == 0
    assert serious(page) == []
    expect(button).to_be_enabled()
    expect(button).to_have_text("Sign in")
    expect(page.locator("#retry")).to_have_text("You can try again now.")


@pytest.mark.parametrize("path", ["/monitoring", "/websocket-test"])
def test_signing_out_in_one_tab_ends_the_others_which_keep_still_until_somebody_has_signed_in(
    closed: LocalProduct, open_context: OpenContext, path: str
) -> None:
    # Given two tabs of one browser
    context = open_context()
    one = signed_in(closed, context.new_page())
    other = context.new_page()
    other.clock.install()
    live(other, closed.origin + path)
    asked = Asked(other)
    # When one signs out
    one.click("#sign-out button")
    expect(one).to_have_url(re.compile("/login$"))
    # Then the other says so, and where to sign in to come back to it
    link = please_sign_in(other)
    assert link.get_attribute("href") == f"/login?next={path.replace('/', '%2F')}"
    assert len(asked.of("/api/session")) == 1
    assert asked.of("/socket.io/") == []
    # And it asks for nothing more, with or without a lost network
    asked.urls.clear()
    other.evaluate("window.dispatchEvent(new Event('online'))")
    let_pass(other, STILL_SECONDS)
    assert asked.urls == []
    # When it is looked at again it asks once whether somebody is signed in, and keeps still
    look_again(other)
    asked.wait_for("/api/session")
    let_pass(other, STILL_SECONDS)
    assert asked.urls == [closed.origin + "/api/session"]
    please_sign_in(other)
    # And when somebody is, it goes on by itself
    type_in(one)
    expect(one.locator(LIVE)).to_be_visible()
    look_again(other)
    expect(other.locator(LIVE)).to_be_visible()
    expect(other.locator("#banner")).to_be_hidden()


def test_websocket_test_page_shows_the_refusals(closed: LocalProduct, open_context: OpenContext) -> None:
    context = open_context()
    one = signed_in(closed, context.new_page())
    other = context.new_page()
    other.clock.install()
    live(other, closed.origin + "/websocket-test")
    one.click("#sign-out button")
    please_sign_in(other)
    events = other.locator("#events")
    expect(events.locator('[data-event="error"]').first).to_contain_text("sign_in_required")
    expect(events.locator('[data-event="disconnect"]').first).to_be_attached()
    # Connecting by hand is refused, which is shown too, and begins nothing
    asked = Asked(other)
    other.click("#connect")
    expect(events.locator('[data-event="connect_error"]').first).to_contain_text("sign_in_required")
    let_pass(other, STILL_SECONDS)
    assert [url.partition(":")[0] for url in asked.urls] == ["ws"]


def test_page_goes_on_where_somebody_signed_out_and_in_again_and_can_sign_out_itself(
    closed: LocalProduct, open_context: OpenContext
) -> None:
    # Given a page that is older than the session
    context = open_context()
    old = signed_in(closed, context.new_page())
    expect(old.locator(LIVE)).to_be_visible()
    new = live(context.new_page(), closed.origin + "/")
    new.click("#sign-out button")
    type_in(new)
    expect(new.locator(LIVE)).to_be_visible()
    look_again(old)
    expect(old.locator(LIVE)).to_be_visible()
    expect(old.locator("#banner")).to_be_hidden()
    # When it signs out
    old.click("#sign-out button")
    # Then the session of now has ended
    expect(old).to_have_url(re.compile("/login$"))
    please_sign_in(new)


def test_page_tries_again_later_where_there_are_too_many_connections(closed: LocalProduct, page: Page) -> None:
    # Given a replica that lets no more connections in
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
                said = json.dumps({"message": refusal["message"], "data": refusal})
                socket.send(f"44{namespace[1] + ',' if namespace[1] else ''}{said}")

        socket.on_message(refuse)
        socket.send('0{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}')

    page.clock.install()
    page.route_web_socket("**/socket.io/**", route)
    signed_in(closed, page)
    # Then it says so and does not insist
    expect(page.locator("#banner")).to_contain_text("no more connections")
    page.clock.fast_forward(10_000)
    page.wait_for_timeout(1_000)
    assert len(sockets) == 1
    # And when there is room again it is live
    is_full = False
    page.clock.fast_forward(40_000)
    expect(page.locator(LIVE)).to_be_visible()
    expect(page.locator("#banner")).to_be_hidden()


def test_signing_in_and_out_works_without_a_script(closed: LocalProduct, open_context: OpenContext) -> None:
    page = open_context(java_script_enabled=False).new_page()
    page.goto(closed.origin + "/nodes")
    type_in(page, password="not it")
    expect(page.get_by_role("alert")).to_be_visible()
    # The other language keeps where one wanted to go, though the address has lost it
    page.click("a[data-language=fr]")
    expect(page.locator("h1")).to_have_text("Se connecter")
    expect(page.locator("input[name=next]")).to_have_value("/nodes")
    type_in(page)
    expect(page).to_have_url(closed.origin + "/nodes")
    page.click("#sign-out button")
    expect(page).to_have_url(re.compile("/login$"))
    page.goto(closed.origin + "/nodes")
    expect(page).to_have_url(re.compile("/login"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_nothing_serious_where_one_signs_in_and_once_one_has(
    closed: LocalProduct, open_context: OpenContext, scheme: str, width: int
) -> None:
    page = open_context(color_scheme=scheme, viewport={"width": width, "height": 740}).new_page()
    page.goto(closed.origin + "/login?next=//elsewhere.example")
    assert serious(page) == []
    type_in(page, "grace", "not it")
    expect(page.get_by_role("alert")).to_be_visible()
    assert serious(page) == []
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    type_in(page)
    expect(page.locator(LIVE)).to_be_visible()
    expect(page).to_have_url(closed.origin + "/")
    assert serious(page) == []
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    for part in (".person", "#sign-out button"):
        box = page.locator(part).bounding_box()
        assert box is not None
        assert 0 <= box["x"] <= box["x"] + box["width"] <= width
