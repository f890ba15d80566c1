"""Measure the page of nodes with 1000 nodes at one round per second: ``python -m bench.dashboard --minutes 10``.

Prints when the first data is painted; the longest task of the main thread afterwards, while the list is scrolled; the
memory of the script before and after; the number of elements; the number of subscribed nodes.
"""

import argparse
import gzip
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import CDPSession, Page

from tests.browser.conftest import WebSocketFrames
from tests.drivers.chromium import chromium
from tests.drivers.local_product import LocalProduct, local_product
from tests.drivers.process import ROOT
from tests.drivers.waiting import eventually

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
    parser.add_argument("--minutes", type=float, default=2.0)
    options = parser.parse_args()
    print(f"starting {options.nodes} simulated nodes …", file=sys.stderr, flush=True)
    settings = {"DEMO_NODES": str(options.nodes), "COLLECTOR_SCRAPE_INTERVAL_SECONDS": "1"}
    with local_product(Path(tempfile.mkdtemp(prefix="bench-")), **settings) as product:
        eventually(lambda: _online(product) > options.nodes * 0.9, within_seconds=120, what="the nodes online")
        _measure(product, options.minutes * 60)


def _measure(product: LocalProduct, seconds: float) -> None:
    with chromium() as browser:
        for path in ("/", "/nodes"):
            page = browser.new_page(viewport={"width": 1400, "height": 900})
            page.goto(product.origin + path)
            page.locator("#freshness[data-state=live]").wait_for()
            paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
            _report(f"first data painted, {path}", f"{paint:.0f} ms")
            page.close()
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        frames = WebSocketFrames(page)
        page.goto(product.origin + "/nodes")
        page.locator("#freshness[data-state=live]").wait_for()
        _scroll(page, SETTLE_SECONDS)
        session = page.context.new_cdp_session(page)
        before = _heap_mib(session)
        page.evaluate(_OBSERVER)
        rounds = len(frames.events("cluster_metrics_delta"))
        _scroll(page, seconds)
        _report("rounds shown", f"{len(frames.events('cluster_metrics_delta')) - rounds} in {seconds:.0f} s")
        _report("longest task", f"{page.evaluate('window.longest'):.0f} ms")
        _report("tasks above 50 ms", page.evaluate("window.longTasks"))
        _report("layout shift", f"{page.evaluate('window.shift'):.4f}")
        after = _heap_mib(session)
        _report("script memory", f"{before:.1f} MiB, then {after:.1f} MiB ({after / before:.2f} ×)")
        _report("elements", page.evaluate("document.querySelectorAll('*').length"))
        _report("rows", page.evaluate("document.querySelectorAll('#node-rows [role=row]').length"))
        _report("nodes subscribed", len(frames.subscribed()))
    script = (ROOT / "services/api/static/dashboard.js").read_bytes()
    _report("script, gzipped", f"{len(gzip.compress(script)) / 1024:.1f} KiB")


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


def _report(name: str, value: object) -> None:
    print(f"{name:28} {value}", flush=True)


if __name__ == "__main__":
    main()
