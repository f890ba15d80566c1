import pytest

from ws.fast.handshake import AGREED, answer

#: RFC 6455, section 1.3.
KEY, TOKEN = "dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def agreed(extensions: str | None) -> bool:
    environ = {"HTTP_SEC_WEBSOCKET_KEY": KEY}
    if extensions is not None:
        environ["HTTP_SEC_WEBSOCKET_EXTENSIONS"] = extensions
    text, compresses = answer(environ)
    assert (f"\r\nSec-WebSocket-Extensions: {AGREED}\r\n" in text.decode()) == compresses
    return compresses


def test_answer_is_that_of_the_rfc() -> None:
    text, _ = answer({"HTTP_SEC_WEBSOCKET_KEY": KEY})

    assert text.decode() == (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {TOKEN}\r\n\r\n"
    )


@pytest.mark.parametrize(
    "offer",
    [
        "permessage-deflate",
        "permessage-deflate; client_max_window_bits",
        "permessage-deflate; client_max_window_bits=12; server_no_context_takeover",
        'permessage-deflate; server_max_window_bits="15"; client_no_context_takeover',
        "x-webkit-deflate-frame, Permessage-Deflate",
        "permessage-deflate; server_max_window_bits=10, permessage-deflate",
    ],
)
def test_compression_is_agreed_on_when_a_shared_frame_serves_the_client(offer: str) -> None:
    assert agreed(offer)


@pytest.mark.parametrize(
    "offer",
    [
        *(None, "", "permessage-bzip2", "permessage-deflate; server_max_window_bits=10"),
        *("permessage-deflate; server_max_window_bits", "permessage-deflate; unknown"),
        *("permessage-deflate; client_max_window_bits=7", "permessage-deflate; client_max_window_bits=x"),
        *("permessage-deflate; server_no_context_takeover=1", ";;,=", "permessage-deflate; ="),
        "permessage-deflate; client_max_window_bits; client_max_window_bits",
    ],
)
def test_compression_is_declined_otherwise(offer: str | None) -> None:
    assert not agreed(offer)
