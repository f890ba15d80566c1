"""The page never lies about how fresh its data is, whatever becomes of clocks and connections."""

import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.browser.conftest import (
    LIVE,
    POLLS_SECONDS,
    QUICK,
    RECONNECTS_SECONDS,
    STALE_SECONDS,
    WAIT_MS,
    Fleet,
    let_pass,
    live,
)  # fmt: skip
from tests.drivers.local_product import local_product
from tests.drivers.stepped_clock import SteppedClock

FRESH = re.compile(r"^[0-5]\s+s ago$")


def test_lost_connection_is_told_at_once_then_polled_for_and_forgotten_when_it_is_back(
    fleet: Fleet, page: Page
) -> None:
    # Given a page whose push is cut while the rest of the network works
    open_sockets: list[WebSocketRoute] = []
    away = False

    def route(socket: WebSocketRoute) -> None:
        if away:
            socket.close()
        else:
            socket.connect_to_server()
            open_sockets.append(socket)

    polled: list[str] = []
    page.on("request", lambda request: polled.append(request.url) if "/api/" in request.url else None)
    page.clock.install()
    page.route_web_socket("**/socket.io/**", route)
    page.route("**/socket.io/**", lambda route: route.abort() if away else route.continue_())
    live(page, fleet.product.origin + "/")
    page.evaluate(
        """() => {
            const element = document.getElementById("freshness");
            window.states = [element.dataset.state];
            new MutationObserver(() => window.states.push(element.dataset.state))
                .observe(element, { attributeFilter: ["data-state"] });
        }"""
    )
    away = True
    for socket in open_sockets:
        socket.close()
    # It says so for three seconds alone: a busy machine may look too late.
    page.wait_for_function("window.states.includes('reconnecting')", timeout=WAIT_MS)
    let_pass(page, *POLLS_SECONDS)
    # Then it says so, polls, and says what is wrong
    expect(page.locator("#freshness[data-state=polling]")).to_be_visible()
    expect(page.locator("#banner")).to_contain_text("ws service does not answer")
    # By no route that makes a publication
    assert any("/api/cluster/snapshot" in url for url in polled)
    assert not any(url.endswith("/api/cluster/nodes") for url in polled)
    assert page.evaluate("window.states").index("reconnecting") < page.evaluate("window.states").index("polling")
    # And when push is back, all is as before, and it polls no more
    away = False
    let_pass(page, *RECONNECTS_SECONDS)
    expect(page.locator(LIVE)).to_be_visible()
    expect(page.locator("#banner")).to_be_hidden()
    polled.clear()
    for _ in range(2):
        fleet.product.next_round()
    expect(page.locator(LIVE)).to_be_visible()
    # The charts read once what they missed, whenever the machine gets to it.
    assert [url for url in polled if "/api/history" not in url] == []


def test_data_that_stops_is_stale_with_its_cause_until_it_comes_again(fleet: Fleet, page: Page) -> None:
    page.clock.install()
    live(page, fleet.product.origin + "/")
    fleet.valkey.stop()
    try:
        let_pass(page, *STALE_SECONDS)
        expect(page.locator("#freshness[data-state=stale]")).to_be_visible()
        expect(page.locator("#banner")).to_contain_text("Redis has been unavailable since")
        expect(page).to_have_title(re.compile("Stale"))
        assert "stale" in str(page.locator("link[rel=icon]").get_attribute("href"))
    finally:
        fleet.valkey.start()
    expect(page.locator(LIVE)).to_be_visible()
    expect(page.locator("#banner")).to_be_hidden()
    assert "stale" not in str(page.locator("link[rel=icon]").get_attribute("href"))


@pytest.mark.parametrize("minutes", [-10, 10])
def test_age_is_right_when_the_browsers_clock_is_not(fleet: Fleet, page: Page, minutes: int) -> None:
    page.add_init_script(
        f"""(() => {{
            const Real = Date, ahead = {minutes} * 60_000;
            window.Date = class extends Real {{
                constructor(...given) {{ given.length ? super(...given) : super(Real.now() + ahead); }}
                static now() {{ return Real.now() + ahead; }}
            }};
        }})()"""
    )
    page.goto(fleet.product.origin + "/nodes")
    assert abs(page.evaluate("Date.now()") / 1000 - time.time()) > 500
    expect(page.locator(LIVE)).to_be_visible()
    for _ in range(3):
        fleet.product.next_round()
        expect(page.locator("#freshness .freshness-age")).to_have_text(FRESH)
    # How long a node is what it is, is the collector's time too
    expect(page.locator('[data-node="node01"] .since').first).not_to_contain_text("for 10")


def test_page_stays_live_when_the_collectors_clock_is_stepped(page: Page, tmp_path: Path) -> None:
    clock = SteppedClock(tmp_path / "clock", only="collector")
    with local_product(tmp_path / "data", **QUICK, **clock.env) as product:
        live(page, product.origin + "/")
        for step_seconds in (-7200, 7200):
            before = product.rest.json("/api/cluster/snapshot")["timestamp"]
            clock.step(step_seconds)
            for _ in range(4):
                product.next_round()
                expect(page.locator(LIVE)).to_be_visible()
                expect(page.locator("#freshness .freshness-age")).to_have_text(FRESH)
            after = product.rest.json("/api/cluster/snapshot")["timestamp"]
            assert (after < before) == (step_seconds < 0), "the clock was not stepped"


def test_page_is_right_again_after_a_sleep_that_killed_its_connection_without_a_word(fleet: Fleet, page: Page) -> None:
    # Given a connection over which nothing comes any more, and nobody says so
    asleep = False

    def route(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        dead_at_birth = asleep

        def gone() -> bool:
            return asleep or (socket in slept and not dead_at_birth)

        socket.on_message(lambda message: None if gone() else server.send(message))
        server.on_message(lambda message: None if gone() else socket.send(message))
        sockets.append(socket)

    sockets: list[WebSocketRoute] = []
    slept: list[WebSocketRoute] = []
    page.clock.install()
    page.route_web_socket("**/socket.io/**", route)
    live(page, fleet.product.origin + "/")
    asleep = True
    slept += sockets
    let_pass(page, *STALE_SECONDS)
    expect(page.locator("#freshness[data-state=stale]")).to_be_visible()
    # When the network is back, and the browser says so, the page finds out and connects anew
    asleep = False
    page.evaluate("window.dispatchEvent(new Event('online'))")
    expect(page.locator(LIVE)).to_be_visible()
    expect(page.locator("#freshness .freshness-age")).to_have_text(FRESH)


def test_tab_older_than_the_server_says_so_and_reloads_once(fleet: Fleet, page: Page) -> None:
    loads: list[str] = []

    def older(route: object) -> None:
        response = route.fetch()  # type: ignore[attr-defined]
        loads.append(response.url)
        body = re.sub(r'"version":"[^"]+"', '"version":"0.0.1"', response.text())
        route.fulfill(response=response, body=body)  # type: ignore[attr-defined]

    page.route(fleet.product.origin + "/", older)
    page.goto(fleet.product.origin + "/")
    expect(page.locator("#banner")).to_contain_text("this page is from version 0.0.1")
    expect.soft(page.locator(LIVE)).to_be_visible()
    for _ in range(3):
        fleet.product.next_round()
    expect(page.locator("#banner")).to_contain_text("this page is from version 0.0.1")
    assert len(loads) == 2
