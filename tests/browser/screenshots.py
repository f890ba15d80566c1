"""Takes the screenshots of the documentation: ``python -m tests.browser.screenshots``.

A demo of 50 nodes runs for a few minutes first, so that the charts have data.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from tests.drivers.chromium import chromium
from tests.drivers.closed_stack import closed_stack
from tests.drivers.local_product import local_product
from tests.drivers.process import ROOT
from tests.drivers.waiting import eventually

FOLDER = ROOT / "docs" / "screenshots"
#: Seconds of history that the charts show.
HISTORY_SECONDS = 420
DESKTOP = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 1.5, "has_touch": True}
WALL = {"viewport": {"width": 1600, "height": 900}}
#: By the name of the picture: path, and options of the browser context.
PICTURES: dict[str, tuple[str, dict[str, Any]]] = {
    "dashboard": ("/", DESKTOP),
    "dashboard-dark": ("/", DESKTOP | {"color_scheme": "dark"}),
    "dashboard-phone": ("/", PHONE),
    "nodes": ("/nodes?sort=-cpu_usage", DESKTOP),
    "nodes-grid": ("/nodes?view=grid", DESKTOP | {"color_scheme": "dark"}),
    "node": ("/nodes/node09?range=15m", DESKTOP),
    "monitoring": ("/monitoring?range=15m", DESKTOP),
    "alerts": ("/alerts", DESKTOP | {"locale": "fr-FR"}),
    "live": ("/live", WALL | {"color_scheme": "dark"}),
    "websocket-test": ("/websocket-test", DESKTOP),
}


def main() -> None:
    """Take all pictures."""
    FOLDER.mkdir(exist_ok=True)
    take_sign_in()
    with local_product(Path(tempfile.mkdtemp(prefix="screenshots-")), DEMO_NODES="50", CLUSTER_NAME="lab") as product:
        print(f"the demo runs for {HISTORY_SECONDS} s first …", file=sys.stderr, flush=True)
        first = product.rest.json("/api/cluster/snapshot")["seq"]
        eventually(
            lambda: product.rest.json("/api/cluster/snapshot")["seq"] > first + HISTORY_SECONDS / 2,
            within_seconds=HISTORY_SECONDS * 2,
        )
        with chromium() as browser:
            for name, (path, options) in PICTURES.items():
                take(browser, product.origin + path, FOLDER / f"{name}.png", {"locale": "en-GB"} | options)
                print(FOLDER.relative_to(ROOT) / f"{name}.png")


def take_sign_in() -> None:
    """Take the picture of the sign-in page."""
    with closed_stack(CLUSTER_NAME="demo") as stack, chromium() as browser:
        page = browser.new_page(locale="en-GB", **DESKTOP)
        page.goto(stack.start_api().origin + "/login")
        page.screenshot(path=str(FOLDER / "sign-in.png"))


def take(browser: Browser, address: str, file: Path, options: dict[str, Any]) -> None:
    """Take a picture when the page is live and its histories are loaded."""
    page = browser.new_page(**options)
    page.goto(address)
    page.locator("#freshness[data-state=live]").wait_for()
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(3000)
    page.screenshot(path=str(file))
    page.close()


if __name__ == "__main__":
    main()
