"""No text overlaps another or is cut, on any screen, in any language, theme and cluster.

About twenty combinations cover all pairs of values. With ``EVERY_COMBINATION`` in the environment, all combinations
run. Combinations that differ only in width and theme share a page, which is resized and changes its theme.
"""

import itertools
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.cluster import IPV6_WITH_PORT, LONG_NAME, State
from tests.browser.conftest import OpenPage
from tests.browser.scene import Scene

#: Script that finds texts of a page that overlap or are cut.
BOXES: Final = Path(__file__).with_name("boxes.js").read_text().partition("\n")[2].rstrip()
#: Width and height of the screen.
SCREENS: Final = {1440: 900, 1024: 768, 768: 1024, 390: 844}
PAGES: Final = ("/", "/nodes", "/nodes/node03", "/monitoring", "/alerts", "/live")
#: The wall yesterday.
PAST_WALL: Final = f"/live?at={time.strftime('%Y-%m-%dT%H:00:00Z', time.gmtime(time.time() - 86_400))}"
#: Pages that run only on a phone in French, which needs the most room, and with ``EVERY_COMBINATION``.
FURTHER_PAGES: Final = (
    "/nodes?view=grid", "/monitoring?range=7d", "/alerts?log=1", "/websocket-test", "/api",
    "/compare?node=node01&node=node02&node=nobody", "/nodes?sort=-temperature&by=max", PAST_WALL,
    f"/nodes/{LONG_NAME}", f"/nodes/{quote(IPV6_WITH_PORT)}",
)  # fmt: skip
#: Smaller widths are touch screens.
TOUCH_WIDTH: Final = 900
#: Combinations that failed once and that the pairs do not cover.
REGRESSIONS: Final = (
    ("/live", 1024, 1, "away", "light", "fr"), ("/monitoring?range=7d", 1440, 50, "ill", "light", "fr"),
)  # fmt: skip
DIMENSIONS: Final[dict[str, tuple[Any, ...]]] = {
    "path": PAGES,
    "width": tuple(SCREENS),
    "nodes": (1, 50, 1000),
    "state": ("calm", "ill", "away"),
    "scheme": ("light", "dark"),
    "language": ("en", "fr"),
}
Combination = tuple[Any, ...]


def all_combinations() -> list[Combination]:
    return list(itertools.product(*DIMENSIONS.values()))


def pairwise(seed: int = 22) -> list[Combination]:
    """Return combinations that contain every pair of values of two dimensions, by greedy choice."""
    places = range(len(DIMENSIONS))
    open_pairs = {
        (one, first, other, second)
        for one, other in itertools.combinations(places, 2)
        for first in list(DIMENSIONS.values())[one]
        for second in list(DIMENSIONS.values())[other]
    }

    def pairs_of(combination: Combination) -> set[tuple[int, Any, int, Any]]:
        return {(one, combination[one], other, combination[other]) for one, other in itertools.combinations(places, 2)}

    everything = all_combinations()
    random.Random(seed).shuffle(everything)
    chosen = []
    while open_pairs:
        best = max(everything, key=lambda combination: len(pairs_of(combination) & open_pairs))
        chosen.append(best)
        open_pairs -= pairs_of(best)
    return chosen


def exists(combination: Combination) -> bool:
    """Whether the cluster has the node of the page."""
    path, _, nodes, state, *_ = combination
    if path == f"/nodes/{LONG_NAME}":
        return bool(nodes > 1)
    return path != f"/nodes/{quote(IPV6_WITH_PORT)}" or (nodes > 1 and state != "calm")


def in_order(combinations: list[Combination]) -> list[Combination]:
    """Sort by cluster and page, so that each is drawn once."""
    states = list(DIMENSIONS["state"])

    def rank(combination: Combination) -> Any:
        path, width, nodes, state, scheme, language = combination
        return nodes, states.index(state), language, path, width < TOUCH_WIDTH, width, scheme

    return sorted(combinations, key=rank)


def selected_combinations() -> list[Combination]:
    if not os.environ.get("EVERY_COMBINATION"):
        return [*pairwise(), *REGRESSIONS, *((path, 390, 50, "ill", "light", "fr") for path in FURTHER_PAGES)]
    further = itertools.product(FURTHER_PAGES, *list(DIMENSIONS.values())[1:])
    return list(filter(exists, [*all_combinations(), *further]))


COMBINATIONS: Final = in_order(selected_combinations())


class Screen:
    """Shows a combination, and changes only the values that differ from the previous combination."""

    def __init__(self, scene: Scene, browser: Browser) -> None:
        self._scene = scene
        self._browser = browser
        self._cluster: tuple[int, State] | None = None
        self._opened: Combination = ()
        self._page: Page | None = None

    def show(self, combination: Combination) -> Page:
        """Show ``combination``. Return its page, scrolled to the top."""
        path, width, nodes, state, scheme, language = combination
        if self._cluster != (nodes, state):
            self.close()
            self._scene.show(nodes, state)
            self._cluster = nodes, state
        opened = path, nodes, state, language, width < TOUCH_WIDTH
        if self._page is None or self._opened != opened:
            self.close()
            context = self._browser.new_context(
                locale={"en": "en-GB", "fr": "fr-FR"}[language], color_scheme=scheme, has_touch=width < TOUCH_WIDTH,
                viewport={"width": width, "height": SCREENS[width]},
            )  # fmt: skip
            self._page, self._opened = context.new_page(), opened
            self._page.clock.install()
            name = "node01" if nodes < 1000 else "node0001"
            self._page.goto(self._scene.origin + path.replace("node03", name if nodes == 1 else name[:-1] + "3"))
            if state == "away" and path != "/api":
                self._page.clock.run_for(9000)
        else:
            self._page.set_viewport_size({"width": width, "height": SCREENS[width]})
            self._page.emulate_media(color_scheme=scheme)
            self._page.evaluate("scrollTo(0, 0)")
        wait_until_drawn(self._page, path, state)
        return self._page

    def close(self) -> None:
        """Close the page, if any."""
        if self._page is not None:
            self._page.context.close()
        self._page = None


@pytest.fixture(scope="module")
def screen(scene: Scene, browser: Browser) -> Iterator[Screen]:
    """The screen of all combinations."""
    screen = Screen(scene, browser)
    yield screen
    screen.close()


def layout_problems(page: Page) -> list[str]:
    """Return the texts on the screen that overlap or are cut, a sentence for each problem."""
    return list(page.evaluate(f"() => {BOXES}.layoutProblems()"))


@pytest.mark.parametrize("combination", COMBINATIONS, ids=lambda each: "-".join(map(str, each)))
def test_no_text_overlaps_another_or_is_cut(screen: Screen, combination: Combination) -> None:
    path, _, _, state, *_ = combination
    page = screen.show(combination)
    found = layout_problems(page)
    page.evaluate("scrollTo(0, document.scrollingElement.scrollHeight)")
    wait_until_drawn(page, path, state)
    found += layout_problems(page)
    assert found == []


@pytest.mark.parametrize("path", PAGES + FURTHER_PAGES)
def test_all_controls_are_large_enough_for_a_finger_on_a_phone(scene: Scene, open_page: OpenPage, path: str) -> None:
    scene.show(50, "ill")
    page = open_page(has_touch=True, viewport={"width": 390, "height": 844})
    page.goto(scene.origin + path)
    wait_until_drawn(page, path, "ill")
    assert page.evaluate(f"() => {BOXES}.smallTargets(44)") == []


def wait_until_drawn(page: Page, path: str, state: State) -> None:
    """Wait until the page has drawn its data, or shows that its data is old."""
    if path == "/api":
        return
    if state == "away":
        expect(page.locator("#banner")).to_be_visible()
    elif path == PAST_WALL:
        expect(page.locator("#past")).to_be_visible()
    else:
        expect(page.locator("#freshness[data-state=live]")).to_be_visible()
    # The requests after scrolling paused, and the next drawing.
    page.clock.run_for(1000)
    page.wait_for_load_state("networkidle" if state != "away" else "load")
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
