"""Charts: their axes, the thresholds of rules, the quantiles of nodes, and the start of data."""

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from contract.history import CLUSTER_NODE, MEASURES, RESOLUTIONS, HistoryEntry, encode_entry
from contract.names import HISTORY_FIELD, HISTORY_KEYS, history_key
from tests.browser.conftest import OpenPage
from tests.browser.scene import Scene
from tests.drivers.waiting import eventually

NODES = 20
#: A board without a temperature sensor and without a history of temperatures.
WITHOUT_SENSOR = "node20"
#: Age in minutes of a young cluster, and of its first node.
MINUTES = 5
MINUTES_OF_NODE = 1

#: Records the texts on each canvas, with the left and right end of each text as shares of the width.
RECORD_LABELS = """
window.labels = new Map();
const write = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (text, x, ...rest) {
  if (!window.labels.has(this.canvas)) window.labels.set(this.canvas, new Map());
  const half = this.textAlign === "center" ? this.measureText(text).width / 2 : 0;
  window.labels.get(this.canvas).set(text, [(x - half) / this.canvas.width, (x + half) / this.canvas.width]);
  return write.call(this, text, x, ...rest);
};
window.labelsOf = (measure) => {
  const canvas = document.querySelector(`[data-measure="${measure}"] canvas`);
  return Object.fromEntries(window.labels.get(canvas) ?? []);
};
"""
#: Counts the pixels of a chart with the colour of a custom property.
POINTS_OF_COLOR = """([measure, property]) => {
  const probe = document.getElementById("color-probe");
  probe.style.color = `var(${property})`;
  const wanted = getComputedStyle(probe).color.match(/\\d+/g).map(Number);
  const canvas = document.querySelector(`[data-measure="${measure}"] canvas`);
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let found = 0;
  for (let at = 0; at < data.length; at += 4) {
    if (wanted.every((value, index) => data[at + index] === value)) found += 1;
  }
  return found;
}"""


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    """Twenty nodes with a week of history."""
    with Scene() as scene:
        scene.show(NODES, "calm")
        yield scene


@pytest.fixture
def young(scene: Scene) -> Iterator[Scene]:
    """The same cluster with a few minutes of history."""
    redis = scene.valkey.client()
    for key in redis.scan_iter(f"{HISTORY_KEYS}:*"):
        redis.delete(key)
    now = int(time.time())
    finest = RESOLUTIONS[0]
    entry = encode_entry(HistoryEntry(5, tuple(20.0 for _ in MEASURES)))
    for node, minutes in ((CLUSTER_NODE, MINUTES), ("node01", MINUTES_OF_NODE)):
        for at in range(now - 60 * minutes, now - finest.seconds, 1):
            if at % finest.seconds == 0:
                redis.xadd(history_key(finest.seconds, node), {HISTORY_FIELD: entry}, id=f"{at * 1000}-0")
    redis.close()
    yield scene
    scene.show(1, "calm")
    scene.show(NODES, "calm")


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    page = open_page(viewport={"width": 1440, "height": 900})
    page.add_init_script(RECORD_LABELS)
    return page


def chart(page: Page, measure: str) -> Locator:
    found = page.locator(f'[data-measure="{measure}"] .chart').first
    expect(found).to_have_attribute("aria-label", re.compile(r"from .* to .*, now "))
    return found


def labels(page: Page, measure: str) -> dict[str, list[float]]:
    chart(page, measure)
    found: dict[str, list[float]] = page.evaluate("(measure) => labelsOf(measure)", measure)
    return {text.replace("\u00a0", " "): ends for text, ends in found.items()}


def tooltip_at(page: Page, measure: str, share: float) -> str:
    """Return the tooltip at ``share`` of the chart's width."""
    drawn = chart(page, measure).locator(".u-over")
    box = drawn.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] / 2)
    tip = chart(page, measure).locator(".chart-tip")
    expect(tip).to_be_visible()
    return (tip.text_content() or "").replace("\u00a0", " ")


@pytest.mark.parametrize("chosen", ["1h", "7d"])
@pytest.mark.parametrize("width", [390, 1440])
def test_labels_of_axes_are_not_cut(scene: Scene, page: Page, chosen: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{scene.origin}/monitoring?range={chosen}")
    found = labels(page, "temperature")
    assert len(found) > 5
    assert all(left >= 0 and right <= 1 for left, right in found.values()), found
    if chosen == "7d":
        assert any(re.fullmatch(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d+", text) for text in found), found


def test_last_label_of_an_axis_is_not_cut_when_it_has_seconds(young: Scene, page: Page) -> None:
    # A width at which every step has a label, including the last
    page.set_viewport_size({"width": 820, "height": 900})
    page.goto(f"{young.origin}/nodes/node01")

    def ends() -> list[float]:
        page.wait_for_timeout(50)
        return [
            right for text, (_, right) in labels(page, "cpu_usage").items() if re.fullmatch(r"\d\d:\d\d:\d\d", text)
        ]

    eventually(lambda: max(ends(), default=0) > 0.97, within_seconds=60, what="a label with seconds at the end")
    assert max(ends()) <= 1


@pytest.mark.parametrize(
    ("locale", "text"), [("en-GB", "No temperature sensor"), ("fr-FR", "Pas de capteur de température")]
)
def test_chart_shows_the_reason_when_the_node_has_no_sensor(
    scene: Scene, open_page: OpenPage, locale: str, text: str
) -> None:
    page = open_page(locale=locale)
    page.goto(f"{scene.origin}/nodes/{WITHOUT_SENSOR}")
    card = page.locator('[data-measure="temperature"]')
    expect(card.locator(".chart-lack")).to_have_text(text)
    expect(card.locator(".chart-lack")).to_be_visible()
    expect(page.locator('[data-measure="cpu_usage"] .chart-lack')).to_be_hidden()


def test_unknown_node_has_no_history_and_no_error(scene: Scene, page: Page) -> None:
    page.route("**/api/history*", lambda route: route.fulfill(status=404, json={}))
    page.goto(f"{scene.origin}/nodes/nobody")
    expect(page.locator('[data-measure="cpu_usage"] .chart-lack')).to_have_text("No history in this range yet.")
    expect(page.locator("#history-note")).to_be_hidden()


def test_chart_draws_the_threshold_of_an_enabled_rule(scene: Scene, page: Page) -> None:
    rules = [
        {"name": "temperature", "enabled": True, "severity": "critical", "threshold": 77, "clear": 70},
        {"name": "cpu", "enabled": False, "severity": "critical", "threshold": 95, "clear": 90},
    ]
    page.route("**/api/rules", lambda route: route.fulfill(json={"rules": rules}))
    page.goto(f"{scene.origin}/nodes/node01")
    expect(chart(page, "temperature")).to_have_attribute("aria-label", re.compile("Alert from 77\u00a0°C"))
    assert page.evaluate(POINTS_OF_COLOR, ["temperature", "--bad"]) > 50
    assert page.evaluate(POINTS_OF_COLOR, ["cpu_usage", "--bad"]) == 0
    expect(chart(page, "cpu_usage")).not_to_have_attribute("aria-label", re.compile("Alert from"))


def with_distribution(route: Route) -> None:
    """Respond with a history that has a distribution for its second half."""
    answer = route.fetch()
    history: dict[str, Any] = answer.json()
    if "node=" not in route.request.url:
        measures = {}
        for measure, known in history["series"][0]["measures"].items():
            count = len(known["avg"])

            def later(factor: float, avg: list[float | None] = known["avg"], count: int = count) -> list[float | None]:
                return [
                    None if value is None or index < count / 2 else round(value * factor, 1)
                    for index, value in enumerate(avg)
                ]

            measures[measure] = {
                "p10": later(0.5), "median": later(0.9), "p90": later(1.3), "max": later(1.6),
                "max_node": ["node07"] * count,
            }  # fmt: skip
        history["distribution"] = {"measures": measures}
    route.fulfill(response=answer, json=history)


def test_cluster_charts_show_quantiles_and_where_only_the_average_is_known(scene: Scene, page: Page) -> None:
    page.route("**/api/history*", with_distribution)
    page.goto(f"{scene.origin}/monitoring?range=1h")
    expect(page.locator('[data-measure="cpu_usage"] .chart-note').first).to_have_text(
        re.compile(r"^average only before \d\d:\d\d$")
    )
    card = page.locator('#cluster-charts [data-measure="cpu_usage"]')
    assert card.locator("h2").inner_text() == "Median CPU"
    expect(card.locator(".readout")).to_have_text(re.compile(r"^avg\. [\d.]+\s%$"))
    late = tooltip_at(page, "cpu_usage", 0.8)
    assert re.fullmatch(r"\d\d:\d\d:\d0 · median [\d.]+ %\n10–90 %: \d+ – \d+ %\nhighest [\d.]+ %, node07", late), late
    early = tooltip_at(page, "cpu_usage", 0.2)
    assert re.fullmatch(r"\d\d:\d\d:\d0 · average [\d.]+ %", early), early
    expect(page.locator(".chart-legend")).to_contain_text("10th to 90th percentile")


@pytest.mark.parametrize(
    ("locale", "heading", "now"), [("en-GB", "Median temp.", "avg. "), ("fr-FR", "Temp. médiane", "moy. ")]
)
def test_heading_of_a_cluster_chart_names_its_line_in_one_row(
    scene: Scene, open_page: OpenPage, locale: str, heading: str, now: str
) -> None:
    page = open_page(locale=locale, viewport={"width": 1200, "height": 900})
    page.route("**/api/history*", with_distribution)
    page.goto(f"{scene.origin}/monitoring?range=1h")
    card = page.locator('#cluster-charts [data-measure="temperature"]')
    expect(card).to_have_attribute("data-line", "median")
    assert card.locator("h2").inner_text() == heading
    expect(card.locator(".readout")).to_have_text(re.compile(f"^{re.escape(now)}"))
    tops = card.locator(".heading > *").evaluate_all("(all) => all.map((each) => each.getBoundingClientRect().bottom)")
    assert abs(tops[0] - tops[1]) < 5


@pytest.mark.parametrize(("width", "rows"), [(1200, 1), (1024, 2), (768, 2), (390, 4)])
def test_charts_of_the_cluster_fill_their_rows(scene: Scene, page: Page, width: int, rows: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{scene.origin}/monitoring")
    chart(page, "temperature")
    tops = page.locator("#cluster-charts > section").evaluate_all("(all) => all.map((each) => each.offsetTop)")
    assert sorted(tops.count(top) for top in set(tops)) == [4 // rows] * rows


def test_note_of_a_small_chart_is_hidden_when_the_tooltip_is_shown(scene: Scene, page: Page) -> None:
    page.goto(f"{scene.origin}/monitoring?range=7d")
    young = page.locator("#node-charts > li").filter(has=page.get_by_text(WITHOUT_SENSOR, exact=True))
    young.scroll_into_view_if_needed()
    note = young.locator(".chart-note")
    expect(note).to_have_text(re.compile(r"^data since \w{3} \d+ about \d\d:00$"))
    expect(note).to_be_visible()
    young.locator(".u-over").hover()
    expect(young.locator(".chart-tip")).to_be_visible()
    expect(note).to_be_hidden()
