"""Runs axe on a page. Source: https://github.com/dequelabs/axe-core"""

from typing import Final

from playwright.sync_api import Page

from tests.drivers.process import ROOT

_SCRIPT: Final = ROOT / "dashboard" / "node_modules" / "axe-core" / "axe.min.js"


def serious_violations(page: Page) -> list[str]:
    """Return the serious and critical violations of the page, a sentence for each element."""
    page.evaluate(_SCRIPT.read_text())
    found = page.evaluate("axe.run()")
    assert found["passes"], "axe checked nothing"
    return [
        f"{violation['id']}: {node['html'][:200]} {node['failureSummary']}"
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]
