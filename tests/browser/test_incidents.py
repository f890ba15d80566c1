"""The page of alerts: a row for each incident, and the log."""

import csv
import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, Route, expect

from runtime.clock import timestamp
from tests.browser.conftest import OpenPage, open_live
from tests.browser.scene import Scene

ENDED = "#ended-incidents > tr"


@pytest.fixture
def week(scene: Scene, page: Page) -> Page:
    """The page of alerts of fifty nodes, with a week of incidents."""
    scene.show(50, "alerts")
    open_live(page, scene.origin + "/alerts")
    expect(page.locator(ENDED).first).to_be_visible()
    return page


def test_incident_is_one_row_from_beginning_to_end(week: Page) -> None:
    # Eight alerts are active, and each ended incident of the week has a row below them
    expect(week.locator("#active-alerts > tr")).to_have_count(8)
    expect(week.locator(ENDED)).to_have_count(22)
    row = week.locator(ENDED).first
    for field, text in {"began": r"\d\d:\d\d:\d\d$", "ended": r"^\d\d:\d\d:\d\d$", "duration": r"^\d+\smin$"}.items():
        expect(row.locator(f"[data-field={field}]")).to_have_text(re.compile(text))
    active = week.locator("#active-alerts > tr", has_text="temperature")
    expect(active.locator("[data-field=peak]")).to_have_text(re.compile(r"91.5\s°C"))
    # The alert also fired on the last two days
    expect(active.locator("[data-field=times]")).to_have_text(re.compile(r"^3\s×$"))


@pytest.mark.parametrize(("table", "state"), [("#active-alerts", "Transition"), ("#ended-incidents", "Ended")])
def test_card_of_an_incident_names_its_values_when_the_screen_is_a_phones(week: Page, table: str, state: str) -> None:
    week.set_viewport_size({"width": 390, "height": 844})
    cells = week.locator(f"{table} > tr").first.locator("td:not(.severity, .message, .subject)")
    shown = cells.evaluate_all("all => all.map(each => getComputedStyle(each, '::before').content)")
    assert shown == [f'"{label}"' for label in ("Began", state, "Duration", "Peak", "Times")]
    # And no label wraps
    lines = cells.evaluate_all("all => all.map(each => each.getBoundingClientRect().height)")
    assert max(lines) - min(lines) < 8
    week.set_viewport_size({"width": 1280, "height": 844})
    shown = cells.evaluate_all("all => all.map(each => getComputedStyle(each, '::before').content)")
    assert set(shown) == {"none"}


@pytest.mark.parametrize("locale", ["en-GB", "en-US", "fr-FR"])
def test_cells_of_a_card_are_equally_high_when_its_times_have_a_date(
    scene: Scene, open_page: OpenPage, locale: str
) -> None:
    def move_to_midnight(route: Route) -> None:
        answer = route.fetch()
        result_page = answer.json()
        for days_ago, incident in enumerate(result_page["incidents"][:3]):
            midnight = datetime.now(UTC) - timedelta(days=days_ago + 1, hours=12)
            incident["began"] = timestamp((midnight - timedelta(hours=4)).timestamp())
            incident["ended"] = timestamp((midnight + timedelta(hours=8)).timestamp())
        route.fulfill(response=answer, json=result_page)

    scene.show(50, "ill")
    page = open_page(locale=locale, viewport={"width": 390, "height": 844}, has_touch=True)
    page.route("**/api/incidents?*", move_to_midnight)
    page.goto(scene.origin + "/alerts")
    expect(page.locator(ENDED).first).to_be_visible()
    with_date = page.locator("time", has_text=re.compile(r"\d.* \d\d:\d\d:\d\d$"))
    # The time of an active alert, and both times of ended incidents
    expect(page.locator("#active-alerts").locator(with_date)).to_have_count(1)
    assert page.locator(f"{ENDED} .stands").locator(with_date).count() >= 3
    year = str(datetime.now(UTC).year)
    for time in page.locator("#incidents").locator(with_date).all():
        assert year not in time.inner_text()
        assert re.search(r"\d{4} \d\d:\d\d:\d\d$", time.get_attribute("title") or "")
        assert re.match(r"\d{4}-\d\d-\d\dT", time.get_attribute("datetime") or "")
    heights = page.locator("#incidents tbody tr").evaluate_all(
        """(rows) => rows.map((row) => [".when", ".stands"].map((cell) => row.querySelector(cell).offsetHeight))"""
    )
    assert {abs(one - other) < 8 for one, other in heights} == {True}, heights


@pytest.mark.parametrize("width", [1001, 1024, 1200, 1360])
def test_message_of_an_incident_has_room_when_the_window_is_not_wide(week: Page, width: int) -> None:
    week.set_viewport_size({"width": width, "height": 800})
    box = week.locator("#active-alerts .message").first.bounding_box()
    assert box is not None
    assert box["width"] >= 200


def test_ended_incidents_are_not_bold(week: Page) -> None:
    weight = "each => getComputedStyle(each).fontWeight"
    assert week.locator(f"{ENDED} .status").first.evaluate(weight) == "400"
    assert int(week.locator("#active-alerts .status").first.evaluate(weight)) >= 600


def test_period_and_filters_select_incidents_and_are_kept_in_the_address(week: Page) -> None:
    week.click("[data-period='24h']")
    expect(week.locator(ENDED)).to_have_count(7)
    expect(week).to_have_url(re.compile(r"\?period=24h$"))
    week.fill("input[name=q]", "node03")
    expect(week.locator("#active-count")).to_have_text("3 active, 3 ended")
    week.select_option("#filter-severity", "critical")
    expect(week.locator("#active-count")).to_have_text("1 active, 1 ended")
    week.reload()
    expect(week.locator("#active-count")).to_have_text("1 active, 1 ended")
    expect(week.locator("[data-period='24h']")).to_have_attribute("aria-pressed", "true")


def test_page_shows_no_count_when_incidents_cannot_be_read(scene: Scene, page: Page) -> None:
    scene.show(50, "alerts")
    page.route("**/api/incidents?*", lambda route: route.abort())
    page.goto(scene.origin + "/alerts")
    expect(page.locator("#active-note")).to_contain_text("The incidents could not be read")
    expect(page.locator("#active-alerts > tr")).to_have_count(8)
    expect(page.locator("#active-count")).to_have_text("–")


def test_card_is_small_and_has_a_message_when_there_is_no_incident(scene: Scene, page: Page) -> None:
    scene.show(50, "calm")
    page.route(
        "**/api/incidents?*",
        lambda route: route.fulfill(json={"incidents": [], "known_since": None, "next": None}),
    )
    page.goto(scene.origin + "/alerts")
    expect(page.locator("#active-note")).to_have_text("No alert fired in this period.")
    box = page.locator("#incidents").bounding_box()
    assert box is not None
    assert box["height"] < 200


def test_page_shows_since_when_incidents_are_recorded(week: Page) -> None:
    expect(week.locator("#incidents-since")).to_have_text(
        re.compile(r"^Incidents have been recorded since .*\d\d:\d\d:\d\d\.$")
    )


def test_csv_of_incidents_has_the_incidents_of_the_page(week: Page) -> None:
    week.click("[data-period='24h']")
    week.fill("input[name=q]", "NODE03")
    week.select_option("#filter-severity", "critical")
    expect(week.locator("#active-count")).to_have_text("1 active, 1 ended")
    assert downloaded(week, "#incidents-csv", "severity") == ["critical"] * 2
    week.select_option("#filter-transition", "resolved")
    expect(week.locator("#active-count")).to_have_text("0 active, 1 ended")
    assert downloaded(week, "#incidents-csv", "node") == ["node03"]
    week.click("#clear-filters")
    assert len(downloaded(week, "#incidents-csv", "node")) > 7


def test_csv_of_incidents_has_the_messages_of_the_search_when_the_page_is_french(
    scene: Scene, open_page: OpenPage
) -> None:
    scene.show(50, "alerts")
    page = open_page(locale="fr-FR")
    page.goto(scene.origin + "/alerts")
    expect(page.locator(ENDED).first).to_be_visible()
    page.fill("input[name=q]", '"hors ligne"')
    expect(page.locator("#active-count")).to_have_text(re.compile("^3 actifs"))
    assert set(downloaded(page, "#incidents-csv", "rule")) == {"node_down"}


def test_csv_of_nodes_has_the_nodes_of_the_page(troubled: Scene, page: Page) -> None:
    page.goto(f"{troubled.origin}/nodes?status=trouble")
    expect(page.locator("#node-count")).to_have_text("5 of 50 nodes")
    assert len(downloaded(page, "#nodes-csv", "node")) == 5
    page.fill("input[name=q]", "Node0")
    expect(page.locator("#node-count")).to_have_text("4 of 50 nodes")
    assert downloaded(page, "#nodes-csv", "node") == ["node03", "node05", "node06", "node07"]


def downloaded(page: Page, link: str, column: str) -> list[str]:
    """Return a column of the CSV file behind a link."""
    with page.expect_download() as download:
        page.click(link)
    with download.value.path().open(newline="") as file:
        return [row[column] for row in csv.DictReader(file)]


def test_log_is_one_click_away(week: Page) -> None:
    expect(week.locator("#log-entries > tr").first).to_be_hidden()
    week.click("#log-section summary")
    expect(week.locator("#log-entries > tr").first).to_be_visible()
    expect(week).to_have_url(re.compile(r"\?log=1$"))
    week.reload()
    expect(week.locator("#log-entries > tr").first).to_be_visible()


@pytest.mark.parametrize(("locale", "text"), [("en-GB", "flapping, 12\u00a0×"), ("fr-FR", "instable, 12\u00a0×")])
def test_flapping_alert_shows_its_count(scene: Scene, open_page: OpenPage, locale: str, text: str) -> None:
    scene.show(50, "ill")
    page = open_page(locale=locale)
    page.goto(scene.origin + "/alerts")
    row = page.locator('#active-alerts [data-alert^="swap/"]')
    expect(row.locator("[data-field=message]")).to_contain_text(f" · {text}")
