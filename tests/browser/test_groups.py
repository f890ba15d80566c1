"""Groups by a label on the wall, in the list of nodes and on the page of charts: 1000 nodes in 40 racks."""

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.axe import serious_violations
from tests.browser.conftest import OpenPage, WebSocketFrames, open_live
from tests.browser.scene import Scene
from tests.browser.test_boxes import BOXES, layout_problems
from tests.drivers.waiting import eventually

NODES = 1000
RACKS = 40
#: Each page with groups, and the heads of its groups.
HEADS = {
    "/live": "#wall-groups > li",
    "/nodes": "#node-rows .group-head",
    "/nodes?view=grid": "#node-cards .group-head",
    "/monitoring": "#node-charts .group-head",
}
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
#: Elements of a virtual list on the screen, including those beyond its edges.
MAX_ITEMS = 80


def grouped(path: str) -> str:
    """Return the address of a page with its nodes in racks."""
    return f"{path}{'&' if '?' in path else '?'}group=rack"


def head_of(page: Page, path: str, rack: str) -> Locator:
    return page.locator(f'{HEADS[path]}[data-group="{rack}"]')


def show_heads(page: Page, path: str) -> None:
    """Scroll to the list, which is below the screen of a phone, and wait for the heads."""
    page.evaluate("document.querySelector('#node-charts')?.scrollIntoView({ block: 'center' })")
    expect(page.locator(HEADS[path]).first).to_be_visible()


def names(page: Page) -> list[str]:
    """Return the names of the visible nodes in their order."""
    found: list[str] = page.eval_on_selector_all(
        "#node-rows [data-node], #node-cards [data-node], #node-charts [data-node]",
        "(rows) => rows.map((row) => row.dataset.node)",
    )
    return found


@pytest.fixture
def racks(scene: Scene) -> Scene:
    scene.show(NODES, "alerts", RACKS)
    return scene


@pytest.mark.parametrize("path", HEADS)
def test_control_is_hidden_when_no_node_has_a_label(scene: Scene, page: Page, path: str) -> None:
    scene.show(12, "calm")
    open_live(page, scene.origin + grouped(path))
    expect(page.locator("#group-control")).to_be_hidden()
    expect(page.locator(HEADS[path])).to_have_count(0)
    expect(page.locator("#fold-all")).to_be_hidden()


def test_names_of_the_racks_are_whole_on_a_small_wall(racks: Scene, open_page: OpenPage) -> None:
    page = open_page(viewport={"width": 1280, "height": 800})
    open_live(page, racks.origin + grouped("/live"))
    expect(page.locator(HEADS["/live"])).to_have_count(RACKS + 1)
    cut = (
        "(values) => values.filter((value) => value.scrollWidth > value.clientWidth).map((value) => value.textContent)"
    )
    assert page.eval_on_selector_all(".wall-group-value", cut) == []


@pytest.mark.parametrize("path", HEADS)
def test_choice_of_a_label_is_kept_in_the_address(racks: Scene, page: Page, path: str) -> None:
    open_live(page, racks.origin + path)
    expect(page.locator(HEADS[path])).to_have_count(0)
    expect(page.locator("#group-by option")).to_have_text(["none", "owner", "rack"])
    page.select_option("#group-by", "rack")
    expect(head_of(page, path, "1")).to_be_visible()
    assert "group=rack" in page.url
    page.reload()
    expect(head_of(page, path, "1")).to_be_visible()
    expect(page.locator("#group-by")).to_have_value("rack")
    page.select_option("#group-by", "")
    expect(page.locator(HEADS[path])).to_have_count(0)
    assert "group" not in page.url


@pytest.mark.parametrize("path", HEADS)
def test_group_has_its_name_worst_state_and_average(racks: Scene, page: Page, path: str) -> None:
    open_live(page, racks.origin + grouped(path))
    for rack, state in (("1", "Critical"), ("2", "Online")):
        head = head_of(page, path, rack)
        if path != "/live" and rack == "2":
            page.locator(".fold").first.click()
        expect(head).to_contain_text(f"rack {rack}")
        expect(head).to_contain_text(state)
        expect(head).to_contain_text(re.compile(r"\d\s%"))
        if path != "/live":
            expect(head).to_contain_text("25 nodes")


@pytest.mark.parametrize("path", HEADS)
def test_a_delta_moves_a_node_to_another_rack(racks: Scene, page: Page, path: str) -> None:
    frames = WebSocketFrames(page)
    open_live(page, racks.origin + grouped(path) + ("&measure=status" if path == "/live" else ""))
    first = head_of(page, path, "1")
    sizes = ("25", "24", "26") if path != "/live" else ("22/25", "21/24", "26/26")
    expect(first).to_contain_text(sizes[0])
    received = len(frames.events("cluster_metrics"))
    racks.move(0, "2")
    expect(first).to_contain_text(sizes[1])
    if path != "/live":
        page.locator(".fold").first.click()
    expect(head_of(page, path, "2")).to_contain_text(sizes[2])
    assert len(frames.events("cluster_metrics")) == received or path != "/live"


@pytest.mark.parametrize("path", [path for path in HEADS if path != "/live"])
def test_a_folded_group_shows_no_nodes_and_stays_folded_in_the_tab(racks: Scene, page: Page, path: str) -> None:
    frames = WebSocketFrames(page)
    open_live(page, racks.origin + grouped(path))
    expect(page.locator('[data-node="node0002"]')).to_have_count(1)
    button = head_of(page, path, "1").locator("button")
    expect(button).to_have_attribute("aria-expanded", "true")
    button.focus()
    button.press("Enter")
    expect(button).to_have_attribute("aria-expanded", "false")
    expect(button).to_be_focused()
    expect(page.locator('[data-node="node0002"]')).to_have_count(0)
    expect(page.locator('[data-node="node0026"]')).to_be_visible()

    def subscribed() -> list[str]:
        page.evaluate("0")  # Playwright delivers the events of the page meanwhile
        return frames.subscribed()

    eventually(lambda: "node0026" in subscribed() and "node0002" not in subscribed(), what="another subscription")
    page.reload()
    expect(button).to_have_attribute("aria-expanded", "false")
    expect(page.locator('[data-node="node0026"]')).to_be_visible()
    button.click()
    expect(page.locator('[data-node="node0002"]')).to_have_count(1)


@pytest.mark.parametrize("path", [path for path in HEADS if path != "/live"])
def test_all_groups_fold_and_are_sorted_naturally(racks: Scene, page: Page, path: str) -> None:
    page.set_viewport_size({"width": 1440, "height": 3000})
    open_live(page, racks.origin + grouped(path))
    page.click("#fold-all")
    expect(page.locator("#fold-all")).to_have_text("Unfold all")
    expected = [*(f"rack {rack}" for rack in range(1, RACKS + 1)), "without rack"]
    expect(page.locator(f"{HEADS[path]} button")).to_have_text(expected)
    if path == "/nodes":
        expect(page.locator("#node-table")).to_have_attribute("aria-rowcount", str(RACKS + 2))
        expect(page.locator(HEADS[path]).last).to_have_attribute("aria-rowindex", str(RACKS + 2))
    # The groups of another label are open
    page.select_option("#group-by", "owner")
    expect(page.locator(f"{HEADS[path]} button").first).to_have_attribute("aria-expanded", "true")


@pytest.mark.parametrize("path", [path for path in HEADS if path != "/live"])
def test_only_visible_nodes_of_open_groups_have_elements(racks: Scene, page: Page, path: str) -> None:
    open_live(page, racks.origin + grouped(path))
    expect(page.locator(HEADS[path]).first).to_be_visible()
    for _ in range(4):
        page.mouse.wheel(0, 4000)
        page.wait_for_timeout(150)
        assert 3 < len(names(page)) < MAX_ITEMS
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    expect(page.locator('[data-node="node1000"]')).to_be_visible()
    expect(head_of(page, path, "")).to_contain_text("without rack")


def test_sort_order_applies_within_each_group(racks: Scene, page: Page) -> None:
    page.set_viewport_size({"width": 1440, "height": 3000})
    open_live(page, racks.origin + grouped("/nodes"))
    expect(page.locator('[data-node="node0002"]')).to_have_count(1)
    page.click("[data-sort=node]")
    rows = page.locator("#node-rows [role=row]")
    expect(rows.nth(2)).to_have_attribute("data-node", "node0025")
    shown = names(page)
    assert shown[:25] == sorted(shown[:25], reverse=True)
    assert set(shown[25:50]) == {f"node{number:04}" for number in range(26, 51)}
    # A search leaves the groups that have found nodes
    page.fill("input[name=q]", "node0777")
    expect(page.locator(HEADS["/nodes"])).to_have_text([re.compile("rack 32.*1 node", re.DOTALL)])
    assert names(page) == ["node0777"]


def test_keys_and_pointer_select_nodes_on_the_wall_with_groups(racks: Scene, page: Page) -> None:
    open_live(page, racks.origin + grouped("/live"))
    expect(page.locator(HEADS["/live"])).to_have_count(RACKS + 1)
    heat_map = page.locator("#heat-map")
    tip = page.locator("#wall-tip")
    heat_map.press("Home")
    expect(tip).to_contain_text("node0001")
    expect(tip).to_contain_text("rack 1")
    heat_map.press("ArrowRight")
    expect(tip).to_contain_text("node0002")
    for _ in range(12):
        heat_map.press("ArrowDown")
    expect(tip).not_to_contain_text("rack 1\n")
    expect(page.locator("#wall-said")).to_have_text(re.compile(r"node\d{4}: Online, CPU .*, rack \d+$"))
    heat_map.press("End")
    expect(tip).to_contain_text("without rack")
    # The pointer selects the node that it is over, the first of rack 17
    box = head_of(page, "/live", "17").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 6, box["y"] + box["height"] + 6)
    expect(tip).to_contain_text("node0401")
    page.mouse.click(box["x"] + 6, box["y"] + box["height"] + 6)
    expect(page).to_have_url(re.compile("/nodes/node0401$"))


def test_averages_on_the_wall_follow_the_measure(racks: Scene, page: Page) -> None:
    open_live(page, racks.origin + grouped("/live"))
    average = head_of(page, "/live", "3").locator("[data-field=average]")
    expect(average).to_have_text(re.compile(r"^\d+\s%$"))
    page.click("[data-measure=temperature]")
    expect(average).to_have_text(re.compile(r"^\d+\s°C$"))
    page.click("[data-measure=status]")
    expect(average).to_have_text("25/25")


@pytest.mark.parametrize("path", HEADS)
@pytest.mark.parametrize(("viewport", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")], ids=["desktop", "phone"])
def test_axe_finds_nothing_serious_with_groups(
    racks: Scene, open_page: OpenPage, path: str, viewport: Any, scheme: Any
) -> None:
    page = open_page(locale="fr-FR", color_scheme=scheme, viewport=viewport)
    open_live(page, racks.origin + grouped(path))
    show_heads(page, path)
    assert serious_violations(page) == []


@pytest.mark.parametrize("path", HEADS)
def test_texts_of_groups_are_neither_cut_nor_overlap(scene: Scene, open_page: OpenPage, path: str) -> None:
    scene.show(50, "ill", 12)
    for width, height in ((1440, 900), (1024, 768), (768, 1024), (390, 844)):
        page = open_page(locale="fr-FR", viewport={"width": width, "height": height}, has_touch=width < 900)
        open_live(page, scene.origin + grouped(path))
        show_heads(page, path)
        page.wait_for_load_state("networkidle")
        assert layout_problems(page) == [], width
        if width == 390:
            assert page.evaluate(f"() => {BOXES}.smallTargets(44)") == []
        page.close()
