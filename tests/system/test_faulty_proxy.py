"""Pages behind a proxy that resets, closes, drops and delays connections get every alert log entry once, in order."""

import os
import threading
import time
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
import redis as redis_client
from playwright.sync_api import Browser, Page

from tests.drivers.chromium import chromium
from tests.drivers.faulty_proxy import FaultyProxy
from tests.drivers.publisher import Publisher
from tests.drivers.replica import Replica
from tests.drivers.valkey import Valkey
from tests.drivers.waiting import eventually
from tests.prepare import CLIENTS

#: Duration of the faults; `make test-long` has 60.
SECONDS = float(os.environ.get("FAULT_SECONDS", "10"))
ALERTS_A_SECOND = 5
WAYS = ("polling", "websocket", "polling,websocket")
PACKAGES = ("socket.io-client-4.5.0", "socket.io-client")

PAGE = b"""<!doctype html><script src="/client.js"></script><script>
const seen = [], trouble = [];
let last = null, connections = 0;
const socket = io("/monitoring", {
  transports: new URLSearchParams(location.search).get("ways").split(","),
  reconnectionDelay: 50, reconnectionDelayMax: 500, timeout: 5000,
  auth: (tell) => tell({ subscribe: { mode: "delta", nodes: [], last_alert_id: last } }),
});
socket.on("connect", () => connections++);
socket.on("subscribed_to_updates", (answer) => {
  if (last !== null && !answer.recovered) trouble.push(["not recovered", last, answer]);
});
socket.on("alerts_update", (update) => {
  if (last !== null && update.previous_alert_id !== last) trouble.push(["gap", last, update.previous_alert_id]);
  for (const entry of update.entries) seen.push(entry.id);
  last = update.last_alert_id;
});
</script>"""


@pytest.fixture
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def ports(valkey: Valkey) -> Iterator[list[int]]:
    settings = {"WS_PING_INTERVAL_SECONDS": "2", "WS_PING_TIMEOUT_SECONDS": "2"}
    replicas = [Replica(valkey.url, **settings) for _ in range(2)]
    for replica in replicas:
        replica.wait_until_ready()
    yield [replica.port for replica in replicas]
    logs = [replica.process.log() for replica in replicas]
    for replica in replicas:
        replica.close()
    assert not [log for log in logs if "Traceback" in log]


class Viewer:
    """A page with one client library and transport behind its own proxy."""

    def __init__(self, browser: Browser, ports: list[int], package: str, ways: str, seed: int) -> None:
        script = (CLIENTS / "node_modules" / package / "dist" / "socket.io.min.js").read_bytes()
        files = {"/": ("text/html", PAGE), "/client.js": ("text/javascript", script)}
        self.name = f"{package} by {ways}"
        self.proxy = FaultyProxy(ports, files, seed)
        self.page: Page = browser.new_page()
        self.page.goto(f"{self.proxy.origin}/?ways={ways}")

    def has(self) -> list[str]:
        seen: list[str] = self.page.evaluate("seen")
        return seen

    def value(self, expression: str) -> Any:
        return self.page.evaluate(expression)


def test_page_gets_every_entry_once_and_in_order_despite_the_proxys_faults(
    browser: Browser, ports: list[int], redis: redis_client.Redis
) -> None:
    # given pages that have the first entry
    publisher = Publisher(redis)
    publisher.transition(1)
    kinds = enumerate(product(PACKAGES, WAYS))
    viewers = [Viewer(browser, ports, package, ways, seed) for seed, (package, ways) in kinds]
    try:
        for viewer in viewers:
            eventually(lambda: viewer.value("last") == "7-1", within_seconds=60, what=viewer.name)  # noqa: B023

        # when entries come while the proxies fail
        count = int(SECONDS * ALERTS_A_SECOND)
        publishing = threading.Thread(target=publish, args=(publisher, count))
        publishing.start()
        while publishing.is_alive():
            viewers[0].page.wait_for_timeout(200)  # lets Playwright handle the pages' messages
        for viewer in viewers:
            viewer.proxy.recover()
        publisher.transition(count + 2)

        # then
        expected = [f"7-{number}" for number in range(2, count + 3)]
        for viewer in viewers:
            eventually(lambda: viewer.has()[-1:] == expected[-1:], within_seconds=60, what=viewer.name)  # noqa: B023
            assert viewer.value("trouble") == [], viewer.name
            assert viewer.has() == expected, viewer.name
            assert viewer.proxy.most_empty_polls_in_a_second() < 10, viewer.name
            print(f"{viewer.name}: {viewer.value('connections')} connections, {dict(viewer.proxy.faults)}")
        assert sum(sum(viewer.proxy.faults.values()) for viewer in viewers) > len(viewers)
    finally:
        for viewer in viewers:
            viewer.page.close()
            viewer.proxy.close()


def publish(publisher: Publisher, count: int) -> None:
    for number in range(count):
        publisher.transition(number + 2)
        time.sleep(1 / ALERTS_A_SECOND)
