"""Slow clients use only a socket each; other clients are served as before."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil
import pytest
import requests

from access.grant import READ
from contract.names import METRICS_CHANNEL
from tests.drivers.closed_stack import ClosedStack, closed_stack, port_of
from tests.drivers.process import Process
from tests.drivers.publisher import Publisher, message
from tests.drivers.rest import Rest
from tests.drivers.short_limits import SHORT_LIMITS_RUNNER
from tests.drivers.slow_crowd import API_KINDS, KINDS, WS_KINDS, SlowCrowd
from tests.drivers.waiting import eventually

#: Slow connections of each kind.
COUNT = 150
#: Repetitions of the other clients' actions.
ROUNDS = 2
#: Longest time in seconds of another client's action. One that waits for slow clients takes as long as their limits.
PATIENCE_SECONDS = 10.0
#: Seconds after which a server with short limits has closed all slow connections.
BOUND_SECONDS = 90.0


@dataclass
class Installation:
    """An api, a replica, and a gateway before its own api."""

    stack: ClosedStack
    publisher: Publisher
    servers: dict[str, Rest]
    processes: dict[str, Process]
    token: str


@contextmanager
def installed(*runner: str) -> Iterator[Installation]:
    with closed_stack() as stack:
        stack.runner = runner
        redis = stack.redis()
        behind = stack.start_api(TRUSTED_PROXIES="peer")
        servers = {
            "api": stack.start_api(),
            "ws": stack.start_replica(),
            "gateway": stack.start_gateway(behind),
        }
        processes = dict(zip(servers, [stack.api, *stack.replicas, stack.gateway], strict=True))
        yield Installation(stack, Publisher(redis), servers, processes, stack.add_token("others", READ))
        redis.close()


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    with installed() as installation:
        yield installation


@pytest.fixture
def with_short_limits() -> Iterator[Installation]:
    """The installation with short time limits."""
    with installed(*SHORT_LIMITS_RUNNER) as installation:
        yield installation


class Others:
    """The actions of a client that is not slow, and their durations."""

    def __init__(self, installation: Installation, server: str) -> None:
        self._stack = installation.stack
        self._publisher = installation.publisher
        self._rest = installation.servers[server]
        self._serves_pages = server in ("api", "gateway")
        self._pushes = server != "api"
        self._token = installation.token
        self.slowest: dict[str, float] = {}

    def do(self) -> None:
        """Do all actions once."""
        if self._serves_pages:
            self._time("sign in", self._sign_in)
            self._time("GET /api/health", lambda: self._get("/api/health"))
            self._time("GET a static file", lambda: self._get("/static/dashboard.js"))
        if self._pushes:
            self._time("connect and receive", self._receive)
        else:
            self._time("GET /metrics", lambda: self._get("/metrics"))

    def _time(self, what: str, act: Callable[[], None]) -> None:
        began = time.monotonic()
        act()
        elapsed = time.monotonic() - began
        assert elapsed < PATIENCE_SECONDS, f"{what} took {elapsed:.1f} s"
        self.slowest[what] = max(elapsed, self.slowest.get(what, 0.0))

    def _get(self, path: str) -> None:
        answer = requests.get(
            self._rest.origin + path, headers={"Authorization": f"Bearer {self._token}"}, timeout=PATIENCE_SECONDS
        )
        assert answer.status_code == 200, answer.text

    def _sign_in(self) -> None:
        person = self._stack.signed_in(self._rest)
        assert person.session
        person.close()

    def _receive(self) -> None:
        client = self._stack.socket(self._rest, "/", token=self._token)
        before = len(client.payloads("redis_cluster_metrics"))
        marker = time.monotonic_ns()
        self._publisher.publish(METRICS_CHANNEL, message(METRICS_CHANNEL, epoch=marker // 10**9, seq=marker % 10**9))
        client.event("redis_cluster_metrics", before + 1, within_seconds=PATIENCE_SECONDS)
        client.close()


#: The gateway is a ws replica too.
ATTACKS = [*(("api", kind) for kind in API_KINDS), *(("gateway", kind) for kind in KINDS)]


@pytest.mark.parametrize(("server", "kind"), ATTACKS)
def test_slow_clients_do_not_delay_other_clients(installation: Installation, server: str, kind: str) -> None:
    port = port_of(installation.servers[server])
    others = Others(installation, server)
    others.do()
    crowd = SlowCrowd(port, COUNT, kind)
    try:
        crowd.wait()
        for _ in range(ROUNDS):
            others.do()
        assert crowd.counted["begun"] >= COUNT
    finally:
        crowd.close()
    durations = ", ".join(f"{what} {seconds * 1e3:.0f} ms" for what, seconds in others.slowest.items())
    print(f"{server}, {COUNT} × {kind} ({crowd.counted['ended']} disconnected): {durations}")


def open_files(process: Process) -> int:
    """Return the number of open files of a process and its children, mostly connections."""
    root = psutil.Process(process.pid)
    return sum(each.num_fds() for each in [root, *root.children(recursive=True)])


def test_slow_clients_are_disconnected_in_the_end(with_short_limits: Installation) -> None:
    kinds = {"api": API_KINDS, "ws": WS_KINDS, "gateway": tuple(KINDS)}
    crowds = {}
    before = {name: open_files(with_short_limits.processes[name]) for name in kinds}
    try:
        for name, server in with_short_limits.servers.items():
            crowds[name] = SlowCrowd(port_of(server), 10 * len(kinds[name]), *kinds[name], returns=False)
            # One group after the other: a slow machine needs longer for four groups than the first one stays.
            eventually(
                lambda name=name: open_files(with_short_limits.processes[name]) > before[name] + len(kinds[name]),  # type: ignore[misc]
                what=f"a crowd at {name}",
            )
        began = time.monotonic()
        for name in kinds:
            eventually(
                lambda name=name: open_files(with_short_limits.processes[name]) < before[name] + 10,  # type: ignore[misc]
                within_seconds=BOUND_SECONDS,
                what=f"{name} has disconnected all",
            )
            print(f"{name} had sent all away after {time.monotonic() - began:.0f} s at most")
    finally:
        for crowd in crowds.values():
            crowd.close()


def test_api_closes_connections_of_slow_clients_for_quick_ones_when_it_is_full(installation: Installation) -> None:
    # Given more than gunicorn's thousand connections
    others = Others(installation, "api")
    crowd = SlowCrowd(port_of(installation.servers["api"]), 1500, "half head", "half form", "unread answers", "nothing")
    try:
        crowd.wait()
        for _ in range(ROUNDS):
            others.do()
    finally:
        crowd.close()
