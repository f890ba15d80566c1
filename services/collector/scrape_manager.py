"""Scrape every target once in each interval, the scrapes spread over the interval."""

import asyncio
import logging
import time
import zlib
from collections.abc import Callable, Iterable
from typing import Final

from collector.exporter_scraper import Scraper
from collector.metrics import SCRAPE_SECONDS, SCRAPES_FAILED
from collector.node_state import NodeState
from collector.sample import Sample, ScrapeFailed
from collector.sentences import failures
from collector.sentences.alerts import node_offline
from collector.sentences.sentence import english
from collector.start_queue import StartQueue
from collector.targets.target import Target
from runtime.logs import RateLimitedLog

_log = logging.getLogger(__name__)
#: Longest pause, in seconds, without scrapes of a node that exceeded a limit.
LONGEST_PAUSE_SECONDS: Final = 60.0


class ScrapeManager:
    """Runs one task for each target; ``states`` has the state of each node, by address."""

    def __init__(
        self,
        make_scraper: Callable[[Target], Scraper],
        *,
        interval_seconds: float,
        is_held: Callable[[], bool] = lambda: False,
    ) -> None:
        """``is_held``: whether no scrape should start now; see ``StartQueue``."""
        self.states: dict[str, NodeState] = {}
        self._make_scraper = make_scraper
        self._interval_seconds = interval_seconds
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._starts = StartQueue(interval_seconds, is_held)
        self._is_stopping = False
        self._limited_log = RateLimitedLog(_log)

    def follow(self, targets: Iterable[Target]) -> None:
        """Scrape these targets from now on. Targets that stay keep their state, by address."""
        if self._is_stopping:
            return
        wanted = {target.address: target for target in targets}
        for address in self.states.keys() - wanted.keys():
            self._tasks.pop(address).cancel()
            del self.states[address]
        for address, target in wanted.items():
            if address in self.states:
                self.states[address].target = target
                continue
            state = self.states[address] = NodeState(
                target, unix_seconds=time.time(), interval_seconds=self._interval_seconds
            )
            self._tasks[address] = asyncio.create_task(self._scrape_repeatedly(state), name=f"scrape {address}")

    def cancel(self) -> None:
        """Cancel all scrapes at once, and start no scrape from now on."""
        self._is_stopping = True
        for task in self._tasks.values():
            task.cancel()

    async def stop(self) -> None:
        """Cancel all scrapes and wait for their end."""
        self.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _scrape_repeatedly(self, state: NodeState) -> None:
        http, scraper = state.target.http, self._make_scraper(state.target)
        offset = offset_seconds(state.target.address, self._interval_seconds)
        start = _next_start(time.monotonic(), offset, self._interval_seconds)
        result: Sample | ScrapeFailed | None = None
        skipped = to_skip = 0
        while True:
            await self._starts.wait_until(start)
            if state.target.http != http:
                http, scraper, to_skip = state.target.http, self._make_scraper(state.target), 0
            if result is not None and skipped < to_skip:
                skipped += 1  # the previous result still applies
            else:
                result = await self._scrape(scraper, state)
                is_excess = isinstance(result, ScrapeFailed) and result.reason == "limit"
                longest = int(LONGEST_PAUSE_SECONDS / self._interval_seconds)
                to_skip = min(2 * to_skip + 1, longest) if is_excess else 0
                skipped = 0
            if state.update(result, unix_seconds=time.time()) and state.error is not None:
                self._limited_log.warning("offline", "%s", english(node_offline(state.target.node, state.error)))
            # A scrape may take the whole interval. After a longer pause of this process, missed scrapes are skipped.
            start += self._interval_seconds
            now = time.monotonic()
            if start < now - self._interval_seconds:
                start = _next_start(now, offset, self._interval_seconds)

    async def _scrape(self, scraper: Scraper, state: NodeState) -> Sample | ScrapeFailed:
        started = time.monotonic()
        try:
            result = await scraper.scrape()
        except Exception as error:
            self._limited_log.warning("scrape", "cannot scrape %s: %r", state.target.address, error)
            result = ScrapeFailed("internal", failures.unreadable(type(error).__name__))
        seconds = time.monotonic() - started
        SCRAPE_SECONDS.observe(seconds)
        if isinstance(result, ScrapeFailed):
            SCRAPES_FAILED.labels(result.reason).inc()
        if _log.isEnabledFor(logging.DEBUG):
            _log_scrape(state.target, result, seconds)
        return result


def _log_scrape(target: Target, result: Sample | ScrapeFailed, seconds: float) -> None:
    outcome = f"{result.reason}: {result.sentence}" if isinstance(result, ScrapeFailed) else "ok"
    fields = {"node": target.node, "address": target.address, "outcome": outcome, "seconds": round(seconds, 4)}
    _log.debug("scraped %s (%s) in %.0f ms: %s", target.node, target.address, 1000 * seconds, outcome, extra=fields)


def offset_seconds(address: str, interval_seconds: float) -> float:
    """Return the time of an address's scrapes within each interval: constant, and spread evenly over addresses."""
    return zlib.crc32(address.encode()) / 2**32 * interval_seconds


def _next_start(now: float, offset: float, interval: float) -> float:
    return now + interval - (now - offset) % interval
