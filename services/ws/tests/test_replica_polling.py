"""A lost answer to a poll ends the session, and an incomplete upgrade does not stop polling."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from redis import Redis
from websocket import WebSocket

from contract.names import ALERTS_CHANNEL
from tests.drivers.engine_session import EngineSession, reset
from tests.drivers.polling_session import SEPARATOR
from tests.drivers.replica import Replica, Start
from tests.drivers.waiting import eventually
from ws.tests.conftest import NO_PINGS

ALERT = "redis_cluster_alerts"
REPEATED = 'ws_closes_total{reason="repeated"}'
PASSED_ON = 'ws_messages_total{channel="cluster:alerts",outcome="passed_on"}'
GONE = 'ws_closes_total{reason="gone"}'


@pytest.fixture(scope="module")
def replica(module_replicas: Start) -> Replica:
    return module_replicas(prelude=NO_PINGS)


@pytest.fixture
def session(replica: Replica) -> Iterator[EngineSession]:
    yield from connected(replica)


@pytest.fixture
def unstamped(replica: Replica) -> Iterator[EngineSession]:
    yield from connected(replica, stamp=False)


def connected(replica: Replica, *, stamp: bool = True) -> Iterator[EngineSession]:
    session = EngineSession(replica.port, stamp=stamp)
    session.connect()
    yield session
    session.close()


@pytest.fixture
def probes(session: EngineSession) -> Iterator[list[WebSocket]]:
    """Two WebSockets with an upgrade probe."""
    probes = [session.websocket() for _ in range(2)]
    for probe in probes:
        probe.send("2probe")
        assert probe.recv() == "3probe"
    yield probes
    for probe in probes:
        probe.shutdown()


@pytest.fixture
def publish(redis: Redis, replica: Replica) -> Callable[[int], None]:
    def publish(number: int) -> None:
        """Publish an alert; return when the replica has sent it to its clients."""
        before = replica.metric(PASSED_ON)
        redis.publish(ALERTS_CHANNEL, json.dumps({"number": number}))
        eventually(lambda: replica.metric(PASSED_ON) > before)

    return publish


@pytest.mark.parametrize("end", [reset, lambda connection: connection.close()], ids=["reset", "closed"])
def test_session_ends_when_the_connection_of_its_poll_ends(
    replica: Replica, session: EngineSession, publish: Callable[[int], None], end: Callable[[Any], None]
) -> None:
    before = replica.metric(GONE)

    with session.waiting_connection() as connection:
        end(connection)

    # No packet was given to the poll.
    eventually(lambda: replica.metric(GONE) == before + 1)
    publish(1)
    assert session.get().status == 400


def test_packets_are_not_given_to_a_poll_when_its_connection_has_ended(
    replica: Replica, unstamped: EngineSession, publish: Callable[[int], None]
) -> None:
    # given waiting packets, so that the poll is answered immediately
    publish(1)

    # when the replica handles the poll after the end of its connection
    os.kill(replica.process.pid, signal.SIGSTOP)
    with unstamped.waiting_connection(has_arrived=False):
        pass
    os.kill(replica.process.pid, signal.SIGCONT)

    # then
    eventually(lambda: unstamped.get().status == 400)


def test_session_ends_when_a_poll_is_repeated_after_a_lost_answer(
    replica: Replica, session: EngineSession, publish: Callable[[int], None]
) -> None:
    before = replica.metric(REPEATED)
    poll = session.target()
    publish(1)
    # A proxy has read the answer, and lost its client.
    assert session.request("GET", poll).status == 200

    assert session.request("GET", poll).status == 400

    assert replica.metric(REPEATED) == before + 1
    assert session.get().status == 400


def test_session_ends_when_a_post_is_repeated(replica: Replica) -> None:
    session = EngineSession(replica.port)
    post = session.target()
    assert session.request("POST", post, b"40/health,").status == 200
    assert session.get().status == 200

    assert session.request("POST", post, b"40/health,").status == 400

    assert session.get().status == 400


def test_session_continues_when_its_client_stamps_no_request(
    unstamped: EngineSession, publish: Callable[[int], None]
) -> None:
    for number in range(3):
        publish(number)
        assert unstamped.events(ALERT, unstamped.get()) == [{"number": number}]
        assert unstamped.post("3").status == 200


def test_session_continues_when_its_client_stamps_only_its_polls(session: EngineSession) -> None:
    for number in range(3):
        post = session.target().partition("&t=")[0] + f"&sid={session.sid}"
        assert session.request("POST", post, f'42/monitoring,{number}["x"]'.encode()).status == 200
        assert session.request("POST", post, b"40/nowhere,").status == 200

        assert session.get().packets


def test_second_poll_is_never_answered_with_a_noop(
    replica: Replica, unstamped: EngineSession, publish: Callable[[int], None]
) -> None:
    with unstamped.waiting_connection() as first:
        assert unstamped.get().status == 400
        assert first.recv(65536).endswith(b"\r\n\r\n1")


@pytest.mark.parametrize(("length", "rate"), [(101, 2000), (1000, 2000), (230, 20)])
def test_packets_of_a_long_post_are_handled_in_their_order_and_at_the_packet_rate(
    replicas: Start, length: int, rate: int
) -> None:
    # given a rate that allows a burst of ten seconds
    replica = replicas(WS_LIMIT_PACKETS_PER_SECOND=str(rate))
    session = EngineSession(replica.port)
    session.connect()
    subscriptions = [f'42/monitoring,{number}["subscribe_to_updates",{{"nodes":[]}}]' for number in range(length)]

    # when
    answer = session.post(SEPARATOR.join(["40/monitoring,", *subscriptions]))

    # then
    assert answer.text == "ok"
    packets: list[str] = []
    while not any(packet.startswith(f"43/monitoring,{length - 1}[") for packet in packets):
        packets += session.get().packets
    acknowledged = [packet.partition(",")[2].partition("[")[0] for packet in packets if packet.startswith("43/")]
    assert acknowledged == [str(number) for number in range(length)]
    assert (replica.metric('ws_limited_total{kind="packets"}') > 0) == (length > 10 * rate)
    session.close()


@pytest.mark.parametrize(
    "body",
    [b"", b"abc", b"\xff\xfe", b"4\xc3", b"40\x1e", b"40\x1eabc", b"9", b"bAQID", b"4" * 600_000, b"d=40", b"4x",
     b"4" + b"[" * 100_000],
    ids=["empty", "text", "utf-8", "half a character", "empty packet", "behind a packet", "type", "binary", "too big",
         "jsonp", "message", "nested deeply"],
)  # fmt: skip
def test_invalid_post_is_refused_and_ends_its_session(session: EngineSession, body: bytes) -> None:
    assert session.post(body).status == (413 if len(body) > 524_288 else 400)

    assert session.get().status == 400


# -- upgrade


def test_polls_deliver_until_the_upgrade_is_complete(session: EngineSession, publish: Callable[[int], None]) -> None:
    upgrade = session.websocket()
    upgrade.send("2probe")  # the answer to the upgrade probe is lost

    assert session.get().text == "6"
    for number in range(3):
        publish(number)
        assert session.events(ALERT, session.get()) == [{"number": number}]
    publish(3)
    upgrade.send("5")

    assert upgrade.recv() == "3probe"
    assert upgrade.recv() == '42["redis_cluster_alerts",{"number": 3}]'
    upgrade.close()


def test_upgrade_probe_ends_one_poll_with_a_noop(session: EngineSession, publish: Callable[[int], None]) -> None:
    first = session.later()
    upgrade = session.websocket()
    upgrade.send("2probe")
    assert first.result(30).text == "6"

    second = session.later()
    time.sleep(0.5)
    assert not second.done()
    publish(1)

    assert session.events(ALERT, second.result(30)) == [{"number": 1}]
    upgrade.shutdown()


def test_end_of_one_upgrade_probe_does_not_cancel_another(
    probes: list[WebSocket], publish: Callable[[int], None]
) -> None:
    one, other = probes

    one.shutdown()
    time.sleep(0.2)
    other.send("5")

    publish(1)
    assert '{"number": 1}' in other.recv()


def test_second_upgrade_probe_is_closed_when_the_first_succeeds(probes: list[WebSocket]) -> None:
    one, other = probes

    one.send("5")
    one.send("40/health,")
    assert one.recv().startswith("40/health,")
    other.send("5")

    assert other.recv_data()[0] == 8
    one.send('42/health,1["request_health"]')
    while not one.recv().startswith("43/health,1"):
        pass


# -- presence


def test_vanished_polling_client_is_not_counted_after_its_ping_timeout(
    replicas: Start,
) -> None:
    replica = replicas(WS_PING_INTERVAL_SECONDS="3", WS_PING_TIMEOUT_SECONDS="3")
    session = EngineSession(replica.port)
    session.connect()
    assert replica.metric('ws_clients{transport="polling"}') == 1

    session.close()  # between two polls, without a close packet

    eventually(lambda: replica.metric('ws_clients{transport="polling"}') == 0)
