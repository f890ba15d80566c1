"""``python -m api.status``: whether live data flow, as the api reads it from Redis.

Prints one line per value, or all values as one line of JSON. The exit code is 0 if live data flow, 1 if they do not
flow yet, and 2 if a setting is not valid.
"""

import argparse
import logging
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final

from msgspec import UNSET, Struct

from access.scripts import ATTEMPT_SIGN_IN, NO_ATTEMPT
from api.config import Config
from api.counters import Counters
from api.health import HealthReporter
from api.message_store import AnyMessage, DataUnavailable, MessageStore
from api.redis_connection import RedisConnection
from contract.codec import encode
from contract.messages import Coded, Count, Epoch, Health, Seq, Snapshot
from contract.names import HEALTH_CHANNEL, METRICS_CHANNEL, overdue_seconds
from contract.rest import HealthReport
from runtime.readiness import Readiness
from runtime.redis_failures import RedisFailure
from runtime.settings import SettingError

#: Seconds for which ``--wait`` waits for the first scrape of every node. After that, live data of some nodes are
#: enough.
FIRST_SCRAPE_SECONDS: Final = 15.0

#: Seconds between two reads of ``--wait``.
_POLL_SECONDS: Final = 0.2
_LONGEST_WAIT_SECONDS: Final = 3600.0


class RoundStatus(Struct, frozen=True, kw_only=True):
    """The collector's last round. ``HealthReport.collector`` has its age."""

    epoch: Epoch
    seq: Seq
    interval_seconds: float
    nodes_online: Count
    nodes_total: Count
    #: Nodes without a finished scrape.
    nodes_unknown: Count


class LiveDataStatus(Struct, frozen=True, kw_only=True):
    """The state of the live data."""

    live: bool
    #: Why live data do not flow; ``None`` if they flow.
    missing: str | None
    health: HealthReport
    #: ``None`` if no snapshot can be read.
    round: RoundStatus | None
    #: Problems of the nodes, and the same problems as codes.
    issues: tuple[str, ...]
    issues_coded: tuple[Coded, ...]

    def lines(self) -> list[str]:
        """Return the lines for people."""
        health, last = self.health, self.round
        age = health.collector.age_seconds
        replicas, clients = len(health.websocket.replicas), health.websocket.connected_clients
        values = {
            "live": "yes" if self.live else f"no: {self.missing}",
            "version": health.version,
            "cluster": health.cluster_name,
            "redis": health.redis.status,
            "collector": health.collector.status,
            "ws replicas": f"{replicas}, with {clients} connected clients",
            "snapshot": None
            if age is None or last is None
            else f"{age:.1f} s old, round {last.seq} (epoch {last.epoch})",
            "nodes": None if last is None else f"{last.nodes_online} of {last.nodes_total} online",
        }
        return [
            *(f"{name}: {value}" for name, value in values.items() if value is not None),
            *(f"problem: {issue}" for issue in self.issues),
        ]


class StatusReader:
    """Reads the status with the api's own settings. Connects with the first query."""

    def __init__(self, config: Config, not_running_reason: str = "") -> None:
        """``not_running_reason`` explains why the product does not run, or is empty."""
        self._not_running_reason = not_running_reason
        counters, readiness = Counters(), Readiness()
        self._connection = RedisConnection(config.redis_url, readiness, counters)
        self._store = MessageStore(self._connection, readiness, counters)
        self._reporter = HealthReporter(self._connection, self._store, readiness)

    def read(self) -> LiveDataStatus:
        """Read the status from Redis."""
        # The api makes the same call. It finds out whether Redis has the functions, and loads them if allowed.
        with suppress(RedisFailure):
            self._connection.call(ATTEMPT_SIGN_IN, NO_ATTEMPT)
        self._store.refresh(METRICS_CHANNEL, HEALTH_CHANNEL)
        report = self._reporter.report()
        snapshot, why_missing = self._remembered(METRICS_CHANNEL)
        health, _ = self._remembered(HEALTH_CHANNEL)
        last = _round(snapshot) if isinstance(snapshot, Snapshot) else None
        missing = self._not_running_reason or _missing(report, last, why_missing)
        return LiveDataStatus(
            live=missing is None,
            missing=missing,
            health=report,
            round=last,
            issues=health.issues if isinstance(health, Health) else (),
            issues_coded=health.issues_coded if isinstance(health, Health) else (),
        )

    def _remembered(self, channel: str) -> tuple[AnyMessage | None, str | None]:
        """Return the last message of a channel, or the reason why there is no message."""
        try:
            return self._store.remembered(channel).stored.message, None
        except DataUnavailable as reason:
            return None, str(reason)

    def wait(self, seconds: float) -> LiveDataStatus:
        """Read the status until live data flow, for at most ``seconds``."""
        started = time.monotonic()
        while True:
            status = self.read()
            elapsed = time.monotonic() - started
            awaits_first_scrape = (
                status.round is not None and status.round.nodes_unknown > 0 and elapsed < FIRST_SCRAPE_SECONDS
            )
            if (status.live and not awaits_first_scrape) or elapsed >= seconds:
                return status
            time.sleep(_POLL_SECONDS)

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()


def _round(snapshot: Snapshot) -> RoundStatus:
    return RoundStatus(
        epoch=snapshot.epoch,
        seq=snapshot.seq,
        interval_seconds=snapshot.interval_seconds,
        nodes_online=snapshot.cluster_stats.online_nodes,
        nodes_total=snapshot.cluster_stats.total_nodes,
        nodes_unknown=sum(node.status == "unknown" for node in snapshot.nodes),
    )


def _missing(report: HealthReport, last: RoundStatus | None, why_missing: str | None) -> str | None:
    """Return why live data do not flow; ``None`` if they flow."""
    collector, functions = report.collector, report.redis.functions_missing
    if report.redis.status == "down":
        return "Redis does not answer"
    if functions is not UNSET:
        return functions
    if collector.status == "down":
        return "no collector runs on this Redis"
    if collector.leader is None:
        return "no collector holds the lease at this moment"
    if last is None:
        return why_missing
    # An earlier collector's snapshot stays in Redis for a day.
    if last.epoch != collector.epoch:
        return "the collector has not published yet"
    if collector.age_seconds is not None and collector.age_seconds > overdue_seconds(last.interval_seconds):
        return f"the collector's last publication is {collector.age_seconds:.0f} s old"
    if last.nodes_total and last.nodes_unknown == last.nodes_total:
        return "no node has been scraped yet"
    if not report.websocket.replicas:
        return "no ws replica runs, so the pages receive no changes"
    return None


def main(
    arguments: Sequence[str] | None = None,
    program: str = "python -m api.status",
    read_environment: Callable[[], tuple[Mapping[str, str], str]] = lambda: (os.environ, ""),
) -> int:
    """Run the command and return its exit code.

    ``read_environment`` returns the current settings, and a text that explains why the product does not run (else
    empty).
    """
    parser = argparse.ArgumentParser(prog=program, description="Show whether live data flow.")
    parser.add_argument("--json", action="store_true", help="print all values as one line of JSON")
    parser.add_argument(
        "--wait", metavar="SECONDS", type=_seconds, default=0.0, help="wait for live data, at most this long"
    )
    options = parser.parse_args(arguments)
    deadline = time.monotonic() + options.wait
    try:
        variables, not_running_reason = read_environment()
        while not_running_reason and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
            variables, not_running_reason = read_environment()
        reader = StatusReader(Config.from_environment(variables), not_running_reason)
        # If the product does not run, warnings about Redis add nothing.
        logging.disable(logging.WARNING if not_running_reason else logging.NOTSET)
        try:
            status = reader.wait(max(0.0, deadline - time.monotonic()))
        finally:
            logging.disable(logging.NOTSET)
            reader.close()
    except SettingError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    except KeyboardInterrupt:
        return 1
    print(encode(status).decode() if options.json else "\n".join(status.lines()))  # noqa: T201
    return 0 if status.live else 1


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= _LONGEST_WAIT_SECONDS:
        raise argparse.ArgumentTypeError(f"expected seconds from 0 to {_LONGEST_WAIT_SECONDS:g}")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
