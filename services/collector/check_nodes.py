"""Scrape every target once and print the results: ``python -m collector.check_nodes [--targets nodes.yaml,…]``."""

import argparse
import asyncio
import json
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

#: Timeout of a scrape in seconds: longer than in the collector, to distinguish a slow node from a dead node.
TIMEOUT_SECONDS: Final = 10.0
#: Scrapes at the same time.
CONCURRENT_SCRAPES: Final = 50
#: Clock offset in seconds up to which the output has no warning.
CLOCK_SECONDS: Final = 2.0
_EXAMPLE: Final = "workers: [node1.lan, node2.lan]"
_INSTALL: Final = f" On nodes without an exporter, install it with: {INSTALL_EXPORTER}"


class CheckResult(NamedTuple):
    """The output line for a target or a DNS name, and the cause of the failure, ``None`` on success."""

    line: str
    failure: Coded | str | None = None


async def check_all(files: TargetsFiles, config: Config) -> list[CheckResult]:
    """Look up each DNS name once, then scrape all targets; return the results, DNS names without targets first."""
    dns = DnsTargets(config.dns_targets, math.inf)
    dns.start()
    await dns.first_lookups_done()
    await dns.stop()
    reasons = [(name.host, name.why or "the name has no address") for name in dns.names if not name.entries]
    failed = [CheckResult(f"{host}: FAILED: {english(why)}", why) for host, why in reasons]
    return failed + await check(TargetSources(files, dns).targets, config.local_exporter, config.credentials_dir)


async def check(
    targets: Sequence[Target], local_exporter: tuple[str, int] | None, credentials_dir: Path | None
) -> list[CheckResult]:
    """Scrape all targets; return the results in the same order."""
    resolver = Resolver()
    slots = asyncio.Semaphore(CONCURRENT_SCRAPES)
    async with open_session(resolver, credentials_dir) as session:

        async def check_one(target: Target) -> CheckResult:
            async with slots:
                scraper = make_scraper(
                    target, session, resolver, timeout_seconds=TIMEOUT_SECONDS, local_exporter=local_exporter
                )
                if isinstance(scraper, LocalScraper):
                    return await _described(target, scraper, "read without an exporter")
                try:
                    found = await asyncio.wait_for(resolver.resolve(scraper.host), TIMEOUT_SECONDS)
                except (OSError, UnicodeError):
                    why = failures.name_not_found()
                    start = f"{target.node} ({target.address}){_labels(target)}"
                    return CheckResult(f"{start}: FAILED: {english(why)}", why)
                where = "" if found[0]["host"] == scraper.host else f"name found ({found[0]['host']}), "
                return await _described(target, scraper, f"{where}connected, HTTP 200", failed=where)

        return await asyncio.gather(*map(check_one, targets))


async def _described(target: Target, scraper: Scraper, reached: str, failed: str = "") -> CheckResult:
    started = time.monotonic()
    result = await _scraped(scraper)
    if isinstance(scraper, ExporterScraper) and scraper.left_out is not None:
        # The exporter accepts connections and does not answer: the next scrape leaves out the likely hanging collector.
        started = time.monotonic()
        result = await _scraped(scraper)
    took_ms = 1000 * (time.monotonic() - started)
    start = target.node if target.node == target.address else f"{target.node} ({target.address})"
    start += _labels(target)
    if not isinstance(result, Sample):
        return CheckResult(f"{start}: FAILED: {failed}{result.sentence}", result.why)
    missing = missing_values(result)
    values = f"missing: {', '.join(missing)}" if missing else "all values present"
    if result.hung_collector is not None:
        values += f" (COLLECTOR {result.hung_collector} HANGS and was left out)"
    if target.http.insecure:
        values += ", CERTIFICATE NOT CHECKED (insecure: true)"
    why = "" if result.missing_reason is None else f" ({english(result.missing_reason)})"
    choices = "".join(f"; {remark}" for remark in result.remarks)
    return CheckResult(
        f"{start}: {reached} in {took_ms:.0f} ms; {values}{why}; {_clock(result.clock_offset_seconds)}{choices}"
    )


async def _scraped(scraper: Scraper) -> Sample | ScrapeFailed:
    """Return the result of a scrape. An internal error counts as a failure of this node and does not stop the check."""
    try:
        return await scraper.scrape()
    except Exception as error:
        # The type only: the text may contain a request with its credentials.
        return ScrapeFailed("internal", failures.unreadable(type(error).__name__))


def _labels(target: Target) -> str:
    """Return a space and the labels in Prometheus' notation: ``{rack="07", zone="north"}``; empty without labels."""
    if not target.labels:
        return ""
    pairs = (f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in target.labels.items())
    return f" {{{', '.join(pairs)}}}"


def missing_values(sample: Sample) -> list[str]:
    """Return the names of the values that the node does not report."""
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
        return "clock unknown"
    if abs(offset) <= CLOCK_SECONDS:
        return f"clock off by {offset:+.1f} s"
    return f"CLOCK OFF by {offset:+.1f} s (set up NTP on the node or on this machine)"


def main(
    arguments: Sequence[str] | None = None,
    program: str = "check_nodes",
    default: Path | None = None,
    default_description: str = "COLLECTOR_TARGETS, or nodes.yaml",
) -> int:
    """Check the targets; return 0 if all can be read, 1 if a target cannot be read, 2 for invalid files or settings.

    ``default``: the targets file without ``--targets``, ``None`` for the file of the settings. The help shows
    ``default_description``.
    """
    parser = argparse.ArgumentParser(prog=program, description="Scrape every target once and print the results.")
    parser.add_argument(
        "--targets",
        type=split_paths,
        metavar="PATH,…",
        help=f"targets files, separated by commas (default: {default_description})",
    )
    given: tuple[Path, ...] | None = parser.parse_args(arguments).targets
    if given is not None and not given:
        parser.error("argument --targets: expected one or more paths, separated by commas")
    try:
        config = Config.from_environment(os.environ)
    except SettingError as error:
        sys.stderr.write(f"{program}: {error}\n")
        return 2
    missing_paths = [path for path in given or () if "*" not in path.name and not os.path.lexists(path)]
    if missing_paths:
        sys.stderr.write("".join(f"{path}: the file does not exist\n" for path in missing_paths))
        return 2
    own = config.targets_paths if default is None else (default,)
    files = TargetsFiles(given or own, config.local_name)
    if files.problems:
        sys.stderr.write("".join(f"{english(problem)}\n" for problem in files.problems))
        return 2
    if not files.entries and not config.dns_targets:
        missing = "The file does not exist yet" if files.is_missing else "The file lists no nodes yet"
        _show(f"{files.path}: {missing}. List your nodes in the file, for instance: {_EXAMPLE}")
        return 0
    results = asyncio.run(check_all(files, config))
    for result in results:
        _show(f"{result.line}")
    for remark in files.remarks:
        _show(english(remark))
    reasons = [result.failure for result in results if result.failure is not None]
    if reasons:
        hint = _INSTALL if any(map(may_lack_an_exporter, reasons)) else ""
        _show(f"{len(reasons)} of {plural(len(results), 'target')} cannot be read.{hint}")
    return 1 if reasons else 0


def _show(line: str) -> None:
    print(line)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
