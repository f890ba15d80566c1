import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.extensions import PerMessageDeflate
from wsproto.frame_protocol import Frame, FrameProtocol, Opcode

from ws.event import COMPRESSION_THRESHOLD_BYTES, EnginePacket, Event, close_frame, pong_frame


def read(data: bytes, *, inflates: bool = False) -> list[Frame]:
    """Return the frames that another implementation (wsproto) reads."""
    extension = PerMessageDeflate(server_no_context_takeover=True, client_no_context_takeover=True)
    extension.finalize("permessage-deflate")
    protocol = FrameProtocol(client=True, extensions=[extension] if inflates else [])
    protocol.receive_bytes(data)
    return list(protocol.received_frames())


@pytest.mark.parametrize("size", [0, 1, 124, 125, 126, 127, 65534, 65535, 65536, 3_000_000])
def test_client_reads_the_packet_whatever_its_size(size: int) -> None:
    packet = EnginePacket(os.urandom(size // 2 + 1).hex()[:size].encode())

    for data, inflates in ((packet.plain, False), (packet.plain, True), (packet.compressed, True)):
        frames = read(data, inflates=inflates)
        assert all(frame.opcode is Opcode.TEXT for frame in frames)
        assert "".join(str(frame.payload) for frame in frames).encode() == packet.text
        assert frames[-1].message_finished


@given(st.lists(st.text(max_size=2000), min_size=1, max_size=4))
def test_client_inflates_each_packet_separately(texts: list[str]) -> None:
    packets = [EnginePacket(text.encode()) for text in texts]

    frames = read(b"".join(packet.compressed for packet in packets), inflates=True)

    assert "".join(str(frame.payload) for frame in frames) == "".join(texts)


def test_frames_are_made_once() -> None:
    packet = EnginePacket(b"4" + b"a" * 1000)

    assert packet.plain is packet.plain
    assert packet.compressed is packet.compressed


def test_compressed_frame_is_smaller_unless_it_is_the_plain_frame() -> None:
    small, large = (
        EnginePacket(b"4" * (COMPRESSION_THRESHOLD_BYTES - 1)),
        EnginePacket(b"4" * COMPRESSION_THRESHOLD_BYTES),
    )

    assert small.compressed == small.plain
    assert len(large.compressed) < len(large.plain) / 10


@pytest.mark.parametrize(("namespace", "prefix"), [("/", ""), ("/monitoring", "/monitoring,")])
def test_event_carries_its_payload_untouched(namespace: str, prefix: str) -> None:
    payload = '{ "é":1.0, "a":1e999 }'.encode()

    event = Event(namespace, "cluster_metrics", payload)

    assert event.text == f'42{prefix}["cluster_metrics",'.encode() + payload + b"]"


def test_slots_of_two_namespaces_differ() -> None:
    assert Event("/", "a", b"{}", "metrics").slot != Event("/monitoring", "a", b"{}", "metrics").slot
    assert Event("/", "a", b"{}").slot is None


def test_close_frame_has_its_code_and_reason() -> None:
    (frame,) = read(close_frame(1013, "slow"))

    assert (frame.opcode, frame.payload) == (Opcode.CLOSE, (1013, "slow"))


def test_pong_has_the_payload_of_the_ping() -> None:
    (frame,) = read(pong_frame(b"ping"))

    assert (frame.opcode, frame.payload) == (Opcode.PONG, b"ping")
