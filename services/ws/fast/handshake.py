"""The answer to the request for a WebSocket (RFC 6455), and what is agreed on compression (RFC 7692)."""

from collections.abc import Mapping
from typing import Final

from wsproto.utilities import generate_accept_token

#: Without context takeover a message is compressed by itself: one frame serves all who inflate.
AGREED: Final = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

_WINDOW_BITS: Final = "15"


def answer(environ: Mapping[str, str]) -> tuple[bytes, bool]:
    """Return the answer to a request that is known to be one for a WebSocket, and whether frames may be compressed."""
    token = generate_accept_token(environ["HTTP_SEC_WEBSOCKET_KEY"].encode("latin-1")).decode()
    lines = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {token}",
    ]
    compresses = any(map(_is_acceptable, environ.get("HTTP_SEC_WEBSOCKET_EXTENSIONS", "").split(",")))
    if compresses:
        lines.append(f"Sec-WebSocket-Extensions: {AGREED}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1"), compresses


def _is_acceptable(offer: str) -> bool:
    """Whether a client that offers this can read frames that are compressed for all.

    An offer that asks for a smaller window of ours cannot be met by a shared frame; one that says what RFC 7692 does
    not know has to be declined.
    """
    name, *parameters = (part.strip().lower() for part in offer.split(";"))
    if name != "permessage-deflate":
        return False
    seen = set()
    for parameter in parameters:
        key, _, value = (part.strip().strip('"') for part in parameter.partition("="))
        if key in seen:
            return False
        seen.add(key)
        match key:
            case "server_no_context_takeover" | "client_no_context_takeover" if not value:
                pass
            case "server_max_window_bits" if value == _WINDOW_BITS:
                pass
            case "client_max_window_bits" if not value or (value.isdecimal() and 8 <= int(value) <= 15):
                pass
            case _:
                return False
    return True
