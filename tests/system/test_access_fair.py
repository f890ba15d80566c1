"""A client with many requests waits for its own requests; other clients do not."""

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

import pytest
import requests

from access.grant import READ
from contract.names import METRICS_CHANNEL
from tests.drivers import raw_http
from tests.drivers.attacks import attack_rounds
from tests.drivers.closed_stack import ClosedStack, closed_stack, port_of
from tests.drivers.publisher import Publisher, message
from tests.drivers.rest import Rest
from tests.drivers.waiting import eventually

#: Concurrent requests of the loud client.
AT_ONCE = 80
#: Requests of the other clients.
ROUNDS = 15
LOUD, QUIET = "127.0.0.2", "127.0.0.1"


@pytest.fixture(scope="module")
def stack() -> Iterator[ClosedStack]:
    with closed_stack(API_LIMIT_REQUESTS_PER_SECOND="100000") as stack:
        redis = stack.redis()
        Publisher(redis).publish(METRICS_CHANNEL, message(METRICS_CHANNEL))
        redis.close()
        yield stack


@pytest.fixture(scope="module")
def api(stack: ClosedStack) -> Rest:
    return stack.start_api(TRUSTED_PROXIES="peer")


@pytest.fixture(scope="module")
def gateway(stack: ClosedStack, api: Rest) -> Rest:
    return stack.start_gateway(api)


class Loud:
    """Requests the same thing concurrently, from its own address."""

    def __init__(self, port: int, path: str) -> None:
        self._port = port
        self._sent = raw_http.request(
            "GET", path, "Accept: text/html", "Accept-Encoding: gzip", f"X-Forwarded-For: {LOUD}"
        )
        self._ends = threading.Event()
        self.seconds: list[float] = []
        self._threads = [threading.Thread(target=self._run) for _ in range(AT_ONCE)]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        while not self._ends.is_set():
            began = time.monotonic()
            (answer,) = raw_http.exchange(self._port, self._sent, address=LOUD)
            assert answer.status == 200
            self.seconds.append(time.monotonic() - began)

    def close(self) -> None:
        self._ends.set()
        for thread in self._threads:
            thread.join()


@contextmanager
def loud(server: Rest, path: str) -> Iterator[Loud]:
    crowd = Loud(port_of(server), path)
    try:
        eventually(lambda: len(crowd.seconds) > AT_ONCE, within_seconds=60, what="the crowd")
        yield crowd
    finally:
        crowd.close()


@pytest.mark.parametrize("attack", ["/login", "/static/dashboard.js"])
@pytest.mark.parametrize("name", ["api", "gateway"])
def test_other_clients_wait_much_less_than_a_client_with_many_requests(
    request: pytest.FixtureRequest, stack: ClosedStack, name: str, attack: str
) -> None:
    # given
    server: Rest = request.getfixturevalue(name)
    token = stack.add_token(f"{name}-{attack[1:6]}", READ)
    headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": QUIET, "Connection": "close"}
    took: defaultdict[str, list[float]] = defaultdict(list)
    with loud(server, attack) as crowd:
        # when
        for _ in attack_rounds(ROUNDS):
            for path in ("/api/health", "/", "/livez", "/static/theme.css"):
                began = time.monotonic()
                answer = requests.get(server.origin + path, headers=headers, timeout=60)
                took[path].append(time.monotonic() - began)
                assert answer.status_code == 200
        slowest = {path: median(seconds) for path, seconds in took.items()}
        of_the_crowd = median(crowd.seconds)
    # then: a client behind the loud one's address waits as long as the loud one
    print({path: f"{seconds * 1e3:.0f} ms" for path, seconds in slowest.items()}, f"{of_the_crowd * 1e3:.0f} ms")
    assert max(slowest.values()) < of_the_crowd / 2, slowest
