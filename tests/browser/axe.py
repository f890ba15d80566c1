"""What axe finds on a page. Source: https://github.com/dequelabs/axe-core"""

from typing import Final

from playwright.sync_api import Page

from tests.drivers.process import ROOT

_SCRIPT: Final = ROOT / "dashboard" / "node_modules" / "axe-core" / "axe.min.js"


def serious(page: Page) -> list[str]:
    """Its serious and critical findings, a sentence an element."""
    page.evaluate(_SCRIPT.read_text())
    found = page.evaluate("axe.run()")
    assert found["passes"], "axe looked at nothing"
    return [
        f"{violation['id']}: {node['html'][:200]} {node['failureSummary']}"
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]
