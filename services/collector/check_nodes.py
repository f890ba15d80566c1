"""Scrape every target once and say what works: ``python -m collector.check_nodes [--targets nodes.yaml,…]``."""

import argparse
import asyncio
import math
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from collector.config import Config, split_paths
from collector.exporter_scraper import ExporterScraper, Scraper, make_scraper, open_session
from collector.health import INSTALL_EXPORTER, may_lack_an_exporter
from collector.local_scraper import LocalScraper
from collector.sample import Sample, ScrapeFailed
from collector.sentences import failures
from collector.sentences.sentence import english, plural
from collector.targets.dns import DnsTargets, Resolver
from collector.targets.files import TargetsFiles
from collector.targets.sources import TargetSources
from collector.targets.target import Target
from contract.messages import Coded
from runtime.settings import SettingError

#: Seconds that a scrape may take: longer than in service, to tell a slow node from a dead one.
TIMEOUT_SECONDS: Final = 10.0
#: Scrapes at a time.
CONCURRENT_SCRAPES: Final = 50
#: Seconds that a clock may be off without a remark.
CLOCK_SECONDS: Final = 2.0
_EXAMPLE: Final = "workers: [node1.lan, node2.lan]"
_INSTALL: Final = f" Where no exporter runs yet, install it with: {INSTALL_EXPORTER}"


class CheckResult(NamedTuple):
    """A line for people about a target or a DNS name, and why it failed; ``None`` where it answers."""

    line: str
    failure: Coded | str | None = None


async def check_all(files: TargetsFiles, config: Config) -> list[CheckResult]:
    """Look each DNS name up once, then scrape all targets; return as ``check``, the names without targets first."""
    dns = DnsTargets(config.dns_targets, math.inf)
    dns.start()
    await dns.tried()
    await dns.stop()
    reasons = [(name.host, name.why or "the name has no address") for name in dns.names if not name.entries]
    failed = [CheckResult(f"{host}: FAILED: {english(why)}", why) for host, why in reasons]
    return failed + await check(TargetSources(files, dns).targets, config.local_exporter, config.credentials_dir)


async def check(
    targets: Sequence[Target], local_exporter: tuple[str, int] | None, credentials_dir: Path | None
) -> list[CheckResult]:
    """Scrape all targets; return the results in the same order."""
    resolver = Resolver()
    places = asyncio.Semaphore(CONCURRENT_SCRAPES)
    async with open_session(resolver, credentials_dir) as session:

        async def check_one(target: Target) -> CheckResult:
            async with places:
                probe = make_scraper(
                    target, session, resolver, timeout_seconds=TIMEOUT_SECONDS, local_exporter=local_exporter
                )
                if isinstance(probe, LocalScraper):
                    return await _described(target, probe, "read without an exporter")
                try:
                    found = await asyncio.wait_for(resolver.resolve(probe.host), TIMEOUT_SECONDS)
                except (OSError, UnicodeError):
                    why = failures.name_not_found()
                    return CheckResult(f"{target.node} ({target.address}): FAILED: {english(why)}", why)
                where = "" if found[0]["host"] == probe.host else f"name found ({found[0]['host']}), "
                return await _described(target, probe, f"{where}connected, HTTP 200", failed=where)

        return await asyncio.gather(*map(check_one, targets))


async def _described(target: Target, probe: Scraper, reached: str, failed: str = "") -> CheckResult:
    begun = time.monotonic()
    result = await _scraped(probe)
    if isinstance(probe, ExporterScraper) and probe.left_out is not None:
        # It takes connections and does not answer: the next scrape leaves out what hangs most often.
        begun = time.monotonic()
        result = await _scraped(probe)
    took_ms = 1000 * (time.monotonic() - begun)
    start = target.node if target.node == target.address else f"{target.node} ({target.address})"
    if not isinstance(result, Sample):
        return CheckResult(f"{start}: FAILED: {failed}{result.sentence}", result.why)
    missing = missing_values(result)
    told = f"missing: {', '.join(missing)}" if missing else "all values there"
    if result.hung_collector is not None:
        told += f" (COLLECTOR {result.hung_collector} HANGS and was left out)"
    if target.http.insecure:
        told += ", CERTIFICATE NOT LOOKED AT (insecure: true)"
    why = "" if result.missing_reason is None else f" ({english(result.missing_reason)})"
    choices = "".join(f"; {remark}" for remark in result.remarks)
    return CheckResult(
        f"{start}: {reached} in {took_ms:.0f} ms, {told}{why}, {_clock(result.clock_offset_seconds)}{choices}"
    )


async def _scraped(probe: Scraper) -> Sample | ScrapeFailed:
    """Return the result of a scrape. An error of ours is told of this node, and the others are scraped all the same."""
    try:
        return await probe.scrape()
    except Exception as error:
        # Its kind alone: its text may show a request, credentials included.
        return ScrapeFailed("internal", failures.unreadable(type(error).__name__))


def missing_values(sample: Sample) -> list[str]:
    """What a node does not tell, in words."""
    values = {
        "CPU": sample.cpu_seconds,
        "load": sample.load1,
        "memory": sample.memory_total_bytes and sample.memory_available_bytes,
        "disk usage": sample.root,
        "network": sample.network_bytes,
        "disk traffic": sample.disk_bytes,
        "temperature": sample.temperature,
        "boot time": sample.boot_unix_seconds,
    }
    return [name for name, value in values.items() if value is None or value == {}]


def _clock(offset: float | None) -> str:
    if offset is None:
        return "clock not told"
    if abs(offset) <= CLOCK_SECONDS:
        return f"clock {offset:+.1f} s"
    return f"CLOCK OFF by {offset:+.1f} s (set up NTP there, or here)"


def main(
    arguments: Sequence[str] | None = None,
    program: str = "check_nodes",
    default: Path | None = None,
    default_is: str = "COLLECTOR_TARGETS, or nodes.yaml",
) -> int:
    """Check the targets; return 0 if all can be read, 1 if one cannot, 2 where there is nothing valid to check.

    ``default``: the file where none is named, and in words ``default_is``; ``None``: what the settings say.
    """
    parser = argparse.ArgumentParser(prog=program, description="Look at every target once and say what works.")
    parser.add_argument(
        "--targets",
        type=split_paths,
        metavar="PATH,…",
        help=f"targets files, separated by commas (default: {default_is})",
    )
    given: tuple[Path, ...] | None = parser.parse_args(arguments).targets
    if given is not None and not given:
        parser.error("argument --targets: it takes a path, or several with commas between them")
    try:
        config = Config.from_environment(os.environ)
    except SettingError as error:
        sys.stderr.write(f"{program}: {error}\n")
        return 2
    missing_paths = [path for path in given or () if "*" not in path.name and not os.path.lexists(path)]
    if missing_paths:
        sys.stderr.write("".join(f"{path}: There is no such file.\n" for path in missing_paths))
        return 2
    own = config.targets_paths if default is None else (default,)
    files = TargetsFiles(given or own, config.local_name)
    if files.problems:
        sys.stderr.write("".join(f"{english(problem)}\n" for problem in files.problems))
        return 2
    if not files.entries and not config.dns_targets:
        missing = "There is no such file yet" if files.is_missing else "It lists no nodes yet"
        _show(f"{files.path}: {missing}. List your nodes in it, for instance: {_EXAMPLE}")
        return 0
    results = asyncio.run(check_all(files, config))
    for result in results:
        _show(f"{result.line}")
    reasons = [result.failure for result in results if result.failure is not None]
    if reasons:
        hint = _INSTALL if any(map(may_lack_an_exporter, reasons)) else ""
        _show(f"{len(reasons)} of {plural(len(results), 'target')} cannot be read.{hint}")
    return 1 if reasons else 0


def _show(line: str) -> None:
    print(line)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
