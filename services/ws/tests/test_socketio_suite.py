"""The cases of Socket.IO's official suite that go beyond those of Engine.IO's, with this service's own events.

Omitted: binary packets (docs/contract.md gives the reason). Changed: the suite's server sends each client its handshake
in an event ``auth``; this service has no such event.

Source: https://github.com/socketio/socket.io/tree/main/docs/socket.io-protocol/v5-test-suite
"""

import json

import pytest

from contract.events import NAMESPACES
from tests.drivers.raw_client import RawClient
from tests.drivers.replica import Replica, Start

CONFIRMED = {"/": "connection_confirmed", "/health": "health_connected", "/monitoring": "monitoring_connected"}


@pytest.fixture(scope="module")
def replica(module_replicas: Start) -> Replica:
    return module_replicas(WS_PING_INTERVAL_SECONDS="4")


@pytest.fixture
def client(replica: Replica) -> RawClient:
    return replica.client("/")


# -- connect


@pytest.mark.parametrize("payload", ["", '{"token":"123"}'])
@pytest.mark.parametrize("namespace", NAMESPACES)
def test_namespace_is_granted_with_an_id(replica: Replica, namespace: str, payload: str) -> None:
    client = replica.bare_client()
    prefix = "" if namespace == "/" else f"{namespace},"

    client.send(f"40{prefix}{payload}")

    granted = json.loads(client.wait(lambda packet: packet.startswith(f"0{prefix}"))[0].removeprefix(f"0{prefix}"))
    assert set(granted) == {"sid"}
    assert client.event(CONFIRMED[namespace])


@pytest.mark.parametrize("packet", ["40/random", "40/random,"])
def test_unknown_namespace_is_refused(replica: Replica, packet: str) -> None:
    client = replica.bare_client()

    client.send(packet)

    assert client.wait(lambda text: text.startswith("4")) == ['4/random,{"message":"Invalid namespace"}']


def test_connection_is_closed_when_its_handshake_is_not_valid(replica: Replica) -> None:
    client = replica.bare_client()

    client.send("4abc")

    client.wait_until_closed()


def test_connection_is_closed_when_no_handshake_arrives(replicas: Start) -> None:
    replica = replicas(prelude="import ws.access.admission; ws.access.admission.FIRST_NAMESPACE_SECONDS = 1")

    replica.bare_client().wait_until_closed()


# -- disconnect


def test_connection_stays_open_after_the_main_namespace_is_left(replica: Replica, client: RawClient) -> None:
    client.send("41")

    pings = client.packets.count("")
    client.wait(lambda packet: packet == "", pings + 2)  # Engine.IO's pings


def test_main_namespace_answers_after_another_one_is_left(client: RawClient) -> None:
    client.connect("/health")

    client.send("41/health")
    client.send('421["x"]')
    client.send("40/health,")

    client.wait(lambda packet: packet.startswith("0/health,"), 2)


# -- message


def test_event_is_answered_with_an_event(client: RawClient) -> None:
    client.connect("/health")

    client.send('42/health,["request_health",{}]')

    assert client.event("health_response")


def test_acknowledgement_has_the_id_of_its_event(client: RawClient) -> None:
    client.connect("/health")

    client.send('42/health,456["request_health",{}]')

    assert client.wait(lambda packet: packet.startswith("3/health,456["))


@pytest.mark.parametrize("packet", ["4abc", "42{}", '42abc["x",1]', "42", "42[]"])
def test_connection_is_closed_when_a_packet_is_not_valid(client: RawClient, packet: str) -> None:
    client.send(packet)

    client.wait_until_closed()
