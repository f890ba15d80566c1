"""Requests to exporters that omit or refuse collectors, or hang."""

import asyncio
import re

import pytest

from collector import collect_filter
from collector.collect_filter import NOTED_BYTES, UNFILTERED_SECONDS, CollectFilter, ExpositionNotes
from collector.node_exporter import COLLECTORS, INTERFACE_COLLECTORS, OPTIONAL_COLLECTORS
from collector.sample import Sample, ScrapeFailed
from collector.sentences import failures
from tests.drivers.raw_exporter import answer
from tests.drivers.waiting import until

GENEROUS_SECONDS = 30.0
#: A needed line of each collector.
LINES = {
    "cpu": 'node_cpu_seconds_total{cpu="0",mode="idle"} 5',
    "filesystem": "\n".join(
        f'node_filesystem_{name}{{device="/dev/sda1",fstype="ext4",mountpoint="/"}} {value}'
        for name, value in {"size_bytes": 1000, "free_bytes": 500, "avail_bytes": 500, "readonly": 0}.items()
    ),
    "hwmon": 'node_hwmon_temp_celsius{chip="c",sensor="temp1"} 40',
    "loadavg": "node_load1 0.5",
    "thermal_zone": 'node_thermal_zone_temp{type="cpu",zone="0"} 60',
}
STARTED = "process_start_time_seconds {}\n"


def asked_for(head):
    """Return the collectors of a request; ``None`` for all."""
    line = head.split(b"\r\n")[0].decode().replace("%5B%5D", "[]")
    return re.findall(r"collect\[\]=(\w+)", line) or None


def exposition(names, started=1):
    return ("".join(f"{LINES[name]}\n" for name in names if name in LINES) + STARTED.format(started)).encode()


class Node:
    """An exporter that omits some collectors, and hangs with some."""

    def __init__(self, *, leaves_out=(), switched_on=None):
        self.hanging = set()
        self.is_busy = False
        self.started = 1
        self.leaves_out = leaves_out
        self.switched_on = switched_on
        self.asked = []

    def __call__(self, head):
        asked = asked_for(head)
        self.asked.append(asked)
        if self.is_busy:
            return answer(b"", b"HTTP/1.1 503 Busy\r\n")
        names = [name for name in (asked or self.switched_on or LINES) if not (asked and name in self.leaves_out)]
        if self.hanging & set(names):
            return self._never()
        body = exposition(names, self.started)
        if self.switched_on is not None:
            if asked and not set(asked) <= set(self.switched_on):
                return answer(b"disabled collector", b"HTTP/1.1 400 Bad Request\r\n")
            body += "".join(
                f'node_scrape_collector_success{{collector="{name}"}} 1\n' for name in self.switched_on
            ).encode()
        return answer(body)

    async def _never(self):
        await asyncio.sleep(3600)
        yield b""


async def without_a_gap(scraper):
    """Return the sample of a scrape without left-out collectors; ``None`` for other results."""
    result = await scraper.scrape()
    return result if isinstance(result, Sample) and result.hung_collector is None else None


async def scrapes(scraper, count):
    return [await scraper.scrape() for _ in range(count)]


def test_whole_exposition_is_read_when_the_exporter_silently_omits_a_collector(scrape_with, caplog):
    node = Node(leaves_out=["thermal_zone"])

    with caplog.at_level("INFO", "collector.exporter_scraper"):
        results = scrape_with(node, lambda scraper, _: scrapes(scraper, 4))

    # Every sample has the temperature, and after the comparison there is one request in each scrape.
    assert [result.temperature for result in results] == [60.0] * 4
    assert [asked is None for asked in node.asked] == [True, False, True, True, True]
    [told] = [record.getMessage() for record in caplog.records]
    assert "omits node_thermal_zone_temp when asked with collect[]" in told


def test_comparison_is_repeated_when_the_exporter_has_restarted(scrape_with):
    node = Node()

    async def script(scraper, _):
        await scrapes(scraper, 2)
        node.started, node.leaves_out = 2, ["thermal_zone"]
        return await scrapes(scraper, 3)

    results = scrape_with(node, script)

    # Only the scrape after the restart lacks the temperature.
    assert [result.temperature for result in results] == [40.0, 60.0, 60.0]


def test_comparison_is_repeated_when_a_scrape_has_failed(scrape_with):
    node = Node()

    async def script(scraper, _):
        await scrapes(scraper, 2)
        node.is_busy = True
        failed = await scraper.scrape()
        node.is_busy = False
        node.leaves_out = ["thermal_zone"]
        return failed, await scrapes(scraper, 2)

    failed, results = scrape_with(node, script)

    assert failed == ScrapeFailed("http", failures.http_status(503))
    assert [result.temperature for result in results] == [60.0, 60.0]


def test_scrape_requests_only_collectors_that_are_switched_on(scrape_with):
    node = Node(switched_on=["arp", "cpu", "filesystem", "loadavg", "zfs"])

    results = scrape_with(node, lambda scraper, _: scrapes(scraper, 3))

    assert all(isinstance(result, Sample) for result in results)
    assert node.asked == [None, ["cpu", "filesystem", "loadavg"], ["cpu", "filesystem", "loadavg"]]


@pytest.fixture
def impatient(monkeypatch):
    """Make trials follow each other immediately."""
    monkeypatch.setattr(collect_filter, "FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(collect_filter, "LONGEST_PAUSE_SECONDS", 0.01)


@pytest.mark.parametrize("hangs", ["filesystem", "hwmon", "thermal_zone"])
def test_scrapes_leave_out_a_hanging_collector_until_it_answers_again(scrape_with, impatient, hangs):
    node = Node()

    async def script(scraper, _):
        await scrapes(scraper, 2)
        node.hanging = {hangs}
        late = [await scraper.scrape()]
        while isinstance(late[-1], ScrapeFailed):
            assert len(late) <= len(COLLECTORS), "it does not come back"
            late.append(await scraper.scrape())
        hung = [late.pop()] + await scrapes(scraper, 3)
        node.hanging = set()
        return late, hung, await until(lambda: without_a_gap(scraper), within_seconds=GENEROUS_SECONDS)

    late, hung, back = scrape_with(node, script, timeout=0.3)

    assert all(result == ScrapeFailed("timeout", failures.no_answer_within(0.3)) for result in late)
    if hangs == "filesystem":
        assert len(late) == 1
    assert [result.hung_collector for result in hung] == [hangs] * 4
    assert [(result.root is None, result.temperature) for result in hung] == [
        (hangs == "filesystem", 40.0 if hangs == "thermal_zone" else 60.0)
    ] * 4
    assert (back.root.usage, back.temperature) == (50.0, 60.0)


def test_node_is_online_when_a_collector_hangs_from_the_first_scrape_on(scrape_with):
    node = Node()
    node.hanging = {"filesystem"}

    first, second = scrape_with(node, lambda scraper, _: scrapes(scraper, 2), timeout=0.3)

    assert first == ScrapeFailed("timeout", failures.no_answer_within(0.3))
    assert second.hung_collector == "filesystem"


def test_no_collector_is_left_out_when_the_whole_node_was_away(scrape_with, impatient):
    node = Node()

    async def script(scraper, _):
        await scrapes(scraper, 2)
        node.hanging = set(LINES)
        late = await scrapes(scraper, 2)
        node.hanging = set()
        return late, await until(lambda: without_a_gap(scraper), within_seconds=GENEROUS_SECONDS)

    late, result = scrape_with(node, script, timeout=0.3)

    assert all(isinstance(each, ScrapeFailed) for each in late)
    assert result.root.usage == 50.0


def test_scrapes_go_on_when_only_the_whole_exposition_hangs(scrape_with, impatient):
    node = Node()
    node.hanging = {"slow"}
    LINES["slow"] = "# of a collector that is not read"
    try:
        results = scrape_with(node, lambda scraper, _: scrapes(scraper, 6), timeout=1.0)
    finally:
        del LINES["slow"]

    # Trials run beside the scrapes.
    assert isinstance(results[0], ScrapeFailed)
    assert all(isinstance(result, Sample) for result in results[1:])


def notes(*families, collectors=(), started=None):
    noted = ExpositionNotes(is_thorough=True)
    noted.families, noted.collectors, noted.started = set(families), set(collectors), started
    return noted


def test_filter_is_tried_again_after_a_while_when_it_failed():
    collect_filter = CollectFilter()
    collect_filter.note_exposition(None, notes(b"load1", b"thermal_zone_temp"), 0.0)
    assert collect_filter.note_exposition(collect_filter.next_request(1.0), notes(b"load1"), 1.0) == {
        b"thermal_zone_temp"
    }
    collect_filter.suspend_filter(1.0)

    collect_filter.note_exposition(collect_filter.next_request(2.0), notes(b"load1", b"thermal_zone_temp"), 2.0)
    assert collect_filter.next_request(UNFILTERED_SECONDS) is None
    assert collect_filter.next_request(UNFILTERED_SECONDS + 1.0) == COLLECTORS
    # The comparison is repeated.
    assert collect_filter.note_exposition(COLLECTORS, notes(b"load1"), UNFILTERED_SECONDS + 1.0) == {
        b"thermal_zone_temp"
    }


def test_scrape_requests_the_whole_exposition_when_a_machine_is_back():
    collect_filter = CollectFilter()
    collect_filter.note_exposition(None, notes(b"load1"), 0.0)
    collect_filter.note_failure(COLLECTORS, 1.0, is_reached=True, is_late=True)
    assert collect_filter.left_out == "filesystem"

    collect_filter.note_failure(collect_filter.next_request(2.0), 2.0, is_reached=False, is_late=True)

    assert (collect_filter.left_out, collect_filter.next_request(3.0)) == (None, None)


def test_filter_leaves_out_one_collector_after_another_and_finally_none():
    collect_filter = CollectFilter()
    collect_filter.note_exposition(None, notes(b"load1"), 0.0)
    left_out = []
    everything = {*COLLECTORS, *OPTIONAL_COLLECTORS}
    for _ in range(len(everything) + 1):
        collect_filter.note_failure(collect_filter.next_request(0.0), 0.0, is_reached=True, is_late=True)
        left_out.append(collect_filter.left_out)

    assert left_out[0] == "filesystem"
    assert set(left_out) == {*everything, None}


@pytest.mark.parametrize("number", ["", "x", "1e", "..", "9" * 100])
def test_start_is_unknown_when_the_exposition_lacks_it(number):
    noted = ExpositionNotes(is_thorough=False)

    noted.add(f"\nprocess_start_time_seconds {number}\n".encode())

    assert noted.started in (None, float("9" * 32))


def test_collectors_are_unknown_when_the_exposition_is_too_long_to_note_all():
    noted = ExpositionNotes(is_thorough=True)

    noted.add(b'\nnode_scrape_collector_success{collector="cpu"} 1\n')
    assert noted.collectors == {"cpu"}
    noted.add(b"\n" + b"#" * NOTED_BYTES + b"\n")

    assert noted.collectors == set()


def test_scrape_sometimes_requests_interfaces_when_the_exporter_describes_them():
    collect_filter = CollectFilter()
    collect_filter.note_exposition(
        None, notes(b"load1", b"network_iface_id", collectors=["loadavg", "netclass", "zfs"]), 0.0
    )

    assert collect_filter.next_request(1.0, with_interfaces=True) == ("loadavg", "netclass")
    assert collect_filter.next_request(1.0) == ("loadavg",)
    # A family that the whole exposition lacks is not lost.
    assert not collect_filter.note_exposition(("loadavg",), notes(b"load1"), 1.0)


def test_scrape_requests_the_collectors_of_known_families_when_the_exporter_does_not_list_collectors():
    collect_filter = CollectFilter()
    collect_filter.note_exposition(None, notes(b"load1", b"pressure_io_waiting_seconds_total", b"network_info"), 0.0)

    assert collect_filter.next_request(1.0, with_interfaces=True) == (*COLLECTORS, "pressure", *INTERFACE_COLLECTORS)
