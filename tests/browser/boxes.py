"""Measures the texts of a page: where they lie, and what of them is not to be seen."""

from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page

_SCRIPT: Final = Path(__file__).with_name("boxes.js").read_text()


def wrongs(page: Page) -> list[str]:
    """What is wrong with the texts that the page shows now, a sentence each: they overlap, or are cut."""
    found: Any = page.evaluate(f"() => {_expression()}.wrongs()")
    return list(found)


def small_targets(page: Page, pixels: int = 44) -> list[str]:
    """What can be pressed and is less high than that."""
    found: Any = page.evaluate(f"(size) => {_expression()}.small(size)", pixels)
    return list(found)


def _expression() -> str:
    return _SCRIPT.partition("\n")[2].rstrip()
