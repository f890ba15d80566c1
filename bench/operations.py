"""The longest time without a snapshot during operations and failures, for clients of the containers.

``python -m bench.operations [--clients 30] [--only TEXT]`` prints a Markdown table: for each operation, the longest
time in which any client got no snapshot, including the interval of the rounds.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.drivers.deployment import Deployment
from tests.drivers.fleet import BROWSERS, SnapshotGaps, listening, replicas_of, settle
from tests.drivers.listener import Listener
from tests.drivers.upgrading import last_release, remove_backups, upgrade
from tests.drivers.waiting import eventually

#: The default of ``.env``; tests use a shorter interval.
INTERVAL_SECONDS = 2
#: Seconds of observation after an operation.
AFTER_SECONDS = 6.0
RESTARTED = ("redis", "ws", "api", "collector", "exporter", "gateway")

Operation = tuple[str, Callable[[Deployment, list[Listener]], object]]


def restart(service: str) -> Operation:
    """Return the operation ``make restart SERVICE=…``."""
    return f"`make restart SERVICE={service}`", lambda deployment, _: deployment.command("restart", service)


def rotate(what: str, *words: str) -> Operation:
    """Return the operation ``make rotate WHAT=…``."""
    return f"`make rotate WHAT={what}`", lambda deployment, _: deployment.command("rotate", what, *words)


def scale(replicas: int) -> Operation:
    """Return the operation ``docker compose up --scale ws=…``."""
    return f"`--scale ws={replicas}`", lambda deployment, _: deployment.up(ws=replicas)


def kill(service: str) -> Operation:
    """Return the operation in which the kernel kills a service's process."""

    def run(deployment: Deployment, _: list[Listener]) -> None:
        container = deployment.container(service)
        deployment.kill(container)
        eventually(lambda: deployment.containers(service), within_seconds=30, what=f"{service} runs again")

    return f"{service} is killed", run


def _hang(deployment: Deployment, listeners: list[Listener]) -> None:
    with deployment.hung(deployment.container("ws")):
        eventually(lambda: len(replicas_of(listeners)) == 1, within_seconds=90, what="all are on the other replica")
        time.sleep(AFTER_SECONDS)


def _upgrade(deployment: Deployment, _: list[Listener]) -> None:
    remove_backups(upgrade(deployment))


#: Runs on an installation of the last release.
UPGRADE: Operation = ("`make upgrade` from the last release", _upgrade)
OPERATIONS: tuple[Operation, ...] = (
    ("none", lambda _deployment, _listeners: time.sleep(AFTER_SECONDS)),
    # A restart replaces all replicas, although none is outdated.
    ("`make restart`", lambda deployment, _: deployment.command("restart")),
    *map(restart, RESTARTED),
    rotate("redis"),
    rotate("session-key"),
    rotate("token", "bench"),
    rotate("certificate"),
    scale(5),
    scale(1),
    scale(2),
    ("a ws replica hangs", _hang),
    kill("ws"),
    kill("redis"),
    kill("collector"),
    kill("gateway"),
)


def measure(deployment: Deployment, clients: int, operation: Operation) -> float:
    """Return the longest time in seconds time in which any client got no snapshot."""
    with listening(deployment, clients, BROWSERS) as listeners:
        settle(deployment, listeners)
        gaps = SnapshotGaps(listeners)
        operation[1](deployment, listeners)
        settle(deployment, listeners)
        time.sleep(AFTER_SECONDS)
        return gaps.gap_seconds()


def main() -> int:
    """Run the containers, do each operation, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=30, help="Socket.IO clients, of all transports")
    parser.add_argument("--only", default="", help="only operations with this text in their name")
    options = parser.parse_args()
    variables = {"COLLECTOR_SCRAPE_INTERVAL_SECONDS": str(INTERVAL_SECONDS)}
    deployment = Deployment(replicas=2, WS_DRAIN_SECONDS="5", **variables)
    try:
        deployment.up()
        deployment.compose("exec", "-T", "api", "serve", "token", "add", "bench")
        print(f"{options.clients} clients, a round every {INTERVAL_SECONDS} s\n")
        print("| operation | longest time without a snapshot |\n|---|---|")
        for operation in OPERATIONS:
            if options.only in operation[0]:
                print(f"| {operation[0]} | {measure(deployment, options.clients, operation):.1f} s |", flush=True)
                deployment.up(ws=5 if "ws=5" in operation[0] else 1 if "ws=1" in operation[0] else 2)
    finally:
        deployment.close()
    if options.only in UPGRADE[0]:
        with tempfile.TemporaryDirectory() as folder, last_release(Path(folder), **variables) as previous:
            print(f"| {UPGRADE[0]} | {measure(previous, options.clients, UPGRADE):.1f} s |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
