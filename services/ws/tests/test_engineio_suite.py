"""The cases of Engine.IO's official suite, with this service's own events where the suite expects an echo.

Omitted: the two cases of binary packets. The service has no binary events and closes the connection (docs/contract.md).

Source: https://github.com/socketio/socket.io/tree/main/docs/engine.io-protocol/v4-test-suite
"""

from collections.abc import Iterator
from contextlib import closing

import pytest
import websocket

from tests.drivers.engine_session import EngineSession
from tests.drivers.raw_http import ask, request
from tests.drivers.replica import Replica, Start
from ws.tests.conftest import NO_PINGS

PATH = "/socket.io/?"


@pytest.fixture(scope="module")
def replica(module_replicas: Start) -> Replica:
    return module_replicas(prelude=NO_PINGS)


@pytest.fixture(scope="module")
def pinging(module_replicas: Start) -> Replica:
    return module_replicas(WS_PING_INTERVAL_SECONDS="3", WS_PING_TIMEOUT_SECONDS="3")


@pytest.fixture
def session(replica: Replica) -> Iterator[EngineSession]:
    with closing(EngineSession(replica.port)) as session:
        yield session


@pytest.fixture
def pinged(pinging: Replica) -> Iterator[EngineSession]:
    with closing(EngineSession(pinging.port)) as session:
        yield session


def opened(replica: Replica, query: str = "EIO=4&transport=websocket") -> websocket.WebSocket:
    return websocket.create_connection(f"ws://127.0.0.1:{replica.port}{PATH}{query}", timeout=30, suppress_origin=True)


@pytest.fixture
def connection(replica: Replica) -> Iterator[websocket.WebSocket]:
    """A WebSocket that has got its handshake."""
    connection = opened(replica)
    assert '"upgrades":[]' in connection.recv()
    yield connection
    connection.shutdown()


def is_closed(connection: websocket.WebSocket) -> bool:
    """Whether the connection ends, possibly after other packets."""
    try:
        while connection.recv_data(control_frame=True)[0] != websocket.ABNF.OPCODE_CLOSE:
            pass
    except (ConnectionError, websocket.WebSocketConnectionClosedException):
        pass
    connection.shutdown()
    return True


# -- handshake


def test_polling_opens_a_session(session: EngineSession) -> None:
    assert set(session.opening) == {"sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"}
    assert session.opening["upgrades"] == ["websocket"]
    assert (session.opening["pingInterval"], session.opening["pingTimeout"]) == (25000, 20000)


@pytest.mark.parametrize("query", ["transport=polling", "EIO=abc&transport=polling", "EIO=4", "EIO=4&transport=abc"])
def test_polling_is_refused_when_version_or_transport_is_not_valid(replica: Replica, query: str) -> None:
    assert ask(replica.port, request("GET", PATH + query)).status == 400


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_session_is_refused_when_the_method_is_not_get(replica: Replica, method: str) -> None:
    assert ask(replica.port, request(method, f"{PATH}EIO=4&transport=polling")).status == 400


@pytest.mark.parametrize(
    "query", ["transport=websocket", "EIO=abc&transport=websocket", "EIO=4", "EIO=4&transport=abc"]
)
def test_websocket_is_refused_when_version_or_transport_is_not_valid(replica: Replica, query: str) -> None:
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        opened(replica, query)

    assert refused.value.status_code == 400


# -- message


def test_post_is_answered_ok_and_the_poll_returns_the_response(session: EngineSession) -> None:
    assert session.post("40").text == "ok"

    assert session.get().packets[0].startswith('40{"sid":')


def test_packets_of_one_post_are_handled_in_their_order(session: EngineSession) -> None:
    session.connect()

    assert session.post('4211["a"]\x1e40/health,\x1e42/health,7["request_health"]').text == "ok"

    packets: list[str] = []
    while not any(packet.startswith("43/health,7[") for packet in packets):
        packets += session.get().packets
    kinds = [packet[:10] for packet in packets if packet.startswith(("40/health,", "43/health,"))]
    assert kinds == ["40/health,", "43/health,"]


def test_session_ends_when_a_post_is_not_a_packet(session: EngineSession) -> None:
    assert session.post("abc").status == 400

    assert session.get().status == 400


def test_session_ends_when_a_second_poll_comes(session: EngineSession) -> None:
    with session.waiting_connection() as first:
        second = session.get()
        assert first.recv(65536).endswith(b"\r\n\r\n1")

    assert second.status == 400
    assert session.get().status == 400


def test_session_ends_when_a_poll_is_cancelled(session: EngineSession) -> None:
    with session.waiting_connection():
        pass

    assert session.get().status == 400


def test_websocket_returns_the_response(connection: websocket.WebSocket) -> None:
    connection.send("40")

    assert connection.recv().startswith('40{"sid":')


def test_websocket_is_closed_when_a_frame_is_not_a_packet(connection: websocket.WebSocket) -> None:
    connection.send("abc")

    assert is_closed(connection)


# -- heartbeat


def test_polling_is_pinged_again_and_again(pinged: EngineSession) -> None:
    for _ in range(3):
        assert pinged.get().text == "2"
        assert pinged.post("3").status == 200


def test_session_ends_when_a_polling_client_does_not_answer_pings(pinged: EngineSession) -> None:
    while pinged.get().status == 200:
        pass


def test_websocket_is_pinged_again_and_again(pinging: Replica) -> None:
    connection = opened(pinging)
    connection.recv()

    for _ in range(3):
        assert connection.recv() == "2"
        connection.send("3")
    connection.close()


def test_websocket_is_closed_when_the_client_does_not_answer_pings(pinging: Replica) -> None:
    assert is_closed(opened(pinging))


# -- close


def test_close_ends_a_polling_session_and_its_poll_with_a_noop(session: EngineSession, replica: Replica) -> None:
    before = replica.metric("ws_rejected_requests_total")

    with session.waiting_connection() as poll:
        assert session.post("1").status == 200
        answer = poll.recv(65536)

    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"\r\n\r\n6")
    assert replica.metric("ws_rejected_requests_total") == before
    assert session.get().status == 400


def test_close_ends_a_websocket(connection: websocket.WebSocket) -> None:
    connection.send("1")

    assert is_closed(connection)


# -- upgrade


@pytest.fixture
def upgrade(session: EngineSession) -> Iterator[websocket.WebSocket]:
    """A WebSocket that has replaced polling, and that works at the end of the test."""
    upgrade = session.websocket()
    upgrade.send("2probe")
    assert upgrade.recv() == "3probe"
    assert session.get().text == "6"
    upgrade.send("5")
    upgrade.send("40")
    assert upgrade.recv().startswith('40{"sid":')
    yield upgrade
    upgrade.send('42/health,1["request_health"]')
    upgrade.send("40/health,")
    while not upgrade.recv().startswith("40/health,"):
        pass
    upgrade.close()


def test_upgrade_ends_the_poll_with_a_noop_and_continues_on_the_websocket(upgrade: websocket.WebSocket) -> None:
    assert upgrade.connected


@pytest.mark.usefixtures("upgrade")
def test_polls_are_refused_after_an_upgrade(session: EngineSession) -> None:
    assert session.get().status == 400


@pytest.mark.usefixtures("upgrade")
def test_second_websocket_is_refused_after_an_upgrade(session: EngineSession) -> None:
    with pytest.raises(websocket.WebSocketBadStatusException):
        session.websocket()
