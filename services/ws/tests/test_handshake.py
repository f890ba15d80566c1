from itertools import product

import pytest

from ws.engine.handshake import AGREED_EXTENSION, agreement, answer

#: RFC 6455, section 1.3.
KEY, TOKEN = "dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

NAMES = ("server_no_context_takeover", "client_no_context_takeover", "server_max_window_bits", "client_max_window_bits")
#: Values of each parameter of RFC 7692, 7.1, in an offer; ``None``: the offer lacks the parameter.
FLAG = (None, "")
SERVER_BITS = (None, "8", "10", "14", "15", '"15"')
CLIENT_BITS = (None, "", "8", "15", '"12"')
OFFERS = list(product(FLAG, FLAG, SERVER_BITS, CLIENT_BITS))


def offer(*values: str | None) -> str:
    parameters = [
        f"{name}={value}" if value else name for name, value in zip(NAMES, values, strict=True) if value is not None
    ]
    return "; ".join(["permessage-deflate", *parameters])


def test_answer_equals_the_example_of_the_rfc() -> None:
    text, _ = answer({"HTTP_SEC_WEBSOCKET_KEY": KEY})

    assert text.decode() == (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {TOKEN}\r\n\r\n"
    )


@pytest.mark.parametrize("values", OFFERS, ids=lambda values: offer(*values))
def test_answer_follows_rfc_7692_for_every_offer(values: tuple[str | None, ...]) -> None:
    agreed = agreement(offer(*values))

    server_bits = values[2]
    if server_bits not in (None, "15", '"15"'):
        assert agreed is None  # a shared frame needs the full window
        return
    assert agreed is not None
    name, *parameters = agreed.split("; ")
    assert name == "permessage-deflate"
    # 7.1.1: the answer may contain both without an offer. 7.1.2.1: the answer repeats the server's window exactly if
    # the offer has it. 7.1.2.2: the answer may omit the client's window.
    expected = {"server_no_context_takeover", "client_no_context_takeover"}
    assert set(parameters) == expected | ({"server_max_window_bits=15"} if server_bits else set())


@pytest.mark.parametrize(
    "declined",
    [
        *(
            "",
            "permessage-bzip2",
            "permessage-deflate; unknown",
            ";;,=",
            "permessage-deflate; =",
            "permessage-deflate;",
        ),
        *("permessage-deflate; server_max_window_bits", "permessage-deflate; server_max_window_bits=015"),
        *("permessage-deflate; server_max_window_bits=16", "permessage-deflate; server_max_window_bits=7"),
        *("permessage-deflate; client_max_window_bits=7", "permessage-deflate; client_max_window_bits=x"),
        *("permessage-deflate; client_max_window_bits=", "permessage-deflate; client_max_window_bits=16"),
        *("permessage-deflate; server_no_context_takeover=1", "permessage-deflate; client_no_context_takeover="),
        "permessage-deflate; client_max_window_bits; client_max_window_bits",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
    ],
)
def test_offer_is_declined_when_the_rfc_does_not_define_it(declined: str) -> None:
    assert agreement(declined) is None


@pytest.mark.parametrize(
    ("offers", "agreed"),
    [
        (None, None),
        ("permessage-deflate; server_max_window_bits=10", None),
        ("x-webkit-deflate-frame, Permessage-Deflate", AGREED_EXTENSION),
        ("permessage-deflate; server_max_window_bits=10, permessage-deflate", AGREED_EXTENSION),
        (
            "permessage-deflate; server_max_window_bits=15, permessage-deflate",
            f"{AGREED_EXTENSION}; server_max_window_bits=15",
        ),
    ],
)
def test_first_acceptable_offer_is_answered(offers: str | None, agreed: str | None) -> None:
    environ = {"HTTP_SEC_WEBSOCKET_KEY": KEY, **({} if offers is None else {"HTTP_SEC_WEBSOCKET_EXTENSIONS": offers})}

    text, compresses = answer(environ)

    assert compresses == (agreed is not None)
    assert ("Sec-WebSocket-Extensions" in text.decode()) == compresses
    assert not compresses or f"\r\nSec-WebSocket-Extensions: {agreed}\r\n" in text.decode()
