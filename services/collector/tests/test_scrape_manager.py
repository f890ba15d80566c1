import asyncio
import time
from itertools import pairwise

import pytest

from collector.sample import Sample, ScrapeFailed
from collector.scrape_manager import ScrapeManager, offset_seconds
from collector.sentences import failures
from collector.sentences.sentence import english
from collector.targets.entry import HttpOptions
from tests.drivers.waiting import until


class Scraper:
    """Notes the time of each scrape; returns or raises the next of ``results``, and repeats the last one."""

    def __init__(self, *results, takes_seconds=0.0):
        self.results = list(results)
        self.scrapes = []
        self._takes_seconds = takes_seconds

    async def scrape(self):
        self.scrapes.append(time.monotonic())
        await asyncio.sleep(self._takes_seconds)
        result = self.results.pop(0) if len(self.results) > 1 else self.results[0]
        if isinstance(result, Exception):
            raise result
        return result


def sample():
    return Sample(monotonic_seconds=time.monotonic(), load1=0.5)


def test_manager_scrapes_once_in_an_interval_when_scrapes_are_short(target):
    scraper = Scraper(sample())

    async def run():
        begun = time.monotonic()
        manager = ScrapeManager(lambda _: scraper, interval_seconds=0.2)
        manager.follow([target()])
        assert manager.states["node6.lan:9100"].status == "unknown"
        await until(lambda: len(scraper.scrapes) >= 4)
        await manager.stop()
        return begun

    begun = asyncio.run(run())
    # A late scrape does not delay the next one, and no scrape is early.
    assert all(scrape - begun > 0.2 * number for number, scrape in enumerate(scraper.scrapes))


def test_manager_scrapes_other_nodes_when_one_node_is_slow(target):
    slow, quick = Scraper(sample(), takes_seconds=3600), Scraper(sample())

    async def run():
        manager = ScrapeManager(lambda target: slow if target.host == "slow" else quick, interval_seconds=0.05)
        manager.follow([target("slow"), target("quick")])
        await until(lambda: len(quick.scrapes) >= 3)
        statuses = {state.target.host: state.status for state in manager.states.values()}
        await manager.stop()
        return statuses

    assert asyncio.run(run()) == {"slow": "unknown", "quick": "online"}
    assert len(slow.scrapes) == 1


def test_manager_scrapes_a_node_less_often_when_it_exceeds_a_limit(target):
    scraper = Scraper(ScrapeFailed("limit", failures.page_too_long(8 * 2**20)))

    async def run():
        begun = time.monotonic()
        manager = ScrapeManager(lambda _: scraper, interval_seconds=0.1)
        manager.follow([target()])
        state = manager.states["node6.lan:9100"]
        await until(lambda: len(scraper.scrapes) == 4)
        # The result of the last scrape stays in force.
        assert (state.status, state.error, state.is_recent) == ("offline", failures.page_too_long(8 * 2**20), True)
        await manager.stop()
        return begun

    begun = asyncio.run(run())
    assert all(
        scrape - begun > 0.1 * intervals for scrape, intervals in zip(scraper.scrapes, (0, 2, 6, 14), strict=True)
    )


def test_manager_scrapes_in_every_interval_again_when_a_node_keeps_the_limits(target, monkeypatch):
    monkeypatch.setattr("collector.scrape_manager.LONGEST_PAUSE_SECONDS", 0.2)
    scraper = Scraper(ScrapeFailed("limit", failures.page_too_long(8 * 2**20)))

    async def run():
        manager = ScrapeManager(lambda _: scraper, interval_seconds=0.1)
        manager.follow([target()])
        state = manager.states["node6.lan:9100"]
        await until(lambda: len(scraper.scrapes) == 4)
        longest = [later - earlier for earlier, later in pairwise(scraper.scrapes)]
        scraper.results = [sample()]
        await until(lambda: state.status == "online")
        scrapes = len(scraper.scrapes)
        await until(lambda: len(scraper.scrapes) == scrapes + 4)
        await manager.stop()
        return longest, scraper.scrapes[-1] - scraper.scrapes[scrapes]

    longest, four_scrapes = asyncio.run(run())
    # At most three intervals, since a pause is two intervals at most; the third pause would be seven.
    assert four_scrapes < sum(longest)


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (ScrapeFailed("connect", failures.connection_refused()), "connection refused"),
        (RuntimeError("bug"), "cannot be read"),
    ],
)
def test_manager_continues_when_a_scrape_fails(target, failure, error):
    scraper = Scraper(sample())

    async def run():
        manager = ScrapeManager(lambda _: scraper, interval_seconds=0.1)
        manager.follow([target()])
        state = manager.states["node6.lan:9100"]
        await until(lambda: state.status == "online")
        scraper.results = [failure]
        await until(lambda: state.status == "offline")
        error_while_offline = english(state.error)
        scraper.results = [sample()]
        await until(lambda: state.status == "online")
        await manager.stop()
        return error_while_offline

    assert asyncio.run(run()).startswith(error)


def test_manager_keeps_states_when_targets_change(target):
    made = []

    async def run():
        def make(target):
            made.append(target.address)
            return Scraper(sample())

        manager = ScrapeManager(make, interval_seconds=0.05)
        manager.follow([target("a"), target("b")])
        await until(lambda: all(state.status == "online" for state in manager.states.values()))
        kept = manager.states["b:9100"]
        manager.follow([target("b", node="head", role="master"), target("c")])
        assert manager.states["b:9100"] is kept
        assert (kept.as_node().node, kept.as_node().role, kept.as_node().status) == ("head", "master", "online")
        assert manager.states["c:9100"].status == "unknown"
        assert sorted(manager.states) == ["b:9100", "c:9100"]
        await until(lambda: "c:9100" in made)
        manager.follow([])
        assert manager.states == {}
        await manager.stop()

    asyncio.run(run())
    assert made == ["a:9100", "b:9100", "c:9100"]


def test_phases_spread_over_the_interval_when_there_are_many_targets():
    phases = [offset_seconds(f"node{number}.lan:9100", 2.0) for number in range(1000)]

    quarters = [sum(quarter <= phase / 0.5 < quarter + 1 for phase in phases) for quarter in range(4)]
    assert sum(quarters) == 1000
    assert min(quarters) > 200


def test_manager_makes_a_new_scraper_when_the_targets_options_change(target):
    made = []

    def make(target):
        made.append(target.http.scheme)
        return Scraper(sample())

    async def run():
        manager = ScrapeManager(make, interval_seconds=0.05)
        manager.follow([target()])
        await until(lambda: manager.states["node6.lan:9100"].status == "online")
        manager.follow([target(http=HttpOptions(scheme="https"))])
        await until(lambda: len(made) == 2)
        status = manager.states["node6.lan:9100"].status
        await manager.stop()
        return status

    # The node's state stays.
    assert asyncio.run(run()) == "online"
    assert made == ["http", "https"]


def test_manager_logs_each_scrape_at_level_debug(target, caplog):
    caplog.set_level("DEBUG", "collector.scrape_manager")
    scraper = Scraper(sample(), ScrapeFailed("connect", failures.connection_refused()))

    async def run():
        manager = ScrapeManager(lambda _: scraper, interval_seconds=0.05)
        manager.follow([target()])
        await until(lambda: len(scraper.scrapes) >= 3)
        await manager.stop()

    asyncio.run(run())
    first, second = [record for record in caplog.records if record.message.startswith("scraped ")][:2]
    assert first.outcome == "ok"
    assert second.outcome == "connect: connection refused"
    assert (second.node, second.address) == ("node6.lan", "node6.lan:9100") or second.address in second.message
