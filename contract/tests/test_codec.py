import json
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.codec import DEPTH_LIMIT, UndecodableMessage, decode, encode, require_object
from contract.messages import Snapshot
from contract.names import MESSAGE_LIMIT_BYTES

GOLDEN = (Path(__file__).parents[1] / "golden" / "messages" / "metrics.json").read_bytes()


def test_snapshot_of_an_older_collector_gets_null_for_missing_fields() -> None:
    new = ("iowait", "swap_usage", "pressure_io", "pressure_memory")
    content = json.loads(GOLDEN)
    for node in content["nodes"]:
        for field in new:
            del node[field]

    written = json.loads(encode(decode(json.dumps(content).encode(), Snapshot)))

    assert written["nodes"] == [{**node, **dict.fromkeys(new)} for node in content["nodes"]]


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"[]", b"1", b"null", b'"{}"', b"{", b'{"a":NaN}', b'{"a":Infinity}', b'{"a":-Infinity}', b'{"a":"\xff"}',
        b'\xef\xbb\xbf{"a":1}', b"{'a':1}", b'{"a":1,}', b'{"a":01}', b'{"a":"\n"}', b'{"a":1} x',
        b'{"a":' + b"[" * 100_000, b'{"a":"' + b"x" * MESSAGE_LIMIT_BYTES + b'"}',
        b'{"a":"\\ud8zz"}', b'{"a":"\\x"}', b'{"a":"\xed\xa0\x80"}',
    ],
    ids=range(21),
)  # fmt: skip
def test_message_is_refused_when_it_is_not_a_json_object(raw: bytes) -> None:
    with pytest.raises(UndecodableMessage) as caught:
        require_object(raw)
    assert caught.value.raw == raw
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "raw",
    [
        b"{}", b' {"x":1e999} ', b'{"x":' + b"9" * 6000 + b"}", '{"é":"\\ud800"}'.encode(), b'{"a":"\\uDFFF\\u0041"}',
        b'{"\\\\ud8zz":1}', b'\r\n\t {"a":1}',
    ],
)  # fmt: skip
def test_object_is_passed_when_rfc_8259_has_it(raw: bytes) -> None:
    require_object(raw)


def nested(depth: int, innermost: bytes = b"1") -> bytes:
    """An object that is so deep, with brackets and quotes in strings between."""
    kinds = [(b'{"]}[{\\"\\\\":', b"}"), (b'["}]", ', b"]")]
    opened = [kinds[number % 2] for number in range(depth)]
    return b"".join(begin for begin, _ in opened) + innermost + b"".join(end for _, end in reversed(opened))


@pytest.mark.parametrize("many", [b"1", b"[" + b"[], {}, " * 200_000 + b"1]"], ids=["alone", "beside many"])
def test_object_is_passed_up_to_a_depth_and_not_beyond(many: bytes) -> None:
    own = 0 if many == b"1" else 2
    require_object(nested(DEPTH_LIMIT - own, many))
    with pytest.raises(UndecodableMessage, match="nested too deeply"):
        require_object(nested(DEPTH_LIMIT - own + 1, many))


def test_check_of_a_message_needs_little_memory_for_any_content() -> None:
    # given
    ones = b'{"a":[' + b"1," * (MESSAGE_LIMIT_BYTES // 2 - 10) + b"1]}"
    tracemalloc.start()
    try:
        # when
        require_object(ones)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # then
    assert peak < 5 * MESSAGE_LIMIT_BYTES


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


def test_error_is_short_when_a_value_is_long() -> None:
    snapshot = json.loads(GOLDEN)
    snapshot["nodes"][0]["status"] = "x" * 2**20
    with pytest.raises(UndecodableMessage) as caught:
        decode(json.dumps(snapshot).encode(), Snapshot)
    assert len(str(caught.value)) < 400
