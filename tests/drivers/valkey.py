"""A Valkey server for tests."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import redis
from redis.client import PubSub

from deploy.local.valkey import valkey_binary, valkey_command
from tests.drivers.ports import free_port
from tests.drivers.process import Process
from tests.drivers.waiting import Deadline


class Valkey:
    """One server process on a fixed port; it can be stopped, started empty, paused and resumed.

    As a context it starts empty and stops at the end.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: Process | None = None

    @property
    def pid(self) -> int:
        """The server's process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the server's process runs, paused or not."""
        return self._process is not None and self._process.running

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, data_dir: Path | None = None, *options: str) -> None:
        """Start the server, empty or with the data in ``data_dir``, and wait until it answers."""
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
        """Return a new blocking client that returns bytes."""
        return redis.Redis.from_url(self.url, socket_timeout=10)

    def stop(self) -> None:
        """Stop the server and delete its data."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def pause(self) -> None:
        """Pause the server: connections stay open without answers."""
        assert self._process is not None
        self._process.pause()

    def resume(self) -> None:
        """Resume a paused server."""
        assert self._process is not None
        self._process.resume()


@contextmanager
def configured(client: redis.Redis, name: str, value: str) -> Iterator[None]:
    """Change a setting of the server during the context."""
    before = client.config_get(name)[name] or ""
    client.config_set(name, value)
    try:
        yield
    finally:
        client.config_set(name, before)


@contextmanager
def heard(client: redis.Redis, channel: str) -> Iterator[Callable[[], bytes]]:
    """Subscribe to a channel; yield a function that waits for the next message."""
    pubsub = PubSub(client.connection_pool, ignore_subscribe_messages=True)
    pubsub.subscribe(channel)
    pubsub.get_message(timeout=10)

    def following() -> bytes:
        message = pubsub.get_message(timeout=10)
        assert message is not None
        data: bytes = message["data"]
        return data

    yield following
    pubsub.close()
