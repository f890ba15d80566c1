"""Decoding in one go gives what the two steps give, for valid, damaged and hostile messages."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.codec import (
    DEPTH_LIMIT,
    TYPE_OF_CHANNEL,
    Message,
    UndecodableMessage,
    decode,
    decode_checked,
    require_object,
    try_decode,
)
from contract.messages import Snapshot
from contract.names import ALERTS_CHANNEL, HEALTH_CHANNEL, MESSAGE_LIMIT_BYTES, METRICS_CHANNEL

GOLDEN = Path(__file__).parents[1] / "golden" / "messages"
SNAPSHOT = json.loads((GOLDEN / "metrics.json").read_bytes())
#: The three messages, by their type.
MESSAGES: dict[type[Message], bytes] = {
    TYPE_OF_CHANNEL[channel]: (GOLDEN / f"{name}.json").read_bytes()
    for channel, name in ((METRICS_CHANNEL, "metrics"), (HEALTH_CHANNEL, "health"), (ALERTS_CHANNEL, "alerts"))
}
Decode = Callable[[bytes, type[Message]], Message]


def in_two_steps(raw: bytes, expected: type[Message]) -> Message:
    require_object(raw)
    return decode(raw, expected)


def result(decode: Decode, raw: bytes, expected: type[Message]) -> object:
    """Return the message, or the text of the refusal."""
    try:
        return decode(raw, expected)
    except UndecodableMessage as error:
        return error.reason


def check(raw: bytes, expected: type[Message]) -> object:
    slow = result(in_two_steps, raw, expected)
    fast = try_decode(raw, expected)
    assert fast == slow if not isinstance(slow, str) else fast is None
    assert result(decode_checked, raw, expected) == slow
    return slow


def text(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


@pytest.mark.parametrize("expected", MESSAGES, ids=lambda expected: expected.__name__)
def test_valid_message_needs_no_second_look(expected: type[Message]) -> None:
    assert isinstance(check(MESSAGES[expected], expected), expected)
    assert try_decode(MESSAGES[expected], expected) is not None


#: Values that RFC 8259 allows.
ALLOWED = [
    *(b"1", b"-0", b"0.5e-7", b"1e999", b"9" * 6000, b"0." + b"1" * 6000, b"true", b"[]", b"{}", b'"\x7f"'),
    *(b'"\\ud800"', b'"\\uDFFF\\u0041"', b'"\\ud83d\\ude00"', b'"\\\\ud8zz"', b'"\\u0000"', b'"[{\\""', b'"\\\\"'),
    *(b'{"a":1,"a":2}', b'{"\\ud800":1}'),
]
#: Values that RFC 8259 or RFC 3629 does not allow.
REFUSED = [
    *(
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"01",
        b"-01",
        b"+1",
        b".5",
        b"1.",
        b"1e",
        b"-",
        b"0x1",
        b"nul",
        b"",
        b"/**/1",
    ),
    *(b'"\xff"', b'"\xed\xa0\x80"', b'"\xc0\x80"', b'{"\xff":1}', b'"\n"', b'"\x00"', b'{"\n":1}'),
    *(b'"\\x"', b'"\\u00zz"', b'"\\ud8zz"', b"'a'", b"[1,]", b"[1", b'{"a":1,}', b"{a:1}"),
]


@pytest.mark.parametrize("value", ALLOWED + REFUSED, ids=lambda value: repr(value[:20]))
@pytest.mark.parametrize(
    "place",
    [
        b'{"later":VALUE,' + text(SNAPSHOT)[1:],
        text(SNAPSHOT)[:-1] + b',"later":VALUE}',
        text(SNAPSHOT).replace(b'"nodes": [{', b'"nodes": [{"later": {"x":VALUE}, '),
        text(SNAPSHOT | {"cluster": "VALUE"}).replace(b'"VALUE"', b"VALUE"),
        text(SNAPSHOT | {"seq": "VALUE"}).replace(b'"VALUE"', b"VALUE"),
        text(SNAPSHOT | {"interval_seconds": "VALUE"}).replace(b'"VALUE"', b"VALUE"),
        text({**SNAPSHOT, "nodes": [{**SNAPSHOT["nodes"][0], "error_coded": {"code": "x", "args": {"a": "VALUE"}}}]})
        .replace(b'"VALUE"', b"VALUE"),
        b'{"cluster":VALUE,' + text(SNAPSHOT)[1:],
    ],
    ids=["first", "last", "in a node", "text", "whole number", "number", "argument", "written twice"],
)  # fmt: skip
def test_value_is_judged_alike_wherever_it_stands(place: bytes, value: bytes) -> None:
    raw = place.replace(b"VALUE", value)
    assert raw != place

    outcome = check(raw, Snapshot)

    is_object = not isinstance(outcome, str) or outcome.startswith("not a Snapshot")
    assert is_object == (value in ALLOWED)


@pytest.mark.parametrize("before", [b"", b" \r\n\t", b"\xef\xbb\xbf", b"\x00", b"x", b"\x0b"])
@pytest.mark.parametrize("after", [b"", b" \r\n\t", b"\xef\xbb\xbf", b"\x00", b"x", b"{}", b","])
def test_only_white_space_may_stand_around_a_message(before: bytes, after: bytes) -> None:
    outcome = check(before + text(SNAPSHOT) + after, Snapshot)
    assert isinstance(outcome, Snapshot) == (not before.strip(b" \r\n\t") and not after.strip(b" \r\n\t"))


def causes(depth: int) -> Any:
    """Return a coded error, in which each is the cause of the outer one; ``depth`` is even."""
    return {"code": "x", "args": {"cause": causes(depth - 2)} if depth > 2 else {}}


@pytest.mark.parametrize("many", [0, 300])
@pytest.mark.parametrize("depth", [DEPTH_LIMIT, DEPTH_LIMIT + 2, 5000])
def test_depth_is_limited_in_known_and_unknown_fields(many: int, depth: int) -> None:
    # Objects that are side by side do not count as depth.
    node = SNAPSHOT["nodes"][0]
    nodes = [node | {"error_coded": {"code": "x", "args": {}}} for _ in range(many)]
    unknown = text(SNAPSHOT | {"nodes": nodes, "later": 0})[:-2] + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"
    # 3 levels around the error: the snapshot, its nodes, and the node.
    known = text(SNAPSHOT | {"nodes": [*nodes, node | {"error_coded": causes(min(depth, 400) - 4)}]})
    for raw in (unknown, known):
        outcome = check(raw, Snapshot)
        assert isinstance(outcome, Snapshot) == (depth <= DEPTH_LIMIT)
        assert isinstance(outcome, Snapshot) or outcome == "nested too deeply"


def test_length_is_limited() -> None:
    for length in (MESSAGE_LIMIT_BYTES, MESSAGE_LIMIT_BYTES + 1):
        raw = text(SNAPSHOT).ljust(length)
        assert isinstance(check(raw, Snapshot), Snapshot) == (length == MESSAGE_LIMIT_BYTES)


def json_values() -> st.SearchStrategy[Any]:
    texts = st.text(alphabet='[]{}"\\,:aé\x00\ud800', max_size=6)
    leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts)
    return st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(texts, inner))


def depth_of(value: Any) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(depth_of, value), default=0) if isinstance(value, list) else 0


@given(st.lists(json_values(), max_size=4), st.integers(DEPTH_LIMIT - 8, DEPTH_LIMIT + 1))
def test_depth_is_that_of_another_parser(values: list[Any], depth: int) -> None:
    value: Any = values
    for level in range(depth):
        value = [values[:1], value] if level % 2 else {"[": value, '"': values[-1:]}
    raw = json.dumps({"a": value}).replace("NaN", "1").replace("Infinity", "1").encode()
    if depth_of(json.loads(raw)) <= DEPTH_LIMIT:
        require_object(raw)
    else:
        with pytest.raises(UndecodableMessage, match="nested too deeply"):
            require_object(raw)


@st.composite
def damaged(draw: st.DrawFn) -> tuple[bytes, type[Message]]:
    """Return a message with inserted, replaced and lost bytes, and unknown fields."""
    expected = draw(st.sampled_from(list(MESSAGES)))
    raw = bytearray(MESSAGES[expected])
    if draw(st.booleans()):
        raw[1:1] = b'"later":' + json.dumps(draw(json_values()), ensure_ascii=draw(st.booleans())).encode(
            errors="surrogatepass"
        ) + b","  # fmt: skip
    parts = st.one_of(
        st.sampled_from(
            [b'"', b"\\", b"[", b"]", b"{", b"}", b",", b"0", b"-", b"NaN", b"\xff", b"\\ud800", b"\n", b"e9"]
        ),
        st.binary(max_size=3),
    )
    for _ in range(draw(st.integers(0, 3))):
        begin = draw(st.integers(0, len(raw)))
        raw[begin : begin + draw(st.integers(0, 3))] = draw(parts)
    return bytes(raw), expected


@given(damaged())
def test_damaged_message_has_the_same_result(message: tuple[bytes, type[Message]]) -> None:
    check(*message)
