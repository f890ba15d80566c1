"""The local mode as ``make run`` starts it."""

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

from tests.drivers.ports import free_port, inner_ports
from tests.drivers.process import ROOT
from tests.drivers.waiting import eventually

READY_SECONDS = 100.0


class LocalProduct:
    """``python -m deploy.local`` on a free port; ``root``: the folder of the code, this checkout's by default."""

    def __init__(self, data_dir: Path, *, root: Path = ROOT, **variables: str) -> None:
        self._root = root
        self.port = free_port()
        path = {} if root == ROOT else {"PYTHONPATH": f"{root}:{root / 'services'}"}
        self.env = {**os.environ, **path, "PORT": str(self.port), **inner_ports(), "DATA_DIR": str(data_dir)}
        self.env |= variables
        self.process = self._popen()
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _popen(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "deploy.local"],
            cwd=self._root,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            self.lines.extend(output)

    @property
    def said(self) -> str:
        """What it has written so far."""
        return "".join(self.lines)

    def until_ready(self) -> None:
        """Wait until it says that it is."""

        def is_ready() -> bool:
            assert self.process.poll() is None, self.said
            return "Ctrl-C stops everything." in self.said

        eventually(is_ready, within_seconds=READY_SECONDS, what="ready")

    def again(self) -> tuple[int, str]:
        """A second instance with the same settings: its exit code and what it said."""
        second = self._popen()
        said, _ = second.communicate(timeout=READY_SECONDS)
        return second.returncode, said

    def parts(self) -> dict[str, int]:
        """Process by the last word of its module or program."""
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

    def end(self, number: int = signal.SIGINT) -> int:
        """Ask it to end, unless it has ended; return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(60)
        self._reader.join(30)
        return code
