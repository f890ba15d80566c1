"""Events of a real replica over real connections."""

import json
import threading
from typing import Any

import pytest
import requests
from redis import Redis

from contract.events import EVENT_OF_CHANNEL
from contract.names import ALERTS_CHANNEL, CHANNELS, HEALTH_CHANNEL, METRICS_CHANNEL, REPLICAS_KEY, latest_key
from runtime.clock import unix_seconds
from tests.drivers.engine_session import EngineSession
from tests.drivers.publisher import message
from tests.drivers.replica import Start
from tests.drivers.socket_client import SocketClient
from tests.drivers.waiting import eventually

NAMESPACES = ("/", "/health", "/monitoring")
ODD = (
    b'{ "b":1.0,"a":1e999 ,\n"\xc3\xa9":"\\u00e9\\ud83d\\ude00 \xe2\x80\xa8","b":-0,"n":123456789012345678901234567890}'
)


def test_client_gets_the_latest_of_each_channel_on_connect(replica: Any, collector: Any) -> None:
    watcher = replica.client("/")
    for channel in CHANNELS:
        collector.publish(channel, message(channel))
        watcher.event(EVENT_OF_CHANNEL[channel])

    client = replica.client("/")

    assert client.event("redis_cluster_alerts").encode() == message(ALERTS_CHANNEL)
    assert client.names() == ["connection_confirmed", *EVENT_OF_CHANNEL.values()]
    confirmed = client.payloads("connection_confirmed")[0]
    assert 0 <= confirmed["age_seconds"] < 20
    assert unix_seconds(confirmed["timestamp"]) > 0


@pytest.mark.parametrize("channel", CHANNELS)
def test_message_reaches_the_clients_of_root_untouched(replica: Any, redis: Redis, channel: str) -> None:
    client = replica.client("/")

    redis.publish(channel, ODD)

    assert client.event(EVENT_OF_CHANNEL[channel]).encode() == ODD
    assert replica.metric(f'ws_messages_total{{channel="{channel}",outcome="passed_on"}}') == 1


def test_message_reaches_a_polling_client_untouched(replica: Any, redis: Redis) -> None:
    session = EngineSession(replica.port)
    session.connect()

    redis.publish(ALERTS_CHANNEL, ODD)

    assert session.get().text == f'42["redis_cluster_alerts",{ODD.decode()}]'


def test_cookie_names_the_sid_of_a_polling_client_only_in_the_handshake(replica: Any) -> None:
    url = f"{replica.origin}/socket.io/?EIO=4&transport=polling"

    begun = requests.get(url, cookies={"io": "of-another-replica"}, timeout=15)
    sid = json.loads(begun.text[1:])["sid"]
    sent = requests.post(f"{url}&sid={sid}", data="40", timeout=15)
    fetched = requests.get(f"{url}&sid={sid}", timeout=15)

    assert begun.headers["Set-Cookie"] == f"io={sid}; path=/socket.io/; HttpOnly; SameSite=Lax"
    assert "connection_confirmed" in fetched.text
    assert not {"Set-Cookie"} & {*sent.headers, *fetched.headers}


def test_burst_reaches_a_polling_client_in_portions_that_its_library_accepts(replica: Any, redis: Redis) -> None:
    session = EngineSession(replica.port)
    session.connect()
    before = replica.metric("ws_deliveries_total")
    for number in range(100):
        redis.publish(ALERTS_CHANNEL, f'{{"x":{number}}}')
    eventually(lambda: replica.metric("ws_deliveries_total") == before + 100)

    portions: list[list[str]] = []
    while not portions or '{"x":99}' not in portions[-1][-1]:
        portions.append(session.get().packets)

    assert max(map(len, portions)) == 16
    got = [packet for portion in portions for packet in portion if "redis_cluster_alerts" in packet]
    assert got == [f'42["redis_cluster_alerts",{{"x":{number}}}]' for number in range(100)]


def test_all_packets_of_a_polling_client_are_read_when_it_sends_many_at_once(replica: Any) -> None:
    packets = ["40", *(f'42["unknown",{number}]' for number in range(50))]

    EngineSession(replica.port).post("\x1e".join(packets))

    eventually(lambda: replica.metric("ws_unknown_events_total") == 50)


def test_state_reaches_the_other_namespaces_untouched(replica: Any, collector: Any) -> None:
    client = replica.client(*NAMESPACES)
    raw = {channel: b" " + message(channel, seq=2, unknown=1.0) for channel in CHANNELS}
    before = json.loads(raw[ALERTS_CHANNEL])["previous_alert_id"]
    collector.publish(ALERTS_CHANNEL, message(ALERTS_CHANNEL, seq=1, entries=[], last_alert_id=before))
    client.event("alerts_update")

    for channel in CHANNELS:
        collector.publish(channel, raw[channel])

    assert client.event("cluster_metrics").encode() == raw[METRICS_CHANNEL]
    assert client.event("health_update").encode() == raw[HEALTH_CHANNEL]
    assert client.event("alerts_update", 2).encode() == raw[ALERTS_CHANNEL]


def test_publications_reach_every_client_once_and_in_order_while_clients_come(replica: Any, collector: Any) -> None:
    stop, last = threading.Event(), 0

    def publish_until_stopped() -> None:
        nonlocal last
        while not stop.wait(0.002):
            last += 1
            collector.publish(METRICS_CHANNEL, message(METRICS_CHANNEL, seq=last))
            collector.publish(HEALTH_CHANNEL, message(HEALTH_CHANNEL, seq=last))

    publisher = threading.Thread(target=publish_until_stopped)
    publisher.start()
    clients = [replica.client(*NAMESPACES) for _ in range(12)]
    stop.set()
    publisher.join()

    starts = set()
    for client in clients:
        for event in ("redis_cluster_metrics", "redis_cluster_health", "cluster_metrics", "health_update"):
            client.wait(lambda packet, event=event: f'"{event}",' in packet and f'"seq":{last},' in packet)
            seqs = [payload["seq"] for payload in client.payloads(event)]
            if event == "health_update":  # always from ``:latest``, which may be ahead of the channel
                assert seqs == sorted(set(seqs))
            else:
                assert seqs == list(range(seqs[0], last + 1)), event
            starts.add(seqs[0])
    assert len(starts) > 5


def test_burst_reaches_root_completely_and_the_other_namespaces_with_the_newest(replica: Any, redis: Redis) -> None:
    client = replica.client("/", "/health")
    pipeline = redis.pipeline(transaction=True)
    for seq in range(100):
        pipeline.set(latest_key(HEALTH_CHANNEL), message(HEALTH_CHANNEL, seq=seq))
        pipeline.publish(HEALTH_CHANNEL, message(HEALTH_CHANNEL, seq=seq))
    pipeline.execute()

    client.event("redis_cluster_health", 100)

    assert [payload["seq"] for payload in client.payloads("redis_cluster_health")] == list(range(100))
    assert [payload["seq"] for payload in client.payloads("health_update")] == [99]


def test_snapshot_published_by_hand_does_not_block_the_collector(replica: Any, collector: Any, redis: Redis) -> None:
    client = replica.client("/", "/monitoring")
    collector.publish(METRICS_CHANNEL, message(METRICS_CHANNEL, seq=1))
    client.event("cluster_metrics")

    redis.publish(METRICS_CHANNEL, message(METRICS_CHANNEL, seq=2**50, epoch=2**50))
    collector.publish(METRICS_CHANNEL, message(METRICS_CHANNEL, seq=2))
    client.event("redis_cluster_metrics", 3)
    client.event("cluster_metrics", 2)

    assert [payload["seq"] for payload in client.payloads("cluster_metrics")] == [1, 2]
    assert replica.client("/").event("redis_cluster_metrics").encode() == message(METRICS_CHANNEL, seq=2)


@pytest.mark.parametrize(
    "raw", [b"", b"{", b'{"x":NaN}', b"[1]", b'{"x":"\xff"}', b'{"x":"' + b"a" * 3_200_000 + b'"}']
)
def test_message_is_dropped_counted_and_logged_once_when_it_is_not_an_object(
    replica: Any, redis: Redis, raw: bytes
) -> None:
    client = replica.client("/")

    for _ in range(5):  # Redis cuts off a reader that is 32 MiB behind
        redis.publish(METRICS_CHANNEL, raw)
    redis.publish(METRICS_CHANNEL, b'{"last":1}')

    assert client.event("redis_cluster_metrics") == '{"last":1}'
    assert replica.metric('ws_messages_total{channel="cluster:metrics",outcome="dropped"}') == 5
    assert replica.process.log().count("dropped a message") == 1
    assert len(replica.process.log()) < 3000


def test_subscriber_gets_snapshots_of_its_nodes_over_a_real_connection(replica: Any, collector: Any) -> None:
    client = replica.client("/monitoring", auth={"subscribe": {"nodes": ["node6.lan"]}})

    collector.publish(METRICS_CHANNEL, message(METRICS_CHANNEL))

    assert [node["node"] for node in json.loads(client.event("cluster_metrics"))["nodes"]] == ["node6.lan"]


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_requests_are_acknowledged_to_python_clients(replica: Any, collector: Any, transport: str) -> None:
    for channel in CHANNELS:
        collector.publish(channel, message(channel))
    client = SocketClient(replica.origin, *NAMESPACES, transport=transport)
    try:
        client.wait_for("cluster_metrics")

        status = client.call("request_cluster_status", namespace="/monitoring")
        nodes = client.call("request_nodes_status", {}, namespace="/monitoring")
        bad = client.call("subscribe_to_updates", {"nodes": "all"}, namespace="/monitoring")

        assert status["data"]["cluster_stats"]["down_nodes"] == 1
        assert len(nodes["data"]) == 3
        assert bad["code"] == "bad_request"
        assert client.wait_for("error")[0] == bad
        assert client.connected
    finally:
        client.close()


def test_health_is_reported_over_all_replicas(replicas: Start, redis: Redis, collector: Any) -> None:
    often = "import ws.presence; ws.presence.PRESENCE_REFRESH_SECONDS = 0.2"
    first, second = replicas(prelude=often), replicas(prelude=often)
    collector.publish(HEALTH_CHANNEL, message(HEALTH_CHANNEL))
    collector.publish(METRICS_CHANNEL, message(METRICS_CHANNEL))
    clients = [first.client("/health"), second.client("/health"), second.client("/"), second.client()]
    clients[0].event("health_update")

    def answer() -> Any:
        clients[0].packets.clear()
        clients[0].send('42/health,["request_health"]')
        data = json.loads(clients[0].event("health_response"))["data"]
        assert data["websocket"]["connected_clients"] == 4
        return data

    data = eventually(answer)

    assert sorted(one["connected_clients"] for one in data["websocket"]["replicas"]) == [1, 3]
    assert data["redis"] == {"status": "up", "down_since": None}
    assert data["cluster"] == {"overall_status": "warning", "nodes_online": 1, "nodes_total": 3, "nodes_down": 1}
    assert redis.zcard(REPLICAS_KEY) == 2


def test_metrics_count_clients_and_deliveries(replica: Any, redis: Redis) -> None:
    clients = [replica.client(*NAMESPACES), replica.client("/")]
    before = replica.metric("ws_deliveries_total")

    redis.publish(ALERTS_CHANNEL, b"{}")
    for client in clients:
        client.event("redis_cluster_alerts")

    assert replica.metric("ws_deliveries_total") == before + 2
    assert replica.metric('ws_clients{transport="websocket"}') == 2
    assert replica.metric('ws_namespace_clients{namespace="/"}') == 2
    assert replica.metric('ws_namespace_clients{namespace="/monitoring"}') == 1
    assert replica.metric("ws_redis_up") == 1
