"""The reader yields complete messages of limited size, or a protocol violation, for any data."""

import os
import random
import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.frame_protocol import FrameProtocol

from tests.drivers.frames import deflated, frame
from ws.engine.reader import (
    FRAGMENTS_LIMIT,
    INFLATED_LIMIT_BYTES,
    CloseFrame,
    LongMessage,
    PingFrame,
    ProtocolViolation,
    Reader,
    ReceivedItem,
    TextMessage,
)

LIMIT = 10_000
SUBSCRIPTION = '42/monitoring,17["subscribe_to_updates",{"nodes":["'


def reader(*, inflates: bool = False) -> Reader:
    return Reader(limit_bytes=LIMIT, inflates=inflates)


def test_messages_and_pings_are_read() -> None:
    data = frame(0x81, b"40") + frame(0x89, b"there?") + frame(0x8A, b"late") + frame(0x81, "4é".encode())

    assert list(reader().receive(data)) == [TextMessage("40"), PingFrame(b"there?"), TextMessage("4é")]


def test_fragments_are_joined_when_a_ping_comes_between() -> None:
    data = frame(0x01, "4é".encode()[:2]) + frame(0x89, b"") + frame(0x00, "é".encode()[1:]) + frame(0x80, b"!")

    assert list(reader().receive(data)) == [PingFrame(b""), TextMessage("4é!")]


@pytest.mark.parametrize(("payload", "code"), [(b"", 1005), (b"\x03\xe9bye", 1001), (b"\x0f\xa0", 4000)])
def test_close_is_read_with_its_code(payload: bytes, code: int) -> None:
    assert list(reader().receive(frame(0x88, payload))) == [CloseFrame(code)]


def test_compressed_messages_are_inflated_separately() -> None:
    texts = ["4" + "a" * (INFLATED_LIMIT_BYTES - 1), "4b", ""]
    data = b"".join(frame(0xC1, deflated(text.encode())) for text in texts) + frame(0x81, b"4plain")

    assert list(reader(inflates=True).receive(data)) == [*map(TextMessage, texts), TextMessage("4plain")]


def test_compressed_message_in_fragments_is_inflated() -> None:
    whole = deflated(b"4" + b"abc" * 1000)
    data = frame(0x41, whole[:10]) + frame(0x89, b"x") + frame(0x00, whole[10:]) + frame(0x80, b"")

    assert list(reader(inflates=True).receive(data)) == [PingFrame(b"x"), TextMessage("4" + "abc" * 1000)]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(0x81, b"4", mask=None), 1002),
        (frame(0x83, b""), 1002),
        (frame(0x91, b""), 1002),
        (frame(0xC1, b"4"), 1002),
        (frame(0x09, b""), 1002),
        (frame(0x89, b"a" * 126), 1002),
        (frame(0x80, b"4"), 1002),
        (frame(0x01, b"4") + frame(0x81, b"4"), 1002),
        (frame(0x88, b"\x00"), 1002),
        (frame(0x88, b"\x00\x01"), 1002),
        (frame(0x88, b"\x03\xed"), 1002),
        (frame(0x88, b"\x03\xe8\xff"), 1007),
        (frame(0x81, b"4\xff"), 1007),
        (frame(0x81, "é".encode()[:1]), 1007),
        (frame(0x82, b"4"), 1003),
        (frame(0x81, b"a" * (LIMIT + 1)), 1009),
        (frame(0x81, b"", announced=2**40), 1009),
        (frame(0x01, b"a" * LIMIT) + frame(0x80, b"a"), 1009),
        (frame(0x01, b"") + frame(0x00, b"") * FRAGMENTS_LIMIT, 1009),
        (b"\x81\xfe\x00\x01" + bytes(4) + b"4", 1002),
    ],
    ids=[
        *("unmasked", "unknown opcode", "reserved bit", "compressed unasked", "fragmented ping", "long ping"),
        *("continuation of nothing", "message amid a message", "close of one byte", "close code", "close code 1005"),
        *("close reason", "utf-8", "utf-8 cut", "binary", "long", "announced", "long in fragments", "fragments"),
        "length not shortest",
    ],
)
def test_violation_has_a_close_code_when_the_data_is_invalid(data: bytes, code: int) -> None:
    with pytest.raises(ProtocolViolation) as broken:
        list(reader().receive(data))

    assert broken.value.code == code


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(0xC1, deflated(b"4" + b"a" * INFLATED_LIMIT_BYTES)), 1009),
        (frame(0xC1, deflated(b'42/monitoring,["x","' + b"a" * INFLATED_LIMIT_BYTES)), 1009),
        (frame(0xC1, deflated(b"40/health," + b"a" * INFLATED_LIMIT_BYTES)), 1009),
        (frame(0xC1, deflated(SUBSCRIPTION.ljust(LIMIT + 1).encode())), 1009),
        (frame(0xC1, deflated(SUBSCRIPTION.encode() + b"a" * 300_000_000)), 1009),
        (frame(0xC1, deflated(b"a" * 300_000_000)), 1009),
        (frame(0x41, deflated(b"a" * LIMIT)[:-1]) + frame(0x80, deflated(b"a" * 100_000)), 1009),
        (frame(0xC1, b"\xff\xff\xff"), 1007),
        (frame(0x41, b"") + frame(0xC0, b""), 1002),
        (frame(0xC9, b""), 1002),
    ],
    ids=[
        *("a little long", "other event", "other namespace", "long subscription", "bomb of a subscription", "bomb"),
        "bomb in fragments",
        *("no deflate", "bit amid a message", "bit of a ping"),
    ],
)
def test_violation_has_a_close_code_when_the_compression_is_invalid(data: bytes, code: int) -> None:
    tracemalloc.start()
    with pytest.raises(ProtocolViolation) as broken:
        list(reader(inflates=True).receive(data))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert broken.value.code == code
    assert peak < 4_000_000


def test_longest_message_is_read() -> None:
    text = "4" + "a" * (LIMIT - 1)

    assert list(reader().receive(frame(0x81, text.encode()))) == [TextMessage(text)]


@pytest.mark.parametrize("start", [SUBSCRIPTION, "40/monitoring,{", '42/monitoring,[ "subscribe_to_updates"'])
def test_longest_subscription_is_inflated_when_the_next_item_is_requested(start: str) -> None:
    one, text = reader(inflates=True), start.ljust(LIMIT)
    received = one.receive(frame(0xC1, deflated(text.encode())))

    first = next(received)
    kept_bytes = one.kept_bytes

    assert first == LongMessage()
    assert kept_bytes == len(deflated(text.encode()))
    assert list(received) == [TextMessage(text)]
    assert one.kept_bytes == 0


def test_reader_is_between_messages_only_without_an_incomplete_message() -> None:
    one = reader()
    states = []
    for data in (frame(0x01, b"4"), frame(0x89, b"x"), frame(0x80, b"!"), b"\x81", frame(0x81, b"40")[1:]):
        list(one.receive(data))
        states.append(one.is_between_messages)

    assert states == [False, False, True, False, True]


def cut(data: bytes, random_: random.Random) -> list[bytes]:
    """Return the data in random pieces."""
    pieces = []
    while data:
        size = random_.choice([1, 2, 3, 7, 50, 1000])
        pieces.append(data[:size])
        data = data[size:]
    return pieces


@given(
    st.lists(st.tuples(st.text(max_size=300), st.integers(1, 4), st.booleans(), st.booleans()), max_size=6),
    st.randoms(use_true_random=False),
)
def test_messages_do_not_depend_on_the_pieces_of_data(
    messages: list[tuple[str, int, bool, bool]], random_: random.Random
) -> None:
    sent = b""
    for text, fragments, compressed, pings in messages:
        payload = deflated(text.encode()) if compressed else text.encode()
        bounds = [len(payload) * index // fragments for index in range(fragments + 1)]
        for index in range(fragments):
            first = (0x01 if index == 0 else 0) | (0x80 if index == fragments - 1 else 0)
            first |= 0x40 if compressed and index == 0 else 0
            sent += frame(first, payload[bounds[index] : bounds[index + 1]], mask=os.urandom(4))
            sent += frame(0x89, b"?") if pings else b""
    one = reader(inflates=True)

    got: list[ReceivedItem] = [item for piece in cut(sent, random_) for item in one.receive(piece)]

    assert [item.text for item in got if isinstance(item, TextMessage)] == [text for text, *_ in messages]
    assert one.is_between_messages


def test_pieces_of_an_incomplete_message_are_counted_and_joined() -> None:
    one = reader()
    sent = frame(0x81, b"4" * 5000)

    for index in range(len(sent) - 1):
        assert list(one.receive(sent[index : index + 1])) == []
    kept = one.kept_bytes
    whole = list(one.receive(sent[-1:]))

    assert kept == 4999
    assert whole == [TextMessage("4" * 5000)]
    assert one.kept_bytes == 0


def scrambled(random_: random.Random) -> bytes:
    """Return frames with some changed bytes."""
    client = FrameProtocol(client=True, extensions=[])
    data = bytearray(b"".join(client.send_data("4" * random_.randrange(200)) for _ in range(random_.randrange(1, 5))))
    for _ in range(random_.randrange(4)):
        data[random_.randrange(len(data))] = random_.randrange(256)
    return bytes(data)


@pytest.mark.parametrize("source", [scrambled, lambda random_: random_.randbytes(random_.randrange(400))])
def test_only_protocol_violations_are_raised_for_any_bytes(source: Callable[[random.Random], bytes]) -> None:
    codes = set()
    for seed in range(3000):
        random_ = random.Random(seed)
        one = reader(inflates=bool(seed % 2))
        try:
            for piece in cut(source(random_), random_):
                for item in one.receive(piece):
                    assert isinstance(item, TextMessage | PingFrame | CloseFrame)
        except ProtocolViolation as broken:
            codes.add(broken.code)
    assert codes <= {1002, 1003, 1007, 1009}
