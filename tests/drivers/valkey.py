"""A real Valkey server to test against."""

import tempfile
import time
from pathlib import Path
from typing import Self

import redis

from deploy.local.valkey import valkey_binary, valkey_command
from tests.drivers.ports import free_port
from tests.drivers.process import Process
from tests.drivers.waiting import Deadline


class Valkey:
    """One server process on a fixed port; it can be stopped, started empty, paused and resumed.

    As a context it runs from the beginning, empty, to the end.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: Process | None = None

    @property
    def pid(self) -> int:
        """The server's process."""
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the server runs, or hangs."""
        return self._process is not None and self._process.running

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, data_dir: Path | None = None, *options: str) -> None:
        """Start the server, empty or with what ``data_dir`` holds, and wait until it answers."""
        data_dir = data_dir or Path(tempfile.mkdtemp(prefix="valkey-test-"))
        self._process = Process("valkey", [*self._command(data_dir), "--save", "", *options])
        self._process.start()
        deadline = Deadline(20)
        client = self.client()
        while True:
            try:
                client.ping()
            except (redis.ConnectionError, redis.exceptions.BusyLoadingError):
                assert not deadline.has_passed, f"Valkey did not start:\n{self._process.log()}"
                time.sleep(0.05)
            else:
                break
        client.close()

    def _command(self, data_dir: Path) -> list[str]:
        return valkey_command(valkey_binary(), port=self.port, data_dir=data_dir)

    def client(self) -> redis.Redis:
        """A new blocking client that does not decode responses."""
        return redis.Redis.from_url(self.url, socket_timeout=10)

    def stop(self) -> None:
        """End the server and forget its data."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def pause(self) -> None:
        """Let the server hang: connections stay open and nothing answers."""
        assert self._process is not None
        self._process.pause()

    def resume(self) -> None:
        """Let a paused server go on."""
        assert self._process is not None
        self._process.resume()
