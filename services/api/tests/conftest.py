"""Drivers for the api: its application in this process, its real process, and who listens to what it publishes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import redis as redis_client
import requests
from flask import Flask
from flask.testing import FlaskClient
from jinja2.bccache import Bucket, BytecodeCache

from api.app import create_app
from api.config import Config
from api.parts import parts_of
from contract.names import (
    ALERTS_CHANNEL,
    CHANNELS,
    HEALTH_CHANNEL,
    LATEST_TTL_SECONDS,
    METRICS_CHANNEL,
    RULES_KEY,
    latest_key,
)
from tests.drivers.copies import Copies
from tests.drivers.ports import free_port
from tests.drivers.valkey import Valkey
from tests.drivers.waiting import Deadline

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "contract" / "golden"
MESSAGES = {METRICS_CHANNEL: "metrics", HEALTH_CHANNEL: "health", ALERTS_CHANNEL: "alerts", RULES_KEY: "rules"}


def golden(name: str) -> bytes:
    return (GOLDEN / f"{name}.json").read_bytes()


class CompiledTemplates(BytecodeCache):
    """The templates as one application has compiled them, for all others of the session."""

    def __init__(self) -> None:
        self._compiled: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        compiled = self._compiled.get(bucket.key)
        if compiled is not None:
            bucket.bytecode_from_string(compiled)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._compiled[bucket.key] = bucket.bytecode_to_string()


@pytest.fixture(scope="session", autouse=True)
def _compiled_templates() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(Flask.jinja_options, "bytecode_cache", CompiledTemplates())
        yield


class Collector:
    """Leaves in Redis what a collector does."""

    def __init__(self, redis: redis_client.Redis) -> None:
        self._redis = redis

    def leave(self, channel: str, raw: bytes | None = None, age_seconds: float = 0.0) -> bytes:
        raw = golden(f"messages/{MESSAGES[channel]}") if raw is None else raw
        key = RULES_KEY if channel == RULES_KEY else latest_key(channel)
        self._redis.set(key, raw, px=round((LATEST_TTL_SECONDS - age_seconds) * 1000))
        return raw

    def leave_all(self) -> None:
        for channel in MESSAGES:
            self.leave(channel)


class Listener:
    """Hears what is published, like a ws replica."""

    def __init__(self, redis: redis_client.Redis) -> None:
        self._pubsub = redis.pubsub()
        self._pubsub.subscribe(*CHANNELS)
        for _ in CHANNELS:
            message = self._pubsub.get_message(timeout=10)
            assert message is not None
            assert message["type"] == "subscribe"

    def hear(self, quiet_seconds: float = 0.7) -> list[tuple[str, bytes, float]]:
        """Channel, bytes and monotonic time of all publications, until none came for so long."""
        heard = []
        while (message := self._pubsub.get_message(timeout=quiet_seconds)) is not None:
            heard.append((message["channel"].decode(), message["data"], time.monotonic()))
        return heard

    def close(self) -> None:
        self._pubsub.close()


class Process:
    """``python -m api``, or a copy that runs its ``main`` after ``prelude``, which is Python."""

    def __init__(self, log_path: Path, copies: Copies | None, prelude: str = "", **variables: str) -> None:
        self.port = int(variables.get("API_PORT") or free_port())
        self.url = f"http://127.0.0.1:{self.port}"
        self._log_path = log_path
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("API_", "REDIS_"))}
        environment |= {"PYTHONPATH": f"{ROOT}:{ROOT / 'services'}", "API_PORT": str(self.port)} | variables
        self._process: Any
        if copies is not None:
            self._process = copies.begin(environment, log_path, prelude)
            return
        with log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "api"], env=environment, cwd=ROOT, stderr=log, start_new_session=True
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def log(self) -> str:
        return self._log_path.read_text()

    def get(self, path: str) -> requests.Response:
        """Ask over a connection of its own: one that were kept would be waited for at the end."""
        return requests.get(self.url + path, headers={"Connection": "close"}, timeout=60)

    def wait_until(self, path: str, status: int, seconds: float = 30) -> requests.Response:
        deadline = Deadline(seconds)
        while True:
            try:
                response = self.get(path)
                if response.status_code == status:
                    return response
            except requests.ConnectionError:
                assert self._process.poll() is None, self.log
            assert not deadline.has_passed, self.log
            time.sleep(0.02)

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self, seconds: float = 30) -> int:
        return self._process.wait(seconds)

    def end(self) -> None:
        """End master and worker: a polite end waits for connections."""
        if self._process.poll() is None:
            with suppress(ProcessLookupError):  # it ended just now
                os.killpg(self.pid, signal.SIGKILL)
            self._process.wait(30)


@pytest.fixture
def app(valkey: Valkey) -> Iterator[Flask]:
    app = create_app(Config(redis_url=valkey.url, cluster_name="nameless"))
    yield app
    parts_of(app).link.close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def collector(redis: redis_client.Redis) -> Collector:
    return Collector(redis)


@pytest.fixture
def listener(redis: redis_client.Redis) -> Iterator[Listener]:
    listener = Listener(redis)
    yield listener
    listener.close()


@pytest.fixture(scope="session")
def copies() -> Iterator[Copies]:
    copies = Copies("api.__main__", "api.app")
    yield copies
    copies.close()


@pytest.fixture
def start_api(valkey: Valkey, tmp_path: Path, copies: Copies) -> Iterator[Callable[..., Process]]:
    """Starts an api with these variables; ends it with the test."""
    yield from starting(valkey, tmp_path, copies)


@pytest.fixture
def run_api(valkey: Valkey, tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Starts ``python -m api`` with these variables; ends it with the test."""
    yield from starting(valkey, tmp_path, None)


def starting(valkey: Valkey, folder: Path, copies: Copies | None) -> Iterator[Callable[..., Process]]:
    started: list[Process] = []

    def start(**variables: str) -> Process:
        process = Process(folder / f"api-{len(started)}.log", copies, **({"REDIS_URL": valkey.url} | variables))
        started.append(process)
        return process

    yield start
    for process in started:
        process.end()


@pytest.fixture
def golden_example() -> Callable[[str], bytes]:
    return golden
