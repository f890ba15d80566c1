"""What a page shows of a collector of another release, and the figures that are new since the last one."""

import json
import re

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.conftest import Fleet

NEW = ("swap_usage", "iowait", "pressure_io", "pressure_memory")


def fact(page: Page, name: str) -> str:
    return (page.locator(f"#facts [data-field={name}]").text_content() or "").replace("\u00a0", " ")


@pytest.mark.parametrize(("locale", "percent"), [("en-GB", r"^\d+\.\d %$"), ("fr-FR", r"^\d+,\d %$")])
def test_page_of_a_node_shows_swap_io_wait_and_pressure(
    fleet: Fleet, browser: Browser, locale: str, percent: str
) -> None:
    context = browser.new_context(locale=locale)
    page = context.new_page()
    page.goto(f"{fleet.product.origin}/nodes/node05")
    expect(page.locator("#facts [data-field=iowait]")).to_have_text(re.compile(percent.replace(" ", "\u00a0")))
    assert re.match(percent, fact(page, "swap_usage"))
    assert (fact(page, "pressure_io"), fact(page, "pressure_memory")) == ("0 %", "0 %")
    for name in NEW:
        expect(page.locator(f"[data-measure={name}] .readout")).to_have_text(re.compile(r"\d"))
    context.close()


def test_page_shows_new_figures_as_unknown_when_the_collector_is_older(fleet: Fleet, page: Page) -> None:
    def as_older(route: Route) -> None:
        answer = route.fetch()
        text = answer.text()
        older = re.sub(rf',"(?:{"|".join(NEW)})":[^,}}]+', "", text)
        assert older != text
        route.fulfill(response=answer, body=older)

    page.route("**/socket.io/**", lambda route: route.abort())
    page.route_web_socket("**/socket.io/**", lambda socket: socket.close())
    page.route("**/api/cluster/snapshot", as_older)
    page.route("**/nodes/node05", as_older)
    page.goto(f"{fleet.product.origin}/nodes/node05")

    expect(page.locator("#facts [data-field=cpu_usage]")).to_have_text(re.compile(r"\d"))
    assert [fact(page, name) for name in NEW] == ["–"] * 4


def test_log_shows_the_word_of_a_transition_that_a_later_collector_writes(fleet: Fleet, page: Page) -> None:
    entry = {
        "id": "9999999999-1",
        "timestamp": "2026-11-23T09:41:07.120Z",
        "transition": "silenced",
        "alert_id": "quorum//racks",
        "rule": "quorum",
        "node": "",
        "severity": "warning",
        "value": None,
        "message": "two racks of three answer",
        "since": "2026-11-23T09:40:01.500Z",
        "silence": {"id": "s1"},
    }

    def with_entry(route: Route) -> None:
        answer = route.fetch()
        body = answer.json()
        route.fulfill(response=answer, body=json.dumps(body | {"entries": [*body["entries"], entry]}))

    page.route("**/api/alerts/log**", with_entry)
    page.goto(fleet.product.origin + "/alerts")

    row = page.locator('#log-entries [data-transition="silenced"]')
    expect(row).to_contain_text("two racks of three answer")
    expect(row.locator("[data-field=transition]")).to_have_text("silenced")


@pytest.mark.parametrize(
    ("locale", "composed"),
    [
        ("en-GB", "/ is 98.5\u00a0% full"),
        ("fr-FR", "/ plein à 98,5\u00a0%"),
    ],
)
def test_log_says_what_a_code_means_and_shows_the_text_where_it_knows_no_code(
    fleet: Fleet, browser: Browser, locale: str, composed: str
) -> None:
    entry = {
        "id": "9999999999-1",
        "timestamp": "2026-11-23T09:41:07.120Z",
        "transition": "firing",
        "alert_id": "filesystem_full/node05//",
        "rule": "filesystem_full",
        "node": "node05",
        "severity": "warning",
        "value": 98.5,
        "message": "words of another release",
        "since": "2026-11-23T09:40:01.500Z",
    }
    coded = {"code": "filesystem_full", "args": {"node": "node05", "mountpoint": "/", "percent": 98.5}}
    entries = [
        entry | coded,
        entry | {"id": "9999999999-2", "code": "of_a_later_release", "args": {"much": {"code": "else", "args": {}}}},
        entry | {"id": "9999999999-3"},
    ]

    def with_entries(route: Route) -> None:
        answer = route.fetch()
        body = answer.json()
        route.fulfill(response=answer, body=json.dumps(body | {"entries": [*body["entries"], *entries]}))

    context = browser.new_context(locale=locale)
    page = context.new_page()
    page.route("**/api/alerts/log**", with_entries)
    page.goto(fleet.product.origin + "/alerts")

    messages = [page.locator(f'[data-entry="9999999999-{n}"] [data-field=message]') for n in (1, 2, 3)]
    expect(messages[0]).to_have_text(composed)
    for message in messages[1:]:
        expect(message).to_have_text("words of another release")
    context.close()
