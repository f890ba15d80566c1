"""The page shows the true age of its data, with any clock and any connection."""

import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.browser.conftest import (
    FAST_SETTINGS,
    LIVE,
    POLL_START_SECONDS,
    RECONNECT_SECONDS,
    STALE_SECONDS,
    WAIT_MS,
    Fleet,
    advance_clock,
    open_live,
)  # fmt: skip
from tests.drivers.local_product import local_product
from tests.drivers.stepped_clock import SteppedClock

FRESH = re.compile(r"^[0-5]\s+s ago$")


def test_page_shows_a_lost_connection_then_polls_until_push_is_back(fleet: Fleet, page: Page) -> None:
    # Given a page that loses its push connection while REST works
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
    open_live(page, fleet.product.origin + "/")
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
    # This state lasts only three seconds, which a slow machine could miss.
    page.wait_for_function("window.states.includes('reconnecting')", timeout=WAIT_MS)
    advance_clock(page, *POLL_START_SECONDS)
    # Then the page polls and shows the cause
    expect(page.locator("#freshness[data-state=polling]")).to_be_visible()
    expect(page.locator("#banner")).to_contain_text("ws service does not answer")
    # And no poll uses a route that publishes
    assert any("/api/cluster/snapshot" in url for url in polled)
    assert not any(url.endswith("/api/cluster/nodes") for url in polled)
    assert page.evaluate("window.states").index("reconnecting") < page.evaluate("window.states").index("polling")
    # And when push is back, the page is live and stops polling
    away = False
    advance_clock(page, *RECONNECT_SECONDS)
    expect(page.locator(LIVE)).to_be_visible()
    expect(page.locator("#banner")).to_be_hidden()
    polled.clear()
    for _ in range(2):
        fleet.product.next_round()
    expect(page.locator(LIVE)).to_be_visible()
    # The charts read the missed history once, at any time.
    assert [url for url in polled if "/api/history" not in url] == []


def test_page_shows_stale_data_with_its_cause_until_data_arrives(fleet: Fleet, page: Page) -> None:
    page.clock.install()
    open_live(page, fleet.product.origin + "/")
    fleet.valkey.stop()
    try:
        advance_clock(page, *STALE_SECONDS)
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
def test_age_is_right_when_the_browsers_clock_is_wrong(fleet: Fleet, page: Page, minutes: int) -> None:
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
    # The time since the last change of a node's status uses the collector's clock too
    expect(page.locator('[data-node="node01"] .since').first).not_to_contain_text("for 10")


def test_page_stays_live_when_the_collectors_clock_is_stepped(page: Page, tmp_path: Path) -> None:
    clock = SteppedClock(tmp_path / "clock", only="collector")
    with local_product(tmp_path / "data", **FAST_SETTINGS, **clock.env) as product:
        open_live(page, product.origin + "/")
        for step_seconds in (-7200, 7200):
            before = product.rest.json("/api/cluster/snapshot")["timestamp"]
            clock.step(step_seconds)
            for _ in range(4):
                product.next_round()
                expect(page.locator(LIVE)).to_be_visible()
                expect(page.locator("#freshness .freshness-age")).to_have_text(FRESH)
            after = product.rest.json("/api/cluster/snapshot")["timestamp"]
            assert (after < before) == (step_seconds < 0), "the clock was not stepped"


def test_page_reconnects_after_a_sleep_that_killed_its_connection_silently(fleet: Fleet, page: Page) -> None:
    # Given a dead connection that neither side closed
    asleep = False

    def route(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        was_opened_asleep = asleep

        def is_dead() -> bool:
            return asleep or (socket in dead_sockets and not was_opened_asleep)

        socket.on_message(lambda message: None if is_dead() else server.send(message))
        server.on_message(lambda message: None if is_dead() else socket.send(message))
        sockets.append(socket)

    sockets: list[WebSocketRoute] = []
    dead_sockets: list[WebSocketRoute] = []
    page.clock.install()
    page.route_web_socket("**/socket.io/**", route)
    open_live(page, fleet.product.origin + "/")
    asleep = True
    dead_sockets += sockets
    advance_clock(page, *STALE_SECONDS)
    expect(page.locator("#freshness[data-state=stale]")).to_be_visible()
    # When the browser reports that the network is back, the page checks the connection and reconnects
    asleep = False
    page.evaluate("window.dispatchEvent(new Event('online'))")
    expect(page.locator(LIVE)).to_be_visible()
    expect(page.locator("#freshness .freshness-age")).to_have_text(FRESH)


def test_page_older_than_the_server_shows_a_message_and_reloads_once(fleet: Fleet, page: Page) -> None:
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
