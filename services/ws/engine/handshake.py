"""The opening handshake of a WebSocket (RFC 6455), and the negotiation of compression (RFC 7692)."""

import base64
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from wsproto.utilities import generate_accept_token

from ws.engine_request import InvalidRequest, wants_websocket

#: Without context takeover each message is compressed separately, so clients with compression share one frame.
AGREED_EXTENSION: Final = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

#: Bytes of Sec-WebSocket-Key (RFC 6455, 4.1).
_KEY_BYTES: Final = 16
_VERSION: Final = "13"

_FLAGS: Final = ("server_no_context_takeover", "client_no_context_takeover")
#: Bits of the window in which shared frames are compressed.
_WINDOW_BITS: Final = "15"
_ALLOWED_BITS: Final = tuple(map(str, range(8, 16)))


def require_whole_upgrade(environ: Mapping[str, Any]) -> None:
    """Check a request for a WebSocket (RFC 6455, 4.2.1); other requests pass.

    Raises:
        Unacceptable: a header of the handshake is missing or wrong.
    """
    if not wants_websocket(environ):
        return
    if environ["SERVER_PROTOCOL"] == "HTTP/1.0" or environ["REQUEST_METHOD"] != "GET":
        raise InvalidRequest("a WebSocket handshake must be a GET request of HTTP/1.1")
    if "upgrade" not in [word.strip() for word in environ.get("HTTP_CONNECTION", "").lower().split(",")]:
        raise InvalidRequest("the header Connection does not contain Upgrade")
    if environ.get("HTTP_SEC_WEBSOCKET_VERSION") != _VERSION:
        version = ("Sec-WebSocket-Version", _VERSION)
        raise InvalidRequest(
            f"only version {_VERSION} of WebSocket is supported",
            ("Upgrade", "websocket"),
            version,
            status=HTTPStatus.UPGRADE_REQUIRED,
        )
    try:
        key = base64.b64decode(environ.get("HTTP_SEC_WEBSOCKET_KEY", ""), validate=True)
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise InvalidRequest(f"Sec-WebSocket-Key must be {_KEY_BYTES} bytes in base64")


def answer(environ: Mapping[str, str]) -> tuple[bytes, bool]:
    """Return the answer to a valid request for a WebSocket, and whether frames may be compressed."""
    token = generate_accept_token(environ["HTTP_SEC_WEBSOCKET_KEY"].encode("latin-1")).decode()
    lines = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {token}",
    ]
    offers = environ.get("HTTP_SEC_WEBSOCKET_EXTENSIONS", "").split(",")
    agreed = next(filter(None, map(agreement, offers)), None)
    if agreed is not None:
        lines.append(f"Sec-WebSocket-Extensions: {agreed}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1"), agreed is not None


def agreement(offer: str) -> str | None:
    """Return the answer to one offer of permessage-deflate (RFC 7692, 7.1); ``None`` declines the offer.

    An offer is declined if it demands a smaller window of the server, because clients share frames. An offer is also
    declined if a parameter is not defined in the RFC, occurs twice, or has a value that the RFC does not allow. The
    client's own window needs no answer: the largest window inflates data of all smaller windows.
    """
    name, *parameters = (part.strip() for part in offer.split(";"))
    if name.lower() != "permessage-deflate":
        return None
    answered = AGREED_EXTENSION
    seen = set()
    for parameter in parameters:
        key, equals, value = (part.strip() for part in parameter.partition("="))
        if value.startswith('"') and value.endswith('"'):
            value = value[1:-1]
        if key in seen:
            return None
        seen.add(key)
        match key:
            case _ if key in _FLAGS and not equals:
                pass
            case "server_max_window_bits" if value == _WINDOW_BITS:
                # 7.1.2.1: the answer must repeat the parameter.
                answered = f"{AGREED_EXTENSION}; server_max_window_bits={_WINDOW_BITS}"
            case "client_max_window_bits" if not equals or value in _ALLOWED_BITS:
                pass
            case _:
                return None
    return answered
