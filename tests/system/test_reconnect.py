"""Thousands of clients that lose their replica and reconnect at the same time."""

import resource
import threading
from collections.abc import Iterator

import pytest
import redis as redis_client
import requests

from bench.push.swarm import Swarm
from contract.names import ALERTS_CHANNEL
from tests.drivers.replica import Replica
from tests.drivers.valkey import Valkey
from tests.drivers.waiting import Deadline, eventually

CLIENTS = 2000


class Liveness:
    """Requests a replica's liveness probe repeatedly."""

    def __init__(self, replica: Replica) -> None:
        self.answers: list[int] = []
        self._replica = replica
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with requests.Session() as session:
            while not self._ends.is_set():
                try:
                    answer = session.get(f"{self._replica.origin}/livez", timeout=15)
                except requests.ConnectionError:
                    if self.answers:
                        self.answers.append(0)
                else:
                    self.answers.append(answer.status_code)
                self._ends.wait(0.05)

    def stop(self) -> None:
        self._ends.set()
        self._thread.join()


@pytest.fixture(autouse=True)
def _open_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_all_clients_are_live_again_when_thousands_reconnect_together(
    valkey: Valkey, redis: redis_client.Redis
) -> None:
    # Given a replica with all clients, which is killed
    replica = Replica(valkey.url)
    replica.wait_until_ready()
    swarm = Swarm(replica.port)
    swarm.connect(CLIENTS)
    assert (swarm.failed, len(swarm.clients)) == (0, CLIENTS)
    replica.process.kill()
    eventually(lambda: swarm.poll(0.1) >= 0 and not swarm.clients)
    # When it starts again, and all clients reconnect together, repeatedly where they are refused
    liveness = Liveness(replica)
    replica.process.start()
    deadline = Deadline(120)
    while len(swarm.clients) < CLIENTS:
        swarm.connect(CLIENTS - len(swarm.clients), at_a_time=CLIENTS)
        assert not deadline.has_passed, f"{len(swarm.clients)} are back"
    # Then all are live, and the liveness probe never failed
    replica.wait_until_ready()
    swarm.begin_measuring(0)
    redis.publish(ALERTS_CHANNEL, b'{"n":0,"padding":"' + b"a" * 200 + b'"}')
    eventually(lambda: swarm.poll(0.1) >= 0 and swarm.received == CLIENTS, within_seconds=60)
    assert all(client.seen == 1 for client in swarm.clients.values())
    liveness.stop()
    assert set(liveness.answers) == {200}
    swarm.close()
    log = replica.process.log()
    replica.close()
    assert "Traceback" not in log
