"""Run the collector: ``python -m collector``."""

import runtime.early_stop  # noqa: F401  # isort: skip (first, since the other imports take long)

import asyncio
import gc
import logging
import os
import signal
import threading
from contextlib import AsyncExitStack, suppress
from typing import Final

from aiohttp import web

from collector.alerts.rules import InvalidRulesFile, RulesFile
from collector.authentication import Credentials
from collector.collector import ClusterMismatch, Collector
from collector.config import Config
from collector.event_loop import new_event_loop
from collector.exporter_scraper import has_backlog, make_scraper, open_session
from collector.fleet import Fleet
from collector.installation_check import InstallationCheck
from collector.redis_client import RedisClient
from collector.redis_disk import RedisDisk
from collector.scrape_manager import ScrapeManager
from collector.sentences.sentence import english
from collector.targets.dns import DnsTargets, Resolver
from collector.targets.files import TargetsFiles
from collector.targets.http_sd import HttpSdSource, HttpSdTargets
from collector.targets.http_sd_request import HttpSdClient
from collector.targets.sources import TargetSources
from collector.web import build_app
from runtime.logs import configure_logs, refuse_start
from runtime.readiness import Readiness
from runtime.settings import SettingError
from runtime.watchdog import BEAT_SECONDS, Watchdog

_log = logging.getLogger(__name__)
#: Log format of requests to the collector's own port, in aiohttp's syntax.
REQUEST_FORMAT: Final = '"%r" %s in %Tf s from %a'
#: Thresholds of Python's garbage collector. Each scrape makes and frees thousands of objects, nearly all without
#: cycles. With the default thresholds, the search for cycles takes 7 % of the CPU, in pauses of up to 0.1 s.
GARBAGE_THRESHOLDS: Final = (5_000, 20, 20)
#: Seconds for closing connections and cancelling tasks after the lease is released.
CLOSE_SECONDS: Final = 1.0
#: Seconds after the signal within which the process ends, whatever still runs.
END_SECONDS: Final = 4.5


class CannotListen(Exception):
    """The collector cannot listen on its port for probes and metrics; the text names the reason."""


async def collect(config: Config, files: TargetsFiles, rules: RulesFile) -> None:
    """Run until SIGTERM or SIGINT.

    Raises:
        ClusterMismatch: Redis serves another cluster.
        CannotListen: the port for probes and metrics is not available.
    """
    stack = AsyncExitStack()
    try:
        await _collect(config, files, rules, stack)
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await stack.aclose()
    _log.info("stopped")


async def _collect(config: Config, files: TargetsFiles, rules: RulesFile, stack: AsyncExitStack) -> None:
    """Run until SIGTERM or SIGINT; ``stack`` closes what is open then."""
    stop = asyncio.Event()
    readiness = Readiness()
    resolver = Resolver()
    stack.push_async_callback(resolver.close)
    session = await stack.enter_async_context(open_session(resolver, config.credentials_dir))

    scrape_manager = ScrapeManager(
        lambda target: make_scraper(
            target,
            session,
            resolver,
            timeout_seconds=config.timeout_seconds,
            local_exporter=config.local_exporter,
        ),
        interval_seconds=config.interval_seconds,
        is_held=lambda: has_backlog(session),
    )
    stack.push_async_callback(scrape_manager.stop)
    dns = DnsTargets(config.dns_targets, config.interval_seconds)
    stack.push_async_callback(dns.stop)
    sd_client = HttpSdClient(resolver, Credentials(config.credentials_dir), config.http_sd.refresh_seconds)
    lists = [HttpSdSource(url, sd_client.fetch) for url in config.http_sd.urls]
    http_sd = HttpSdTargets(lists, config.http_sd.refresh_seconds)
    stack.push_async_callback(http_sd.stop)
    sources = TargetSources(files, dns, http_sd)
    redis = RedisClient(config.redis_url)
    stack.push_async_callback(redis.close)
    disk = None if config.redis_dir is None else RedisDisk(config.redis_dir)
    installation_check = InstallationCheck(redis, config.certificate_path, disk)
    collector = Collector(
        config,
        redis,
        Fleet(scrape_manager, sources),
        rules,
        readiness,
        degradations=lambda: installation_check.degradations,
        notes=lambda: installation_check.notes,
    )

    stuck_seconds = max(30.0, 5 * config.interval_seconds)
    app = build_app(readiness, lambda: collector.last_loop, stuck_seconds, config.hosts)
    request_log = _log if _log.isEnabledFor(logging.DEBUG) else None
    runner = web.AppRunner(app, access_log=request_log, access_log_format=REQUEST_FORMAT, shutdown_timeout=1.0)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    try:
        await web.TCPSite(runner, config.host, config.port).start()
    except OSError as error:
        raise CannotListen(f"cannot listen on {config.host}:{config.port} ({error.strerror})") from None

    def drain() -> None:
        readiness.drain()
        stop.set()
        # The scrapes end first: they would delay everything else on a core that cannot keep up.
        scrape_manager.cancel()
        _end_within(END_SECONDS)

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, drain)
    watchdog = asyncio.create_task(_beat())
    stack.callback(watchdog.cancel)
    scrape_manager.follow(sources.targets)
    dns.start()
    http_sd.start()
    file_watcher = asyncio.create_task(collector.watch_files())
    stack.callback(file_watcher.cancel)
    checks = asyncio.create_task(installation_check.run())
    stack.callback(checks.cancel)
    await collector.run(stop)


def _end_within(seconds: float) -> None:
    """End the process after some seconds, if something still runs then; the lease expires if nobody released it."""
    timer = threading.Timer(seconds, os._exit, (0,))
    timer.daemon = True
    timer.start()


async def _beat() -> None:
    watchdog = Watchdog(os.environ)
    while watchdog.is_watched:
        watchdog.beat()
        await asyncio.sleep(BEAT_SECONDS)


def main() -> int:
    """Run the collector; return its exit code: 2 for invalid settings or files, 3 if Redis serves another cluster."""
    try:
        config = Config.from_environment(os.environ)
        configure_logs("collector", config.log_level, config.log_format)
        rules = RulesFile(config.rules_path)
    except (SettingError, InvalidRulesFile) as error:
        refuse_start("collector", str(error), os.environ)
        return 2
    files = TargetsFiles(config.targets_paths, config.local_name)
    if files.problems:
        # Without targets, all alerts of the previous collector would end although no node has changed.
        for problem in files.problems:
            _log.error("%s", english(problem))
        return 2
    files.log()
    try:
        # Modules and settings stay until the end, so no further search needs to look at them.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GARBAGE_THRESHOLDS)
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(collect(config, files, rules))
    except ClusterMismatch as error:
        _log.error("%s", error)
        return 3
    except CannotListen as error:
        _log.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    # The interpreter would free the objects of thousands of nodes one by one, which takes seconds on a busy core.
    os._exit(code)
