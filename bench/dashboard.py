"""Measure pages with 1000 nodes in 40 racks at one round per second: ``python -m bench.dashboard --minutes 10``.

Prints when the first data is painted. Then it measures the list of nodes and the wall, each without and with groups by
rack: the longest task of the main thread, while the list is scrolled; the memory of the script before and after; the
number of elements; the number of subscribed nodes.
"""

import argparse
import gzip
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, CDPSession, Page

from tests.browser.conftest import LIVE, WebSocketFrames
from tests.drivers.chromium import chromium
from tests.drivers.local_product import LocalProduct, local_product
from tests.drivers.process import ROOT, python
from tests.drivers.waiting import eventually

#: The measured pages, in pairs without and with groups.
PAGES: Final = ("/nodes", "/nodes?group=rack", "/live", "/live?group=rack")
#: Seconds after loading that are not measured: first histories, fonts and the browser's caches load.
SETTLE_SECONDS = 15.0
#: Seconds between two turns of the wheel.
SCROLL_EVERY_SECONDS = 2.0

_OBSERVER = """
window.longest = 0; window.longTasks = 0; window.shift = 0;
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) {
    window.longTasks += 1;
    window.longest = Math.max(window.longest, duration);
  }
}).observe({ type: "longtask" });
new PerformanceObserver((list) => {
  for (const { value } of list.getEntries()) window.shift += value;
}).observe({ type: "layout-shift", buffered: true });
"""


def main() -> None:
    """Measure, and print one line for each figure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--racks", type=int, default=40, help="racks of the nodes, as labels; 0: no labels")
    parser.add_argument("--minutes", type=float, default=2.0, help="duration for each page")
    options = parser.parse_args()
    print(f"starting {options.nodes} simulated nodes …", file=sys.stderr, flush=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    with (
        _simulated_nodes(folder / "nodes.yaml", options.nodes, options.racks) as targets,
        local_product(folder, TARGETS=str(targets), COLLECTOR_SCRAPE_INTERVAL_SECONDS="1") as product,
    ):
        eventually(lambda: _online(product) > options.nodes * 0.9, within_seconds=120, what="the nodes online")
        _measure(product, options.minutes * 60, PAGES if options.racks else PAGES[::2])


@contextmanager
def _simulated_nodes(targets: Path, nodes: int, racks: int) -> Iterator[Path]:
    """Run the simulator; yield its targets file."""
    arguments = ["--nodes", str(nodes), "--racks", str(racks), "--port", "0", "--demo"]
    simulator = python("simulator", "simulator", *arguments, "--write-targets", str(targets))
    simulator.start()
    try:
        eventually(targets.exists, within_seconds=60, what="the simulator's targets file")
        yield targets
    finally:
        simulator.stop()


def _measure(product: LocalProduct, seconds: float, pages: Sequence[str]) -> None:
    with chromium() as browser:
        for path in ("/", "/nodes"):
            page = browser.new_page(viewport={"width": 1400, "height": 900})
            _show(page, product.origin + path)
            paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
            print(f"first data painted, {path:20} {paint:.0f} ms", flush=True)
            page.close()
        columns = [_figures_of(browser, product.origin + path, seconds) for path in pages]
    script = (ROOT / "services/api/static/dashboard.js").read_bytes()
    print(f"script, gzipped {len(gzip.compress(script)) / 1024:28.1f} KiB\n")
    print(f"{'':20}" + "".join(f"{path:>20}" for path in pages))
    for name in columns[0]:
        print(f"{name:20}" + "".join(f"{column[name]:>20}" for column in columns), flush=True)


def _figures_of(browser: Browser, address: str, seconds: float) -> dict[str, str]:
    """Return the figures of a page by their names."""
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    frames = WebSocketFrames(page)
    _show(page, address)
    if "group=" in address and not page.locator("#group-control").is_visible():
        raise RuntimeError("the nodes have no labels")
    _scroll(page, SETTLE_SECONDS)
    session = page.context.new_cdp_session(page)
    before = _heap_mib(session)
    page.evaluate(_OBSERVER)
    rounds = len(frames.events("cluster_metrics_delta"))
    _scroll(page, seconds)
    rounds = len(frames.events("cluster_metrics_delta")) - rounds
    longest, tasks, shift = page.evaluate("[window.longest, window.longTasks, window.shift]")
    after = _heap_mib(session)
    figures = {
        "rounds shown": f"{rounds} in {seconds:.0f} s",
        "longest task": f"{longest:.0f} ms",
        "tasks above 50 ms": f"{tasks}",
        "layout shift": f"{shift:.4f}",
        "script memory": f"{before:.1f}, {after:.1f} MiB",
        "elements": str(page.evaluate("document.querySelectorAll('*').length")),
        "rows": str(page.locator("#node-rows [role=row]").count()),
        "nodes subscribed": f"{len(frames.subscribed()) or 'all'}",
    }
    page.close()
    return figures


def _show(page: Page, address: str) -> None:
    page.goto(address)
    page.locator(LIVE).wait_for()


def _scroll(page: Page, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    step = 0
    while time.monotonic() < deadline:
        page.mouse.move(700, 500)
        page.mouse.wheel(0, 1500 if step % 12 < 6 else -1500)
        step += 1
        page.wait_for_timeout(SCROLL_EVERY_SECONDS * 1000)


def _heap_mib(session: CDPSession) -> float:
    session.send("HeapProfiler.collectGarbage")
    return float(session.send("Runtime.getHeapUsage")["usedSize"]) / 2**20


def _online(product: LocalProduct) -> int:
    online: int = product.rest.json("/api/cluster/snapshot")["cluster_stats"]["online_nodes"]
    return online


if __name__ == "__main__":
    main()
