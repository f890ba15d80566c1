import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.codec import UndecodableMessage, decode, encode, require_object
from contract.messages import Snapshot
from contract.names import MESSAGE_LIMIT_BYTES

GOLDEN = (Path(__file__).parents[1] / "golden" / "messages" / "metrics.json").read_bytes()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"1",
        b"null",
        b'"{}"',
        b"{",
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":-Infinity}',
        b'{"a":"\xff"}',
        b'\xef\xbb\xbf{"a":1}',
        b"{'a':1}",
        b'{"a":1,}',
        b'{"a":01}',
        b'{"a":"\n"}',
        b'{"a":1} x',
        b'{"a":' + b"[" * 100_000,
        b'{"a":"' + b"x" * MESSAGE_LIMIT_BYTES + b'"}',
    ],
    ids=range(18),
)
def test_object_is_refused_when_it_is_no_json_object(raw: bytes) -> None:
    with pytest.raises(UndecodableMessage) as caught:
        require_object(raw)
    assert caught.value.raw == raw
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("raw", [b"{}", b' {"x":1e999} ', b'{"x":' + b"9" * 6000 + b"}", '{"é":"\\ud800"}'.encode()])
def test_object_is_passed_when_rfc_8259_has_it(raw: bytes) -> None:
    require_object(raw)


def test_message_is_refused_as_its_type_when_a_field_is_missing_or_out_of_range() -> None:
    snapshot = json.loads(GOLDEN)
    del snapshot["epoch"]
    with pytest.raises(UndecodableMessage, match="epoch"):
        decode(json.dumps(snapshot).encode(), Snapshot)
    snapshot = json.loads(GOLDEN)
    snapshot["nodes"][1]["cpu_usage"] = 101
    with pytest.raises(UndecodableMessage, match="cpu_usage"):
        decode(json.dumps(snapshot).encode(), Snapshot)


def test_message_is_decoded_when_it_has_fields_of_a_newer_version() -> None:
    snapshot = json.loads(GOLDEN) | {"later": {"x": 1}}
    assert decode(json.dumps(snapshot).encode(), Snapshot) == decode(GOLDEN, Snapshot)


def test_message_is_compact_utf8_when_encoded() -> None:
    written = encode(decode(GOLDEN, Snapshot))
    assert b": " not in written.replace(b'refused"', b"")
    assert "pi-é.lan".encode() in written


@given(st.binary(max_size=200))
def test_object_check_raises_nothing_else_when_bytes_are_random(raw: bytes) -> None:
    try:
        require_object(raw)
    except UndecodableMessage:
        return
    assert isinstance(json.loads(raw), dict)
