import json
from typing import Any

import pytest

from ws.socketio_packet import Json, RawJson, SocketIOPacket

TEXTS = [
    '{"b":1.0,"a":1e999,"b":-0}',
    '{ "é" : "\\u00e9\\ud83d\\ude00 \u2028" }\n',
    "{}",
    '{"n":123456789012345678901234567890}',
]


@pytest.mark.parametrize("text", TEXTS)
def test_event_carries_a_raw_payload_untouched(text: str) -> None:
    packet = SocketIOPacket(2, data=["redis_cluster_metrics", RawJson(text.encode())])

    assert packet.encode() == f'2["redis_cluster_metrics",{text}]'


def test_acknowledgement_carries_a_raw_payload_untouched() -> None:
    assert (
        SocketIOPacket(3, data=[RawJson(b'{"a":1.0}')], namespace="/health", id=7).encode() == '3/health,7[{"a":1.0}]'
    )


@pytest.mark.parametrize("value", [{"sid": "a/é"}, "text", ["x", 1, None, {"a": [1.5]}], [], None])
def test_value_is_encoded_as_json(value: Any) -> None:
    assert json.loads(Json.dumps(value, separators=(",", ":"))) == value


@pytest.mark.parametrize("text", ["", "NaN", "[NaN]", "{", "[" * 100_000, '"\\ud800"', "1" * 10_000 + "x"])
def test_value_error_is_raised_when_text_is_not_json(text: str) -> None:
    with pytest.raises(ValueError):
        Json.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "9", "2", "2[]", "2{}", "2[1]", "2[null]", '2[["x"]]', '2["connect"]', '2["disconnect","a"]'),
        *('51-["x",{"_placeholder":true,"num":0}]', "61-[]", '99999999999-["x"]', '4{"message":"x"}', "0[1]", '0"x"'),
        *("0{", "21" + "0" * 200 + '["x"]', "2" + "[" * 100_000),
    ],
)
def test_packet_is_refused_when_clients_must_not_send_it(text: str) -> None:
    with pytest.raises((ValueError, TypeError)):
        SocketIOPacket().decode(text)


@pytest.mark.parametrize("data", [b'2["x"]', ["x"], {"a": 1}, 2, None])
def test_packet_is_refused_when_it_is_not_text(data: Any) -> None:
    with pytest.raises(ValueError):
        SocketIOPacket().decode(data)


def test_packet_is_read_when_clients_may_send_it() -> None:
    packet = SocketIOPacket(encoded_packet='2/health,12["request_health",{"a":1}]')

    assert (packet.namespace, packet.id, packet.data) == ("/health", 12, ["request_health", {"a": 1}])
    assert SocketIOPacket(encoded_packet='0/monitoring,{"subscribe":{}}').data == {"subscribe": {}}
    assert SocketIOPacket(encoded_packet="0").data is None
