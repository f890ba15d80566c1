"""Socket.IO clients in four languages, connected to a replica by each transport. ``make test-clients`` builds them."""

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
#: The final transport of each way to connect.
TRANSPORTS = {"polling": "polling", "websocket": "websocket", "upgrade": "websocket"}
#: The Java library (2.1.2) ignores a WebSocket close from the server, and reconnects after a missed ping.
PINGS = {"WS_PING_INTERVAL_SECONDS": "10", "WS_PING_TIMEOUT_SECONDS": "10"}
#: The Go library (3.0.6) closes a WebSocket without a close frame, and loses the close packet of a polling client. The
#: Python libraries may lose this packet too, because their writer stops when the state changes.
SILENT = {"go": ("polling", "websocket", "upgrade"), "python-5.11.0": ("polling",), "python-newest": ("polling",)}
#: The Go library (3.0.6) cannot read a refusal without ``data``, which Socket.IO's own server also sends.
REFUSALS = {"go": "missing 'data' field"}
#: A Java client needs seconds to start on a busy machine.
START_SECONDS = 60

StartClient = Callable[[], Listener]


@pytest.fixture(scope="session")
def copies() -> Iterator[Copies]:
    copies = Copies("ws.__main__")
    yield copies
    copies.close()


@pytest.fixture
def publisher(valkey: Valkey) -> Iterator[Publisher]:
    """A publisher in place of a collector. A snapshot and the first alerts are published."""
    redis = valkey.client()
    publisher = Publisher(redis)
    publisher.publish(METRICS_CHANNEL, message(METRICS_CHANNEL))
    publisher.transition(1)
    yield publisher
    redis.close()


@pytest.fixture
def replica(valkey: Valkey, publisher: Publisher, copies: Copies) -> Iterator[Replica]:
    """A replica. The test fails if the replica logs a traceback."""
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
def start_client(library: str, way: str, replica: Replica) -> Iterator[StartClient]:
    """Start clients of ``library`` that connect by ``way``."""
    with ExitStack() as clients:

        def start() -> Listener:
            client = Listener(LIBRARIES[library](), replica.origin, 1, way)
            clients.callback(client.close)
            return client

        yield start


def connected(client: Listener, times: int = 1) -> bool:
    """Whether the client was accepted in both namespaces ``times`` times."""
    confirmed, monitoring = client.of("connection_confirmed")[0], client.of("monitoring_connected", "/monitoring")[0]
    return len(confirmed) >= times and len(monitoring) >= times


def received(client: Listener, seqs: list[int], entries: range) -> bool:
    """Check that the client received alerts with these ``seqs`` in ``/`` and these log entries in ``/monitoring``."""
    messages = [alerts["seq"] for alerts in client.of("redis_cluster_alerts")[0]]
    log = [entry["id"] for update in client.of("alerts_update", "/monitoring")[0] for entry in update["entries"]]
    assert (messages, log) == (seqs, [f"7-{number}" for number in entries])
    return True


def clients_of(replica: Replica) -> float:
    return sum(replica.metric(f'ws_clients{{transport="{name}"}}') for name in set(TRANSPORTS.values()))


def test_client_is_accepted_in_two_namespaces_and_its_request_is_acknowledged(start_client: StartClient) -> None:
    # When a client asks for the cluster's status in /monitoring
    client = start_client()
    acknowledged = eventually(
        lambda: client.of("acknowledged", "/monitoring")[0], within_seconds=START_SECONDS, what="an acknowledgement"
    )
    # Then both namespaces accepted the client, and the answer arrives as acknowledgement and as event
    assert connected(client)
    eventually(lambda: client.of("cluster_status_response", "/monitoring")[0] == acknowledged, what="the event")
    assert acknowledged[0]["data"]["cluster_stats"]["total_nodes"] > 0
    assert [len(client.of("connect", namespace)[0]) for namespace in ("/", "/monitoring")] == [1, 1]


def test_unknown_namespace_is_refused_with_a_message_for_people(start_client: StartClient, library: str) -> None:
    client = start_client()
    refusals = eventually(
        lambda: client.of("connect_error", "/nowhere")[0], within_seconds=START_SECONDS, what="a refusal"
    )
    assert refusals == [REFUSALS.get(library, "Invalid namespace")]
    # The other namespaces stay connected
    eventually(lambda: connected(client), within_seconds=START_SECONDS)
    assert client.of("connect", "/nowhere") == {0: []}


def test_alerts_arrive_once_and_in_order_while_the_client_connects_and_later(
    start_client: StartClient, way: str, replica: Replica, publisher: Publisher
) -> None:
    # Given a client that has just connected, and may be about to upgrade
    client = start_client()
    eventually(lambda: connected(client), within_seconds=START_SECONDS, what="the client is connected")
    # When a hundred alerts change, one in each message
    for number in range(2, 102):
        publisher.transition(number)
        time.sleep(0.01)
    # Then each arrives once and in order in both namespaces, and / begins with the latest message
    eventually(lambda: received(client, list(range(1, 102)), range(2, 102)), what="all alerts")
    # And the client uses the requested transport
    transport = TRANSPORTS[way]
    eventually(lambda: replica.metric(f'ws_clients{{transport="{transport}"}}') == 1, what=f"one client by {transport}")
    eventually(lambda: clients_of(replica) == 1, within_seconds=30, what="the refused connection is gone")
    assert client.of("disconnect") == {0: []}


@pytest.mark.parametrize("end", ["killed", "drained"])
def test_client_reconnects_and_misses_no_later_message(
    start_client: StartClient, replica: Replica, publisher: Publisher, end: str
) -> None:
    # Given a client that receives
    client = start_client()
    eventually(lambda: connected(client), within_seconds=START_SECONDS, what="the client is connected")
    publisher.transition(2)
    eventually(lambda: received(client, [1, 2], range(2, 3)), what="an alert")
    # When its replica stops, and another replica starts in its place
    if end == "killed":
        replica.process.kill()
    else:
        assert replica.process.stop() == 0
    replica.process.start()
    replica.wait_until_ready()
    # Then the client reconnects
    eventually(lambda: connected(client, 2), within_seconds=START_SECONDS, what="the client is back")
    # And the client receives later messages, and / begins with the latest message again
    for number in range(3, 23):
        publisher.transition(number)
    eventually(lambda: received(client, [1, 2, *range(2, 23)], range(2, 23)), what="all alerts")


def test_client_that_closes_its_connection_is_not_counted_any_more(
    start_client: StartClient, library: str, way: str, replica: Replica
) -> None:
    # Given
    client = start_client()
    eventually(lambda: connected(client), within_seconds=START_SECONDS, what="the client is connected")
    eventually(lambda: clients_of(replica) >= 1)
    # When
    client.close()
    # Then the client is not counted until a missed ping, which would take longer
    sends_close = way not in SILENT.get(library, ())
    eventually(lambda: clients_of(replica) == 0, within_seconds=8 if sends_close else 30, what="no client is counted")
    if sends_close:
        assert replica.metric('ws_closes_total{reason="client"}') > 0
