"""A program in tests/clients/ that connects many clients of one library and reports their events."""

import json
import shutil
import threading
import time
from collections import Counter
from collections.abc import Sequence
from itertools import groupby, pairwise
from subprocess import PIPE, Popen
from typing import Any

from tests.drivers.process import ROOT
from tests.prepare import CLIENTS, GO_CLIENT, JAVA_CLIENT, OLDEST_PYTHON_CLIENT

NODE = ROOT / ".venv" / "bin" / "node"


class Listener:
    """``count`` clients of one library, connected to one origin."""

    def __init__(self, command: Sequence[str], origin: str, count: int, way: str | None = None) -> None:
        """``way``: ``polling``, ``websocket`` or ``upgrade``; the last also connects to more namespaces."""
        self.name = " ".join(command)
        self.count = count
        #: Payloads by namespace and event, then by client, each with the number of the client's connection.
        self._payloads: dict[tuple[str, str], dict[int, list[tuple[int, Any]]]] = {}
        self._connections: Counter[int] = Counter()
        #: Times of each client's snapshots; monotonic.
        self._arrivals: dict[int, list[float]] = {}
        self._lock = threading.Lock()
        arguments = [origin, str(count), *([way] if way else [])]
        self._process = Popen([*command, *arguments], cwd=CLIENTS, stdin=PIPE, stdout=PIPE, text=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            message = json.loads(line)
            event, client = (message["namespace"], message["event"]), message["client"]
            with self._lock:
                self._connections[client] += event == ("/", "connection_confirmed")
                if event == ("/", "redis_cluster_metrics"):
                    self._arrivals.setdefault(client, []).append(time.monotonic())
                came = self._payloads.setdefault(event, {}).setdefault(client, [])
                came.append((self._connections[client], message["data"]))

    def of(self, event: str, namespace: str = "/") -> dict[int, list[Any]]:
        """Return the payloads of an event by client."""
        with self._lock:
            came = self._payloads.get((namespace, event), {})
            return {client: [data for _, data in came.get(client, ())] for client in range(self.count)}

    def by_connection(self, event: str, namespace: str = "/") -> list[list[Any]]:
        """Return the payloads of an event, a list for each connection of each client."""
        with self._lock:
            came = self._payloads.get((namespace, event), {})
            return [
                [data for _, data in group]
                for of_client in came.values()
                for _, group in groupby(of_client, key=lambda entry: entry[0])
            ]

    def gaps(self, since: float, until: float) -> list[float]:
        """Return each client's longest time in seconds without a snapshot, between two monotonic times."""
        with self._lock:
            arrivals = [[since, *self._arrivals.get(client, ()), until] for client in range(self.count)]
        times = [[moment for moment in of_client if since <= moment <= until] for of_client in arrivals]
        return [max(after - before for before, after in pairwise(of_client)) for of_client in times]

    def close(self) -> None:
        """Disconnect all clients and stop the program."""
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
    """Return the command of the Python client: 5.11.0, or the newest locked release."""
    python = str(OLDEST_PYTHON_CLIENT) if oldest else str(ROOT / ".venv" / "bin" / "python")
    assert shutil.which(python), "run `make test`, which prepares the clients"
    return [python, "listen.py"]


def javascript_command(oldest: bool) -> list[str]:
    """Return the command of the JavaScript client: 4.5.0, or the newest locked release."""
    return javascript_package("socket.io-client-4.5.0" if oldest else "socket.io-client")


def javascript_package(name: str) -> list[str]:
    """Return the folder of a JavaScript client, by its name in ``package.json``."""
    assert NODE.exists(), "run `make test`, which prepares the clients"
    return [str(NODE), "listen.cjs", name]


def java_command() -> list[str]:
    """Return the command of the Java client."""
    assert JAVA_CLIENT.exists(), "run `make test-clients`, which prepares the clients"
    # Without an optimizing compiler, the program starts faster.
    return ["java", "-XX:TieredStopAtLevel=1", "-cp", f"{JAVA_CLIENT}/classes:{JAVA_CLIENT}/lib/*", "Listen"]


def go_command() -> list[str]:
    """Return the command of the Go client."""
    assert GO_CLIENT.exists(), "run `make test-clients`, which prepares the clients"
    return [str(GO_CLIENT)]
