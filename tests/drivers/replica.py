"""A ws replica as a process."""

import re
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import requests

from tests.drivers.copies import CopiedProcess, Copies
from tests.drivers.ports import free_port
from tests.drivers.process import Process, python
from tests.drivers.raw_client import RawClient, bare_websocket
from tests.drivers.waiting import eventually


def value_of(sample: str, metrics: str) -> float:
    """Return the value of one sample in the text of ``/metrics``; 0 if it is missing."""
    found = re.search(rf"^{re.escape(sample)} (\S+)$", metrics, re.MULTILINE)
    return float(found[1]) if found else 0.0


class Replica:
    def __init__(
        self,
        redis_url: str,
        headers: Mapping[str, str] | None = None,
        copies: Copies | None = None,
        prelude: str = "",
        program: str = "",
        **env: str,
    ) -> None:
        """``headers``: the headers of this test's requests.

        With ``copies``, the replica is one of their forks and runs the Python code ``prelude`` first. ``program`` is
        Python code that runs instead of ``python -m ws``.
        """
        self._headers = dict(headers or {})
        self.port = free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        env = {"REDIS_URL": redis_url, "WS_PORT": str(self.port), **env}
        self.process: Process | CopiedProcess
        if program:
            self.process = Process("ws", [sys.executable, "-c", program], env)
        elif copies is None:
            self.process = python("ws", "ws", env=env)
        else:
            self.process = CopiedProcess("ws", copies, env, prelude)
        self.process.start()
        self._clients: list[RawClient] = []

    def get(self, path: str, **how: Any) -> requests.Response:
        """Send a GET request."""
        headers = {**self._headers, **how.pop("headers", {})}
        return requests.get(self.origin + path, timeout=15, headers=headers, **how)

    def wait_until_ready(self) -> None:
        """Wait until the replica follows Redis."""

        def ready() -> bool:
            assert self.process.running, self.process.log()
            return self.get("/readyz").text == "ready\nredis: up\n"

        eventually(ready, within_seconds=30, what="the replica to follow Redis")

    def client(self, *namespaces: str, **how: Any) -> RawClient:
        """Return a client that is connected to namespaces, by default to ``/``."""
        return self.bare_client(*(namespaces or ("/",)), **how)

    def bare_client(self, *namespaces: str, **how: Any) -> RawClient:
        """Return a client that is connected to exactly these namespaces."""
        client = RawClient(self.port, *namespaces, **how)
        self._clients.append(client)
        return client

    def bare_websocket(self, extensions: str = "") -> socket.socket:
        """Open a TCP connection and do the WebSocket handshake."""
        return bare_websocket(self.port, extensions)

    def peak_bytes(self) -> int:
        """Return the process's highest memory use."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return 1024 * int(status.partition("VmHWM:")[2].split()[0])

    def metric(self, sample: str) -> float:
        """Return the value of one sample of ``/metrics``; 0 if it is missing."""
        return value_of(sample, self.get("/metrics").text)

    def close(self) -> None:
        """Stop the replica and its clients."""
        for client in self._clients:
            client.close()
        self.process.kill()


#: Starts a replica and waits until it follows Redis; see the fixture ``replicas``.
Start = Callable[..., Replica]
