"""Measure the bytes that the containers write to disk in an hour: Redis's data, logs, and Docker's health checks.

``python -m bench.disk [--nodes 8] [--seconds 300]`` prints a Markdown table, in MB (10⁶ bytes) per hour. Requires root:
the data volume gets an ext4 file system on a loop device of its own. The kernel's counter of that device includes the
journal.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from docker.models.containers import Container

from tests.drivers.deployment import Deployment, data_in
from tests.drivers.docker_engine import engine
from tests.drivers.waiting import eventually

SECTOR_BYTES = 512
#: Size of Docker's file with a container's state and last five health checks.
STATE_FILE_BYTES = 5600
#: User id in the product's containers.
UID = 10001
#: Seconds before the measurement: longer than the time of frequent health checks after a start, and longer than the
#: kernel delays writing (vm.dirty_expire_centisecs), so that the start and the end of a window are comparable.
SETTLING_SECONDS = 100


class Disk:
    """A small ext4 on a loop device."""

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="disk-"))
        self._mounted = self._folder / "mounted"
        self._mounted.mkdir()
        image = self._folder / "image"
        with image.open("wb") as file:
            file.truncate(1 << 30)
        # Without these options, the kernel continues formatting during the measurement.
        format_now = ["-E", "lazy_itable_init=0,lazy_journal_init=0"]
        subprocess.run(["mkfs.ext4", "-q", *format_now, str(image)], check=True)
        subprocess.run(["mount", "-o", "loop", str(image), str(self._mounted)], check=True)
        self.store = self._mounted / "store"
        self.store.mkdir()
        os.chown(self.store, UID, UID)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        subprocess.run(["umount", str(self._mounted)], check=True)
        shutil.rmtree(self._folder)

    def written_bytes(self) -> int:
        """Return the bytes written to the device so far (https://docs.kernel.org/block/stat.html)."""
        device = os.stat(self._mounted).st_dev
        fields = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/stat").read_text().split()
        return int(fields[6]) * SECTOR_BYTES


@dataclass(frozen=True)
class Written:
    """Bytes written so far: to append-only files, by the process of Redis, to the device, and to the logs."""

    appended: int
    pages: int
    device: int
    logs: int


def written(disk: Disk, deployment: Deployment, containers: list[Container]) -> Written:
    """Read all counters."""
    process = Path("/proc", str(deployment.container("redis").attrs["State"]["Pid"]), "io")
    counters = dict(line.split(": ") for line in process.read_text().splitlines())
    return Written(
        appended=sum(path.stat().st_size for path in disk.store.rglob("*.aof")),
        pages=int(counters["write_bytes"]) - int(counters["cancelled_write_bytes"]),
        device=disk.written_bytes(),
        logs=sum(Path(container.attrs["LogPath"]).stat().st_size for container in containers),
    )


def count_replacements(containers: list[Container], seconds: float) -> int:
    """Return how often Docker replaces the state files of containers; each health check replaces one."""
    root = Path(engine().info()["DockerRootDir"], "containers")
    paths = [root / str(container.id) / "config.v2.json" for container in containers]
    seen = {path: path.stat().st_mtime_ns for path in paths}
    count = 0
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        for path in paths:
            changed_at = path.stat().st_mtime_ns
            count += changed_at != seen[path]
            seen[path] = changed_at
        time.sleep(0.2)
    return count


def bytes_of_a_replacement(times: int = 100) -> float:
    """Return the bytes written to the device, journal included, when a state file is replaced as Docker does it."""
    with Disk() as disk:
        path = disk.store / "config.v2.json"
        before = disk.written_bytes()
        for _ in range(times):
            new = path.with_name("new")
            with new.open("wb") as file:
                file.write(bytes(STATE_FILE_BYTES))
                file.flush()
                os.fsync(file.fileno())
            new.replace(path)
            time.sleep(0.3)
        return (disk.written_bytes() - before) / times


@contextmanager
def running(disk: Disk, nodes: int, appendfsync: str) -> Iterator[Deployment]:
    """Run the product with simulated nodes and this machine; yield when all nodes were scraped."""
    deployment = Deployment(
        replicas=2,
        override=data_in(disk.store),
        COLLECTOR_SCRAPE_INTERVAL_SECONDS="2",
        DEMO_NODES=str(nodes - 1),
        REDIS_APPENDFSYNC=appendfsync,
    )
    try:
        deployment.up(profile="demo")
        eventually(lambda: len(deployment.statuses()) == nodes, within_seconds=60, what=f"{nodes} nodes")
        yield deployment
    finally:
        deployment.close()


def measure(nodes: int, seconds: float, replacement_bytes: float, appendfsync: str) -> list[str]:
    """Run the product and return the figures of one row of the table."""
    with Disk() as disk, running(disk, nodes, appendfsync) as deployment:
        time.sleep(SETTLING_SECONDS)
        services = ("redis", "api", "ws", "collector", "gateway", "exporter", "simulator")
        containers = [container for service in services for container in deployment.containers(service)]
        began, before = time.monotonic(), written(disk, deployment, containers)
        count = count_replacements(containers, seconds)
        after, took = written(disk, deployment, containers), time.monotonic() - began
    differences = [late - early for early, late in zip(astuple(before), astuple(after), strict=True)]
    return [f"{amount / 1e6 * 3600 / took:.1f}" for amount in (*differences, count * replacement_bytes)]


def main() -> int:
    """Measure and print the table; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=8, help="this machine and simulated ones")
    parser.add_argument("--seconds", type=float, default=300.0, help="measured time of each row")
    options = parser.parse_args()
    if os.geteuid() != 0:
        print("bench-disk needs root, to mount a file system of its own", file=sys.stderr)
        return 1
    replacement_bytes = bytes_of_a_replacement()
    print(f"{options.nodes} nodes every 2 s, 2 ws replicas, {options.seconds:.0f} s each; MB per hour;", end=" ")
    print(f"each health check costs {replacement_bytes / 1e3:.0f} kB\n")
    print("| REDIS_APPENDFSYNC | appended by Redis | as pages | the data volume's device | logs | health checks |")
    print("|---|---|---|---|---|---|")
    for appendfsync in ("no", "everysec"):
        figures = measure(options.nodes, options.seconds, replacement_bytes, appendfsync)
        print(f"| {' | '.join([appendfsync, *figures])} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
