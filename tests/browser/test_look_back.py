"""Comparing nodes and looking back: ticks, zoom, events, rankings, and the wall at a past moment."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.axe import serious_violations
from tests.browser.conftest import OpenPage
from tests.browser.scene import Scene

NODES = 20
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
#: The last 03:00 that is over.
NIGHT = (datetime.now(UTC) - timedelta(hours=3, minutes=30)).replace(hour=3, minute=0, second=0, microsecond=0)
#: A node that the scene has, but for which there is no history.
WITHOUT_HISTORY = "node20"


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    """Twenty nodes with alerts, and a week of history for the first twelve."""
    with Scene() as scene:
        scene.show(NODES, "alerts")
        yield scene


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    return open_page(viewport=DESKTOP, timezone_id="UTC")


def parameters(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlparse(page.url).query)


def drawn(page: Page, measure: str) -> Locator:
    found = page.locator(f'section[data-measure="{measure}"] .chart')
    expect(found).to_have_attribute("aria-label", re.compile(r"\d"))
    return found


def drag(page: Page, chart: Locator, begin: float, end: float) -> None:
    """Drag from one share of the chart's width to another."""
    chart.scroll_into_view_if_needed()
    box = chart.locator(".u-over").bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * begin, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * end, middle, steps=4)
    page.wait_for_timeout(50)
    selected = chart.locator(".u-select").bounding_box()
    assert selected is not None
    assert selected["width"] == pytest.approx(box["width"] * (end - begin), abs=3)
    page.mouse.up()


# -- the questions of an operator, each answered within three actions


def test_hottest_node_of_a_rack_is_found_in_two_actions(page: Page) -> None:
    with Scene() as racks:
        racks.show(1000, "calm", 40)
        page.goto(racks.origin + "/nodes")
        page.fill("#search", "rack:17")
        expect(page.locator("#node-count")).to_have_text("25 of 1000 nodes")
        nodes = racks.rest.json("/api/cluster/snapshot")["nodes"]
        # The values are read before the next round changes them.
        shown = page.evaluate("""async () => {
            const sort = document.querySelector("[name=sort]");
            sort.value = "-temperature";
            sort.dispatchEvent(new Event("input", { bubbles: true }));
            for (let frame = 0; frame < 2; frame += 1) await new Promise(requestAnimationFrame);
            return [...document.querySelectorAll("#node-rows [data-node]")].map((row) =>
                [row.dataset.node, row.querySelector("[data-field=temperature]").textContent, row.offsetTop]);
        }""")
    shown.sort(key=lambda row: row[2])
    assert {name for name, _, _ in shown} <= {node["node"] for node in nodes if node["labels"].get("rack") == "17"}
    values = [float(found[0]) for _, text, _ in shown if (found := re.match(r"[\d.]+", text))]
    assert len(values) > 10
    assert values == sorted(values, reverse=True)


def test_four_nodes_are_compared_over_a_day_in_three_actions(scene: Scene, page: Page) -> None:
    page.goto(scene.origin + "/nodes")
    page.click("#compare-these")
    page.locator("[name=add]").fill("node01, node02 node03,node04")
    page.keyboard.press("Enter")
    page.click("[data-range='24h']")
    label = re.compile(r"^Temperature: (node0\d \d+\.\d\s°C(, )?){4}\d+ events$")
    expect(drawn(page, "temperature")).to_have_attribute("aria-label", label)
    assert parameters(page)["node"] == ["node01", "node02", "node03", "node04"]
    assert parameters(page)["range"] == ["24h"]


def test_hottest_node_of_last_night_is_found_in_three_actions(scene: Scene, page: Page) -> None:
    page.goto(scene.origin + "/nodes")
    page.select_option("[name=sort]", "-temperature")
    page.select_option("[name=by]", "max")
    with page.expect_response(re.compile("/api/history/top.*start=.*T22%3A00%3A00Z")) as answer:
        page.select_option("[name=period]", "night")
    expect(page.locator("#ranking-note")).to_have_text(re.compile(r"^From .*22:00:00 to .*, computed at [\d:]+\.$"))
    texts = page.locator("#node-rows .ranked").all_inner_texts()
    peaks = [float(found[1]) for text in texts if (found := re.match(r"peak ([\d.]+)", text))]
    assert len(peaks) > 5
    assert peaks == sorted(peaks, reverse=True)
    hottest = answer.value.json()["nodes"][0]["node"]
    expect(page.locator("#node-rows [role=row]").first).to_have_attribute("data-node", hottest)


def test_wall_at_three_in_the_morning_is_shown_in_two_actions(scene: Scene, page: Page) -> None:
    page.goto(scene.origin + "/live")
    page.click("#past-open")
    page.fill("#past-at", NIGHT.strftime("%Y-%m-%dT%H:%M:%S"))
    expect(page.locator("#past-said")).to_have_text(re.compile(r"03:00:00\. Averages of .* 8 of 20 nodes have no data"))
    assert parameters(page)["at"] == [NIGHT.strftime("%Y-%m-%dT%H:%M:%SZ")]
    assert "Past: " in page.title()


# -- the comparison


def test_ticked_nodes_are_compared(scene: Scene, page: Page) -> None:
    page.goto(scene.origin + "/nodes")
    for name in ("node02", "node05"):
        page.locator(f'#node-rows [data-node="{name}"] .tick').check()
    expect(page.locator("#compare-link")).to_have_text("Compare 2 nodes")
    page.click("#compare-link")
    expect(page.locator("#compared .node-name")).to_have_text(["node02", "node05"])
    drawn(page, "cpu_usage")


def test_list_accepts_twelve_ticks(scene: Scene, page: Page) -> None:
    page.goto(scene.origin + "/nodes")
    for box in page.locator("#node-rows .tick").all()[:12]:
        box.check()
    expect(page.locator("#compare-note")).to_have_text("A comparison has at most 12 nodes.")
    expect(page.locator("#node-rows .tick:not(:checked)").first).to_be_disabled()


def test_unknown_node_and_thirteenth_node_are_named(scene: Scene, page: Page) -> None:
    names = ["nobody", *(f"node{number:02}" for number in (*range(1, 8), *range(9, 14)))]
    page.goto(f"{scene.origin}/compare?" + "&".join(f"node={name}" for name in names))
    problem = page.locator("#compare-problem")
    expect(problem).to_have_text(re.compile("^No node is named nobody at present.*at most 12 nodes. Left out: node13"))
    page.get_by_role("button", name="Remove nobody").click()
    expect(problem).to_have_text("")
    assert "nobody" not in parameters(page)["node"]


def test_choice_of_measures_is_in_the_address(scene: Scene, page: Page) -> None:
    page.goto(f"{scene.origin}/compare?node=node01&node=node02&measure=load1")
    drawn(page, "load1")
    page.click("button[data-measure=swap_usage]")
    drawn(page, "swap_usage")
    assert parameters(page)["measure"] == ["load1", "swap_usage"]


# -- zoom


@pytest.mark.parametrize("path", ["/nodes/node03", "/compare?node=node01&node=node02", "/monitoring"])
def test_drag_zooms_all_charts_and_double_click_returns(scene: Scene, page: Page, path: str) -> None:
    page.goto(scene.origin + path)
    chart = drawn(page, "cpu_usage")
    drag(page, chart, 0.3, 0.6)
    expect(page.locator("#zoom-said")).to_have_text(re.compile("Live updates of the charts pause"))
    begin, end = (datetime.fromisoformat(parameters(page)[name][0]) for name in ("from", "to"))
    assert timedelta(minutes=14) < end - begin < timedelta(minutes=22)
    # The values of the zoomed range have arrived.
    expect(drawn(page, "temperature")).to_have_attribute("aria-label", re.compile("°C"))
    shown = drawn(page, "temperature").get_attribute("aria-label")
    scene.next_round()
    scene.next_round()
    page.wait_for_timeout(300)
    assert drawn(page, "temperature").get_attribute("aria-label") == shown
    chart.locator(".u-over").dblclick()
    expect(page.locator("#zoom-said")).to_have_text("")
    assert "from" not in parameters(page)


@pytest.mark.parametrize("path", ["/nodes/node03", "/monitoring"])
def test_way_back_of_the_browser_ends_the_zoom(scene: Scene, page: Page, path: str) -> None:
    page.goto(scene.origin + path)
    said = page.locator("#zoom-said")
    drag(page, drawn(page, "cpu_usage"), 0.3, 0.6)
    expect(said).not_to_have_text("")
    drag(page, drawn(page, "cpu_usage"), 0.2, 0.9)
    shown = parameters(page)
    page.go_back()
    expect(said).to_have_text("")
    expect(page).to_have_url(scene.origin + path)
    page.go_forward()
    expect(said).not_to_have_text("")
    assert parameters(page) == shown


def test_zoom_works_with_the_keyboard(scene: Scene, page: Page) -> None:
    page.goto(scene.origin + "/nodes/node03")
    page.locator(".zoom-fields summary").press("Enter")
    page.locator("#zoom [name=from]").fill(NIGHT.strftime("%Y-%m-%dT%H:%M:%S"))
    page.locator("#zoom [name=to]").fill((NIGHT + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S"))
    page.get_by_role("button", name="Show", exact=True).press("Enter")
    assert parameters(page)["from"] == [NIGHT.strftime("%Y-%m-%dT%H:%M:%SZ")]
    expect(drawn(page, "cpu_usage")).to_have_attribute("aria-label", re.compile("^CPU: from .* mean "))
    page.locator("#zoom-wider").press("Enter")
    assert parameters(page)["from"] == [(NIGHT - timedelta(minutes=30)).strftime("%Y-%m-%dT%H:%M:%SZ")]
    page.locator("#zoom-end").press("Enter")
    expect(page.locator(".zoom-fields summary")).to_be_focused()
    assert "from" not in parameters(page)


def test_finger_selects_a_part_of_a_chart(scene: Scene, open_page: OpenPage) -> None:
    page = open_page(viewport=PHONE, has_touch=True)
    page.goto(scene.origin + "/nodes/node03")
    chart = drawn(page, "cpu_usage")
    chart.scroll_into_view_if_needed()
    box = chart.locator(".u-over").bounding_box()
    assert box is not None
    session = page.context.new_cdp_session(page)

    def touch(kind: str, share: float | None) -> None:
        points: list[dict[str, Any]] = []
        if share is not None:
            points = [{"x": box["x"] + box["width"] * share, "y": box["y"] + box["height"] / 2}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", 0.2)
    for share in (0.3, 0.5, 0.7):
        touch("touchMove", share)
    touch("touchEnd", None)
    expect(page.locator("#zoom-end")).to_be_visible()
    assert "from" in parameters(page)


# -- events


@pytest.mark.parametrize(("locale", "sentence"), [("en-GB", "Alert: node03: "), ("fr-FR", "Alerte\u00a0: node03")])
def test_events_are_listed_and_a_click_shows_their_time(
    scene: Scene, open_page: OpenPage, locale: str, sentence: str
) -> None:
    page = open_page(locale=locale)
    page.goto(scene.origin + "/nodes/node03?range=7d")
    page.locator("#marks summary").click()
    row = page.locator("#marks-list li[data-kind=alert_began]").last
    expect(row).to_contain_text(sentence)
    row.locator("button").press("Enter")
    expect(page.locator("#zoom-said")).not_to_have_text("")


def test_tooltip_of_a_chart_has_the_sentence_of_an_event(scene: Scene, page: Page) -> None:
    page.goto(scene.origin + "/nodes/node03")
    chart = drawn(page, "cpu_usage")
    expect(chart).to_have_attribute("aria-label", re.compile(r"\d+ events?"))
    began = page.locator("#marks-list li").first
    page.locator("#marks summary").click()
    began.locator("button").click()
    # The event is in the middle of the part.
    begin, end = (datetime.fromisoformat(parameters(page)[name][0]) for name in ("from", "to"))
    assert abs(end - begin - timedelta(minutes=30)) < timedelta(seconds=2)
    expect(chart).to_have_attribute("aria-label", re.compile(r"\d+ events?"))
    chart.scroll_into_view_if_needed()
    box = chart.locator(".u-over").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(chart.locator(".chart-tip")).to_have_text(re.compile("Alert: node03: "))


# -- the ranking


def test_failed_ranking_is_shown_and_the_list_stays(scene: Scene, page: Page) -> None:
    page.route("**/api/history/top*", lambda route: route.fulfill(status=503, json={}))
    page.goto(scene.origin + "/nodes?sort=-cpu_usage&by=avg")
    expect(page.locator("#ranking-note")).to_have_text(re.compile(r"could not be read \(HTTP status 503\)"))
    expect(page.locator("#node-rows [role=row]")).to_have_count(NODES)


def test_peak_has_its_time_and_a_long_name_is_cut_at_its_end(scene: Scene, open_page: OpenPage) -> None:
    # On a wide screen the cell cuts the name, on a phone the name cuts itself.
    for width, parts in ((1280, {".ranked": ".status-cell"}), (390, {".node-name": ".name-cell"})):
        page = open_page(viewport={"width": width, "height": 844}, locale="fr-FR")
        page.goto(scene.origin + "/nodes?sort=-temperature&by=max")
        expect(page.locator("#node-rows .ranked").first).to_have_text(re.compile("pic .*:"))
        beyond = """(parts, cell) => parts.filter((part) => {
            return part.getBoundingClientRect().right > part.closest(cell).getBoundingClientRect().right + 1;
        }).map((part) => part.textContent)"""
        for part, cell in parts.items():
            assert page.eval_on_selector_all(f"#node-rows {part}", beyond, cell) == []


# -- the past wall


def test_past_wall_is_not_live_and_can_be_left(scene: Scene, page: Page) -> None:
    page.goto(f"{scene.origin}/live?at={NIGHT:%Y-%m-%dT%H:%M:%SZ}")
    expect(page.locator("#past-said")).to_have_text(re.compile("have no data then"))
    for hidden in ("#freshness", ".wall-trouble", "#wall-firing", ".verdict"):
        expect(page.locator(hidden).first).to_be_hidden()
    figure = page.locator("[data-figure=avg_cpu]")
    before = figure.inner_text()
    scene.next_round()
    scene.next_round()
    page.wait_for_timeout(300)
    assert figure.inner_text() == before
    page.locator("#past-slider").press("ArrowRight")
    expect(page).not_to_have_url(re.compile("T03%3A00%3A00Z$"))
    page.keyboard.press("Escape")
    expect(page.locator("#past")).to_be_hidden()
    expect(page.locator("#freshness[data-state=live]")).to_be_visible()
    assert "Past" not in page.title()
    assert "at" not in parameters(page)


@pytest.mark.parametrize("query", ["", "?q=node0*"])
def test_way_back_of_the_browser_leads_to_the_live_wall(scene: Scene, page: Page, query: str) -> None:
    page.goto(scene.origin + "/live" + query)
    past = page.locator("#past")
    page.click("#past-open")
    expect(past).to_be_visible()
    page.go_back()
    expect(past).to_be_hidden()
    expect(page.locator("body[data-past]")).to_have_count(0)
    page.go_forward()
    expect(past).to_be_visible()
    assert "at" in parameters(page)
    assert page.locator("#search").input_value() == query.removeprefix("?q=")


def test_escape_in_the_search_of_the_past_wall_clears_the_search_only(scene: Scene, page: Page) -> None:
    page.goto(f"{scene.origin}/live?at={NIGHT:%Y-%m-%dT%H:%M:%SZ}&q=node0*")
    past, field = page.locator("#past"), page.locator("#search")
    expect(past).to_be_visible()
    page.click("#search-help summary")
    page.keyboard.press("Escape")
    expect(page.locator(".search-syntax")).to_be_hidden()
    field.press("Escape")
    expect(field).to_have_value("")
    expect(past).to_be_visible()
    page.go_back()
    expect(field).to_have_value("node0*")
    expect(past).to_be_visible()
    page.locator("#past-slider").press("Escape")
    expect(past).to_be_hidden()


def test_page_says_that_a_moment_in_the_address_is_not_valid(scene: Scene, page: Page) -> None:
    page.goto(scene.origin + "/live?at=yesterday")
    problem = page.locator("#past-problem")
    expect(problem).to_have_text(re.compile("^The address has no valid moment"))
    expect(page.locator("#freshness[data-state=live]")).to_be_visible()
    page.click("#past-open")
    expect(problem).to_be_hidden()


def test_past_wall_is_empty_when_the_moment_cannot_be_read(scene: Scene, page: Page) -> None:
    page.route("**/api/history/moment*", lambda route: route.fulfill(status=503, json={}))
    page.goto(f"{scene.origin}/live?at={NIGHT:%Y-%m-%dT%H:%M:%SZ}")
    expect(page.locator("#past-said")).to_have_text(re.compile("could not be read"))
    expect(page.locator("[data-figure=online_nodes]")).to_have_text("0")


def test_tooltip_of_the_past_wall_names_a_node_without_data(scene: Scene, page: Page) -> None:
    page.goto(f"{scene.origin}/live?at={NIGHT:%Y-%m-%dT%H:%M:%SZ}")
    expect(page.locator("#past-said")).to_have_text(re.compile("have no data then"))
    page.locator("#heat-map").focus()
    for key in ("ArrowRight", "End"):
        page.keyboard.press(key)
    expect(page.locator("#wall-tip")).to_contain_text(re.compile("No data at that moment|Online"))


# -- accessibility


@pytest.mark.parametrize(("viewport", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")], ids=["desktop", "phone"])
@pytest.mark.parametrize(
    "path",
    [
        "/compare", "/compare?node=node01&node=node02&node=nobody&range=24h", "/nodes/node03?range=7d",
        "/nodes?sort=-temperature&by=max", f"/live?at={NIGHT:%Y-%m-%dT%H:%M:%SZ}",
        f"/monitoring?from={NIGHT:%Y-%m-%dT%H:%M:%SZ}&to={NIGHT:%Y-%m-%dT04:%M:%SZ}",
    ],
)  # fmt: skip
def test_axe_finds_nothing_serious(scene: Scene, open_page: OpenPage, path: str, viewport: Any, scheme: Any) -> None:
    page = open_page(locale="fr-FR", color_scheme=scheme, viewport=viewport)
    page.goto(scene.origin + path)
    page.wait_for_load_state("networkidle")
    marks = page.locator("#marks summary")
    if marks.is_visible():
        marks.click()
    assert serious_violations(page) == []
