import io

import pytest

from ws.http_syntax import ChunkedBody, MalformedChunk


def body(text: bytes) -> ChunkedBody:
    return ChunkedBody(io.BytesIO(text))


@pytest.mark.parametrize("size", [1, 3, 100, None])
def test_body_is_the_content_of_its_chunks_for_all_sizes_of_reads(size: int | None) -> None:
    file = io.BytesIO(b"3\r\nabc\r\n00A;name=value\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\nGET /")
    chunked = ChunkedBody(file)
    pieces = []

    while piece := chunked.read(size):
        pieces.append(piece)

    assert b"".join(pieces) == b"abc0123456789"
    assert chunked.read(size) == b""
    assert file.read() == b"GET /"


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b"x\r\n", b"+3\r\nabc\r\n0\r\n\r\n", b"0x3\r\nabc\r\n0\r\n\r\n", b"-1\r\n", b" 3\r\nabc\r\n0\r\n\r\n"),
        *(b"3\nabc\n0\n\n", b"3\r\nabcd\r\n0\r\n\r\n", b"3\r\nab", b"3\r\nabc", b"3\r\nabc\r\n", b"3\r\nabc\r\n0\r\n"),
        *(b"123456789\r\n", b"3;" + b"a" * 300 + b"\r\nabc\r\n0\r\n\r\n", b"3;\x00\r\nabc\r\n0\r\n\r\n", b"1_0\r\n"),
        *(b"0\r\n" + b"a: b\r\n" * 20 + b"\r\n", b"0\r\na: " + b"b" * 2000 + b"\r\n\r\n", b"0\r\na: b\n\r\n"),
    ],
)
def test_ambiguous_body_is_refused(text: bytes) -> None:
    chunked = body(text)

    with pytest.raises(MalformedChunk):
        chunked.read()
    with pytest.raises(MalformedChunk):
        chunked.read()


def test_reading_stops_at_the_requested_size() -> None:
    file = io.BytesIO(b"ffffffff\r\n" + b"a" * 100)

    assert ChunkedBody(file).read(10) == b"a" * 10
    assert file.tell() == 20
