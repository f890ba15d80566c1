"""Drivers for the api: its application in this process, its real process, and a subscriber to its publications."""

import json
import signal
import socket
import time
from collections.abc import Callable, Iterator
from http.cookies import Morsel, SimpleCookie
from typing import Any

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from jinja2.bccache import Bucket, BytecodeCache
from redis import Redis
from werkzeug.test import TestResponse

from api.app import create_app
from api.app_resources import resources_of
from api.config import Config
from contract.names import (
    ALERTS_CHANNEL,
    CHANNELS,
    HEALTH_CHANNEL,
    LATEST_TTL_SECONDS,
    METRICS_CHANNEL,
    RULES_KEY,
    latest_key,
)
from tests.drivers.copies import CopiedProcess, Copies
from tests.drivers.ports import free_port
from tests.drivers.process import ROOT, python
from tests.drivers.valkey import Valkey
from tests.drivers.waiting import Deadline

GOLDEN = ROOT / "contract" / "golden"
MESSAGES = {METRICS_CHANNEL: "metrics", HEALTH_CHANNEL: "health", ALERTS_CHANNEL: "alerts", RULES_KEY: "rules"}


def golden(name: str) -> bytes:
    return (GOLDEN / f"{name}.json").read_bytes()


def golden_message(name: str, **changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(golden(f"messages/{name}"))
    return found | changes


def problem_detail(response: TestResponse, status: int) -> str:
    """Return the detail of a problem response."""
    assert (response.status_code, response.mimetype) == (status, "application/problem+json")
    detail: str = response.get_json()["detail"]
    return detail


def get_json(client: FlaskClient, path: str) -> dict[str, Any]:
    """Return the body of a successful response."""
    response = client.get(path)
    assert response.status_code == 200, response.get_json()
    body: dict[str, Any] = response.get_json()
    return body


def set_cookies(response: TestResponse) -> dict[str, Morsel[str]]:
    """Return the cookies that a response sets, by name."""
    return dict(SimpleCookie("\r\n".join(response.headers.getlist("Set-Cookie"))))


class CompiledTemplates(BytecodeCache):
    """Compiled templates, shared by all applications of the test session."""

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
    """Stores data in Redis like a collector."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def store(
        self, channel: str, message: bytes | dict[str, Any] | None = None, age_seconds: float = 0.0, **changes: Any
    ) -> bytes:
        """Store a message, or the golden one with ``changes``. Return its bytes."""
        if isinstance(message, dict) or changes:
            message = json.dumps({**(message or golden_message(MESSAGES[channel])), **changes}).encode()
        raw = golden(f"messages/{MESSAGES[channel]}") if message is None else message
        key = RULES_KEY if channel == RULES_KEY else latest_key(channel)
        self._redis.set(key, raw, px=round((LATEST_TTL_SECONDS - age_seconds) * 1000))
        return raw

    def store_all(self) -> None:
        for channel in MESSAGES:
            self.store(channel)


class Listener:
    """Subscribes to all channels like a ws replica."""

    def __init__(self, redis: Redis) -> None:
        self._pubsub = redis.pubsub()
        self._pubsub.subscribe(*CHANNELS)
        for _ in CHANNELS:
            message = self._pubsub.get_message(timeout=10)
            assert message is not None
            assert message["type"] == "subscribe"

    def received(self, quiet_seconds: float = 0.7) -> list[tuple[str, bytes, float]]:
        """Return channel, bytes and monotonic time of all publications, until none arrives for ``quiet_seconds``."""
        heard = []
        while (message := self._pubsub.get_message(timeout=quiet_seconds)) is not None:
            heard.append((message["channel"].decode(), message["data"], time.monotonic()))
        return heard

    def close(self) -> None:
        self._pubsub.close()


class Api:
    """An api process: ``python -m api``, or a copy that runs its ``main`` after the Python code ``prelude``."""

    def __init__(self, copies: Copies | None, prelude: str = "", **variables: str) -> None:
        self.port = int(variables.get("API_PORT") or free_port())
        self.url = f"http://127.0.0.1:{self.port}"
        env = {"API_PORT": str(self.port), "API_DRAIN_SECONDS": "0"} | variables
        self.process = python("api", "api", env=env) if copies is None else CopiedProcess("api", copies, env, prelude)
        self.process.start()

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def log(self) -> str:
        return self.process.log()

    def get(self, path: str) -> requests.Response:
        """Send a request over a connection of its own. A kept connection would delay the shutdown."""
        return requests.get(self.url + path, headers={"Connection": "close"}, timeout=60)

    def connect(self, data: bytes = b"") -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        client.sendall(data)
        return client

    def wait_until(self, path: str, status: int, seconds: float = 30) -> requests.Response:
        deadline = Deadline(seconds)
        while True:
            try:
                response = self.get(path)
                if response.status_code == status:
                    return response
            except requests.ConnectionError:
                assert self.process.running, self.log
            assert not deadline.has_passed, self.log
            time.sleep(0.02)

    def ready(self) -> "Api":
        """Wait until the process is ready."""
        self.wait_until("/readyz", 200)
        return self

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self, seconds: float = 30) -> int:
        return self.process.wait(seconds)

    def stop(self) -> int:
        self.signal(signal.SIGTERM)
        return self.wait()


def read_all(client: socket.socket) -> bytes:
    """Return the received bytes, until the other side closes the connection."""
    received = b""
    while chunk := client.recv(65536):
        received += chunk
    return received


def failing_client(app: Flask, error: Exception) -> FlaskClient:
    """Return a client of an application whose dashboard raises ``error``."""

    def fail(page: str) -> None:
        raise error

    app.view_functions["pages.dashboard"] = fail
    return app.test_client()


@pytest.fixture
def app(valkey: Valkey) -> Iterator[Flask]:
    app = create_app(Config(redis_url=valkey.url, cluster_name="nameless"))
    yield app
    resources_of(app).connection.close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def collector(redis: Redis) -> Collector:
    return Collector(redis)


@pytest.fixture
def listener(redis: Redis) -> Iterator[Listener]:
    listener = Listener(redis)
    yield listener
    listener.close()


@pytest.fixture(scope="session")
def copies() -> Iterator[Copies]:
    copies = Copies("api.__main__", "api.app")
    yield copies
    copies.close()


@pytest.fixture
def start_api(valkey: Valkey, copies: Copies) -> Iterator[Callable[..., Api]]:
    """Start an api with these variables; stop it after the test."""
    yield from started_apis(valkey, copies)


@pytest.fixture
def run_api(valkey: Valkey) -> Iterator[Callable[..., Api]]:
    """Start ``python -m api`` with these variables; stop it after the test."""
    yield from started_apis(valkey, None)


def started_apis(valkey: Valkey, copies: Copies | None) -> Iterator[Callable[..., Api]]:
    started: list[Api] = []

    def start(**variables: str) -> Api:
        started.append(Api(copies, **({"REDIS_URL": valkey.url} | variables)))
        return started[-1]

    yield start
    for api in started:
        # Kill, because a graceful shutdown waits for connections.
        api.process.kill()
