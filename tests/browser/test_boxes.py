"""No text lies over another and none is cut, whatever the screen, the language, the theme, and the cluster.

All pairs of values in some twenty combinations; with ``EVERY_COMBINATION`` in the environment, all of them.
"""

import itertools
import os
import random
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.boxes import small_targets, wrongs
from tests.browser.scene import Scene, State

#: Width and height of the screen.
SCREENS: Final = {1440: 900, 1024: 768, 768: 1024, 390: 844}
PAGES: Final = ("/", "/nodes", "/nodes/node03", "/monitoring", "/alerts", "/live")
#: Looked at on a phone in French, which takes the most room, and in all combinations.
FURTHER_PAGES: Final = ("/nodes?view=grid", "/monitoring?range=7d", "/websocket-test", "/api")
DIMENSIONS: Final[dict[str, tuple[Any, ...]]] = {
    "path": PAGES,
    "width": tuple(SCREENS),
    "nodes": (1, 50, 1000),
    "state": ("calm", "alerts", "away"),
    "scheme": ("light", "dark"),
    "language": ("en", "fr"),
}
Combination = tuple[Any, ...]


def all_combinations() -> list[Combination]:
    return list(itertools.product(*DIMENSIONS.values()))


def pairwise(seed: int = 22) -> list[Combination]:
    """Combinations in which every two values of different dimensions meet at least once, by greedy choice."""
    places = range(len(DIMENSIONS))
    open_pairs = {
        (one, first, other, second)
        for one, other in itertools.combinations(places, 2)
        for first in list(DIMENSIONS.values())[one]
        for second in list(DIMENSIONS.values())[other]
    }

    def met(combination: Combination) -> set[tuple[int, Any, int, Any]]:
        return {(one, combination[one], other, combination[other]) for one, other in itertools.combinations(places, 2)}

    everything = all_combinations()
    random.Random(seed).shuffle(everything)
    chosen = []
    while open_pairs:
        best = max(everything, key=lambda combination: len(met(combination) & open_pairs))
        chosen.append(best)
        open_pairs -= met(best)
    return chosen


def in_order(combinations: list[Combination]) -> list[Combination]:
    """One cluster after the other, so that each is drawn once."""
    states = list(DIMENSIONS["state"])
    return sorted(combinations, key=lambda each: (each[2], states.index(each[3]), each[0]))


def wanted() -> list[Combination]:
    if not os.environ.get("EVERY_COMBINATION"):
        return pairwise() + [(path, 390, 50, "alerts", "light", "fr") for path in FURTHER_PAGES]
    further = itertools.product(FURTHER_PAGES, *list(DIMENSIONS.values())[1:])
    return [*all_combinations(), *further]


COMBINATIONS: Final = in_order(wanted())


@pytest.fixture(scope="module")
def shown() -> list[tuple[int, State]]:
    """What the scene shows, so that it changes only when the test wants another one."""
    shown: list[tuple[int, State]] = []
    return shown


@pytest.mark.parametrize(
    ("path", "width", "nodes", "state", "scheme", "language"), COMBINATIONS, ids=lambda value: str(value)
)
def test_no_text_lies_over_another_or_is_cut(
    scene: Scene, shown: list[tuple[int, State]], browser: Browser,
    path: str, width: int, nodes: int, state: State, scheme: Any, language: str,
) -> None:  # fmt: skip
    if shown[-1:] != [(nodes, state)]:
        scene.show(nodes, state)
        shown.append((nodes, state))
    context = browser.new_context(
        locale={"en": "en-GB", "fr": "fr-FR"}[language], color_scheme=scheme, has_touch=width < 900,
        viewport={"width": width, "height": SCREENS[width]},
    )  # fmt: skip
    page = context.new_page()
    page.clock.install()
    name = "node01" if nodes < 1000 else "node0001"
    page.goto(scene.origin + path.replace("node03", name if nodes == 1 else name[:-1] + "3"))
    settled(page, path, state)
    found = wrongs(page)
    page.evaluate("scrollTo(0, document.scrollingElement.scrollHeight)")
    settled(page, path, state)
    found += wrongs(page)
    context.close()
    assert found == []


@pytest.mark.parametrize("path", PAGES + FURTHER_PAGES)
def test_everything_can_be_pressed_with_a_finger_on_a_phone(scene: Scene, browser: Browser, path: str) -> None:
    scene.show(50, "alerts")
    context = browser.new_context(locale="en-GB", has_touch=True, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(scene.origin + path)
    settled(page, path, "alerts")
    small = small_targets(page)
    context.close()
    assert small == []


def test_every_two_values_meet_in_some_combination() -> None:
    chosen = pairwise()
    assert len(chosen) < len(all_combinations()) / 30
    for one, other in itertools.combinations(range(len(DIMENSIONS)), 2):
        first, second = list(DIMENSIONS.values())[one], list(DIMENSIONS.values())[other]
        assert {(each[one], each[other]) for each in chosen} == set(itertools.product(first, second))


def settled(page: Page, path: str, state: State) -> None:
    """Wait until the page shows what it knows, and says so where its data grows old."""
    if path == "/api":
        return
    if state == "away":
        page.clock.run_for(9000)
        expect(page.locator("#banner")).to_be_visible()
    else:
        expect(page.locator("#freshness[data-state=live]")).to_be_visible()
    # What is asked for once scrolling has paused, and the next drawing.
    page.clock.run_for(1000)
    page.wait_for_load_state("networkidle" if state != "away" else "load")
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
