"""The local mode, started like ``make run``."""

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.drivers.ports import free_port, inner_ports
from tests.drivers.process import ROOT, Process, python
from tests.drivers.rest import Rest
from tests.drivers.waiting import eventually

READY_SECONDS = 100.0


class LocalProduct:
    """``python -m deploy.local`` on a free port; ``root`` is the folder of the code, by default this checkout."""

    def __init__(self, data_dir: Path, *, root: Path = ROOT, **variables: str) -> None:
        self._root = root
        self.port = free_port()
        self.env = {"PORT": str(self.port), **inner_ports(), "DATA_DIR": str(data_dir), **variables}
        self.process = self._process()
        self.process.start()
        self.origin = f"http://127.0.0.1:{self.port}"
        self.rest = Rest(self.origin)

    def _process(self) -> Process:
        return python("local", "deploy.local", env=self.env, root=self._root)

    @property
    def output(self) -> str:
        """Its output so far."""
        return self.process.log()

    def wait_until_ready(self) -> None:
        """Wait until it prints that it is ready."""

        def is_ready() -> bool:
            assert self.process.running, self.output
            return "Ctrl-C stops everything." in self.output

        eventually(is_ready, within_seconds=READY_SECONDS, what="ready")

    def start_second(self) -> tuple[int, str]:
        """Start a second instance with the same settings; return its exit code and output."""
        second = self._process()
        second.start()
        return second.wait(READY_SECONDS), second.log()

    def processes(self) -> dict[str, int]:
        """Return process ids by the last word of the process's module or program."""
        listed = subprocess.run(
            ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(self.process.pid)],
            capture_output=True,
            text=True,
            check=True,
        )
        found: dict[str, int] = {}
        for line in listed.stdout.splitlines():
            pid, command = line.split(None, 1)
            name = re.search(r"-m (\S+)|valkey-server", command)
            if name:
                found[name[0].rpartition(" ")[2].rpartition(".")[2]] = int(pid)
        return found

    def next_round(self) -> None:
        """Wait until the collector has made one more round."""
        before = self.rest.json("/api/cluster/snapshot")["seq"]
        eventually(lambda: self.rest.json("/api/cluster/snapshot")["seq"] > before)

    def stop(self, number: int = signal.SIGINT) -> int | None:
        """Send it a signal unless it has exited; return its exit code."""
        self.rest.close()
        return self.process.stop(number, within_seconds=60)


@contextmanager
def local_product(data_dir: Path, **variables: Any) -> Iterator[LocalProduct]:
    """Run the local mode; yield it when it is ready."""
    product = LocalProduct(data_dir, **variables)
    try:
        product.wait_until_ready()
        yield product
    finally:
        product.stop()
