"""Socket.IO clients of four languages at a real replica, by each transport. ``make test-clients`` builds them first."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from contract.names import METRICS_CHANNEL
from tests.drivers.copies import Copies
from tests.drivers.listener import Listener, go_command, java_command, javascript_package, python_command
from tests.drivers.publisher import Publisher, message
from tests.drivers.replica import Replica
from tests.drivers.valkey import Valkey
from tests.drivers.waiting import eventually

LIBRARIES: dict[str, Callable[[], list[str]]] = {
    "javascript-4.0.2": lambda: javascript_package("socket.io-client-4.0.2"),
    "javascript-4.5.0": lambda: javascript_package("socket.io-client-4.5.0"),
    "javascript-newest": lambda: javascript_package("socket.io-client"),
    "python-5.11.0": lambda: python_command(oldest=True),
    "python-newest": lambda: python_command(oldest=False),
    "java": java_command,
    "go": go_command,
}
#: The transport that each way ends with.
TRANSPORTS = {"polling": "polling", "websocket": "websocket", "upgrade": "websocket"}
#: The Java library (2.1.2) takes no notice of a WebSocket that the server closes, and comes back when pings stay away.
PINGS = {"WS_PING_INTERVAL_SECONDS": "10", "WS_PING_TIMEOUT_SECONDS": "10"}
#: The Go library (3.0.6) closes a WebSocket without a word, and loses the goodbye of a client that polls. The Python
#: libraries may lose the latter too: their writing ends with the state that the goodbye changes.
SILENT = {"go": ("polling", "websocket", "upgrade"), "python-5.11.0": ("polling",), "python-newest": ("polling",)}
#: The Go library (3.0.6) cannot read a refusal without ``data``, which Socket.IO's own server sends too.
REFUSALS = {"go": "missing 'data' field"}
#: A Java client needs seconds to start beside other work.
START_SECONDS = 60

Visit = Callable[[], Listener]


@pytest.fixture(scope="session")
def copies() -> Iterator[Copies]:
    copies = Copies("ws.__main__")
    yield copies
    copies.close()


@pytest.fixture
def publisher(valkey: Valkey) -> Iterator[Publisher]:
    """The stand-in for a collector, which has published a snapshot and the first alerts."""
    redis = valkey.client()
    publisher = Publisher(redis)
    publisher.publish(METRICS_CHANNEL, message(METRICS_CHANNEL))
    publisher.transition(1)
    yield publisher
    redis.close()


@pytest.fixture
def replica(valkey: Valkey, publisher: Publisher, copies: Copies) -> Iterator[Replica]:
    """A replica that may not print a traceback."""
    replica = Replica(valkey.url, copies=copies, **PINGS)
    replica.wait_until_ready()
    yield replica
    log = replica.process.log()
    replica.close()
    assert "Traceback" not in log


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(params=TRANSPORTS)
def way(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def visit(library: str, way: str, replica: Replica) -> Iterator[Visit]:
    """Starts a client of the library, which goes to the replica in that way."""
    with ExitStack() as visitors:

        def start() -> Listener:
            visitor = Listener(LIBRARIES[library](), replica.origin, 1, way)
            visitors.callback(visitor.close)
            return visitor

        yield start


def connected(visitor: Listener, times: int = 1) -> bool:
    """Whether it was let into both namespaces so many times."""
    confirmed, monitoring = visitor.of("connection_confirmed")[0], visitor.of("monitoring_connected", "/monitoring")[0]
    return len(confirmed) >= times and len(monitoring) >= times


def got(visitor: Listener, seqs: list[int], entries: range) -> bool:
    """Whether it got alerts messages with these ``seqs`` in ``/`` and these entries of the log in ``/monitoring``."""
    messages = [alerts["seq"] for alerts in visitor.of("redis_cluster_alerts")[0]]
    log = [entry["id"] for update in visitor.of("alerts_update", "/monitoring")[0] for entry in update["entries"]]
    assert (messages, log) == (seqs, [f"7-{number}" for number in entries])
    return True


def clients_of(replica: Replica) -> float:
    return sum(replica.metric(f'ws_clients{{transport="{name}"}}') for name in set(TRANSPORTS.values()))


def test_client_is_let_into_two_namespaces_and_its_request_is_acknowledged(visit: Visit) -> None:
    # When a client asks for the cluster's status in /monitoring
    visitor = visit()
    acknowledged = eventually(
        lambda: visitor.of("acknowledged", "/monitoring")[0], within_seconds=START_SECONDS, what="an acknowledgement"
    )
    # Then it was confirmed in both namespaces, and gets the answer as acknowledgement and as event
    assert connected(visitor)
    eventually(lambda: visitor.of("cluster_status_response", "/monitoring")[0] == acknowledged, what="the event")
    assert acknowledged[0]["data"]["cluster_stats"]["total_nodes"] > 0
    assert [len(visitor.of("connect", namespace)[0]) for namespace in ("/", "/monitoring")] == [1, 1]


def test_unknown_namespace_is_refused_with_a_message_for_people(visit: Visit, library: str) -> None:
    visitor = visit()
    refusals = eventually(
        lambda: visitor.of("connect_error", "/nowhere")[0], within_seconds=START_SECONDS, what="a refusal"
    )
    assert refusals == [REFUSALS.get(library, "Invalid namespace")]
    # The rest of it lives on
    eventually(lambda: connected(visitor), within_seconds=START_SECONDS)
    assert visitor.of("connect", "/nowhere") == {0: []}


def test_alerts_arrive_once_and_in_order_while_the_client_connects_and_later(
    visit: Visit, way: str, replica: Replica, publisher: Publisher
) -> None:
    # Given a client that has just been let in, and may be about to upgrade
    visitor = visit()
    eventually(lambda: connected(visitor), within_seconds=START_SECONDS, what="the client is connected")
    # When a hundred alerts change, one each message
    for number in range(2, 102):
        publisher.transition(number)
        time.sleep(0.01)
    # Then each arrives once and in order in both namespaces, where / begins with the latest
    eventually(lambda: got(visitor, list(range(1, 102)), range(2, 102)), what="all alerts")
    # And the client went the way that it was told to
    transport = TRANSPORTS[way]
    eventually(lambda: replica.metric(f'ws_clients{{transport="{transport}"}}') == 1, what=f"one client by {transport}")
    eventually(lambda: clients_of(replica) == 1, within_seconds=30, what="the refused connection is gone")
    assert visitor.of("disconnect") == {0: []}


@pytest.mark.parametrize("end", ["killed", "drained"])
def test_client_comes_back_by_itself_and_misses_nothing_after_that(
    visit: Visit, replica: Replica, publisher: Publisher, end: str
) -> None:
    # Given a client that receives
    visitor = visit()
    eventually(lambda: connected(visitor), within_seconds=START_SECONDS, what="the client is connected")
    publisher.transition(2)
    eventually(lambda: got(visitor, [1, 2], range(2, 3)), what="an alert")
    # When its replica ends, and another one begins in its place
    if end == "killed":
        replica.process.kill()
    else:
        assert replica.process.stop() == 0
    replica.process.start()
    replica.wait_until_ready()
    # Then it comes back
    eventually(lambda: connected(visitor, 2), within_seconds=START_SECONDS, what="the client is back")
    # And gets what is published from now on, where / begins with the latest again
    for number in range(3, 23):
        publisher.transition(number)
    eventually(lambda: got(visitor, [1, 2, *range(2, 23)], range(2, 23)), what="all alerts")


def test_client_that_says_goodbye_is_forgotten_at_once(visit: Visit, library: str, way: str, replica: Replica) -> None:
    # Given
    visitor = visit()
    eventually(lambda: connected(visitor), within_seconds=START_SECONDS, what="the client is connected")
    eventually(lambda: clients_of(replica) >= 1)
    # When
    visitor.close()
    # Then it does not count until it misses a ping, which takes longer
    says_goodbye = way not in SILENT.get(library, ())
    eventually(lambda: clients_of(replica) == 0, within_seconds=8 if says_goodbye else 30, what="no client is counted")
    if says_goodbye:
        assert replica.metric('ws_closes_total{reason="client"}') > 0
