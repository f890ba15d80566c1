"""Scrape every target once an interval, the scrapes spread over it."""

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
from collector.targets.target import Target
from collector.texts import failures
from collector.texts.alerts import node_offline
from collector.texts.sentence import english
from runtime.logs import RateLimitedLog

_log = logging.getLogger(__name__)
#: Longest time, in seconds, for which a node is not asked that sent more than it may.
LONGEST_PAUSE_SECONDS: Final = 60.0


class ScrapeManager:
    """One task a target. ``states`` holds what is known of each node, by address."""

    def __init__(self, make_scraper: Callable[[Target], Scraper], *, interval_seconds: float) -> None:
        self.states: dict[str, NodeState] = {}
        self._make_scraper = make_scraper
        self._interval_seconds = interval_seconds
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._occasionally = RateLimitedLog(_log)

    def follow(self, targets: Iterable[Target]) -> None:
        """Scrape these targets from now on. What is known of those that stay is kept, by address."""
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
            self._tasks[address] = asyncio.create_task(self._poll(state), name=f"poll {address}")

    async def stop(self) -> None:
        """End all scrapes."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _poll(self, state: NodeState) -> None:
        http, probe = state.target.http, self._make_scraper(state.target)
        offset = phase_seconds(state.target.address, self._interval_seconds)
        start = _next_start(time.monotonic(), offset, self._interval_seconds)
        result: Sample | ScrapeFailed | None = None
        left_out = to_leave_out = 0
        while True:
            await asyncio.sleep(start - time.monotonic())
            if state.target.http != http:
                http, probe, to_leave_out = state.target.http, self._make_scraper(state.target), 0
            if result is not None and left_out < to_leave_out:
                left_out += 1  # what the last scrape gave counts still
            else:
                result = await self._scrape(probe, state)
                is_excess = isinstance(result, ScrapeFailed) and result.reason == "limit"
                longest = int(LONGEST_PAUSE_SECONDS / self._interval_seconds)
                to_leave_out = min(2 * to_leave_out + 1, longest) if is_excess else 0
                left_out = 0
            if state.take(result, unix_seconds=time.time()) and state.error is not None:
                self._occasionally.warning("offline", "%s", english(node_offline(state.target.node, state.error)))
            # A scrape may take the whole interval; after a longer pause (of this process) missed ones are left out.
            start += self._interval_seconds
            now = time.monotonic()
            if start < now - self._interval_seconds:
                start = _next_start(now, offset, self._interval_seconds)

    async def _scrape(self, probe: Scraper, state: NodeState) -> Sample | ScrapeFailed:
        begun = time.monotonic()
        try:
            result = await probe.scrape()
        except Exception as error:
            self._occasionally.warning("look", "looking at %s failed: %r", state.target.address, error)
            result = ScrapeFailed("internal", failures.unreadable(type(error).__name__))
        seconds = time.monotonic() - begun
        SCRAPE_SECONDS.observe(seconds)
        if isinstance(result, ScrapeFailed):
            SCRAPES_FAILED.labels(result.reason).inc()
        if _log.isEnabledFor(logging.DEBUG):
            _tell(state.target, result, seconds)
        return result


def _tell(target: Target, result: Sample | ScrapeFailed, seconds: float) -> None:
    outcome = f"{result.reason}: {result.sentence}" if isinstance(result, ScrapeFailed) else "ok"
    fields = {"node": target.node, "address": target.address, "outcome": outcome, "seconds": round(seconds, 4)}
    _log.debug("scraped %s (%s) in %.0f ms: %s", target.node, target.address, 1000 * seconds, outcome, extra=fields)


def phase_seconds(address: str, interval_seconds: float) -> float:
    """When in each interval an address is scraped: always the same, and different ones spread evenly."""
    return zlib.crc32(address.encode()) / 2**32 * interval_seconds


def _next_start(now: float, offset: float, interval: float) -> float:
    return now + interval - (now - offset) % interval
