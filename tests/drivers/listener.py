"""A program in tests/clients/ that connects many clients of one library and tells what each of them gets."""

import json
import shutil
import threading
from collections.abc import Sequence
from subprocess import PIPE, Popen
from typing import Any

from tests.drivers.process import ROOT
from tests.prepare import CLIENTS, OLDEST_PYTHON_CLIENT

NODE = ROOT / ".venv" / "bin" / "node"


class Listener:
    """``count`` clients of one library, connected to one origin."""

    def __init__(self, command: Sequence[str], origin: str, count: int) -> None:
        self.count = count
        self._events: list[tuple[int, str, Any]] = []
        self._lock = threading.Lock()
        self._process = Popen([*command, origin, str(count)], cwd=CLIENTS, stdin=PIPE, stdout=PIPE, text=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            message = json.loads(line)
            with self._lock:
                self._events.append((message["client"], message["event"], message["data"]))

    def of(self, event: str) -> dict[int, list[Any]]:
        """The payloads of one event by client."""
        found: dict[int, list[Any]] = {client: [] for client in range(self.count)}
        with self._lock:
            for client, name, data in self._events:
                if name == event:
                    found[client].append(data)
        return found

    def close(self) -> None:
        """Disconnect all clients and end the program."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(20)
        finally:
            self._process.kill()
            self._process.wait()
            self._reader.join(10)
            self._process.stdout.close()


def python_command(oldest: bool) -> list[str]:
    """The Python client: 5.11.0, or the locked newest."""
    python = str(OLDEST_PYTHON_CLIENT) if oldest else str(ROOT / ".venv" / "bin" / "python")
    assert shutil.which(python), "run `make test`, which prepares the clients"
    return [python, "listen.py"]


def javascript_command(oldest: bool) -> list[str]:
    """The JavaScript client: 4.5.0, or the locked newest."""
    assert NODE.exists(), "run `make test`, which prepares the clients"
    return [str(NODE), "listen.cjs", "socket.io-client-4.5.0" if oldest else "socket.io-client"]
