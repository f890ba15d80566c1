"""Two steps of decoding what comes from a channel, and one of encoding.

Step (a), ``require_object``: a JSON object as RFC 8259 has it, of bounded size. What passes may be handed to every
browser unchanged. Step (b), ``decode``: also valid as the channel's type. What passes may become state.
"""

from itertools import repeat
from typing import Final, TypeVar

import msgspec

from contract.messages import Alerts, Health, Snapshot
from contract.names import ALERTS_CHANNEL, HEALTH_CHANNEL, MESSAGE_LIMIT_BYTES, METRICS_CHANNEL

Message = Snapshot | Health | Alerts
M = TypeVar("M")

#: Characters of a message that an error quotes, and of the reason that the JSON library gives.
QUOTED_LENGTH: Final = 80
REASON_LENGTH: Final = 200
#: Arrays and objects within each other.
DEPTH_LIMIT: Final = 64
#: Bytes that are looked at in one go: a thread that looks at more keeps all others waiting.
_PIECE_BYTES: Final = 256 * 1024
#: For ``bytes.translate``: brackets of one kind, and all other bytes.
_SAME_BRACKETS: Final = bytes.maketrans(b"{}", b"[]")
_OTHERS: Final = bytes(byte for byte in range(256) if byte not in b"[]{}")

TYPE_OF_CHANNEL: Final[dict[str, type[Message]]] = {
    METRICS_CHANNEL: Snapshot,
    HEALTH_CHANNEL: Health,
    ALERTS_CHANNEL: Alerts,
}


class UndecodableMessage(ValueError):
    """Bytes that are not what their channel carries; keeps them in ``raw`` beside the ``reason``."""

    def __init__(self, raw: bytes, reason: str) -> None:
        super().__init__(f"{reason}: {_cut(repr(raw[: QUOTED_LENGTH + 1]), QUOTED_LENGTH)}")
        self.raw = raw
        self.reason = reason


def require_object(raw: bytes) -> None:
    """Check step (a): valid UTF-8, an RFC 8259 object, at most ``MESSAGE_LIMIT_BYTES`` and ``DEPTH_LIMIT`` deep.

    Nothing is made of the values: numbers may have any size, and a large message costs no memory.

    Raises:
        UndecodableMessage: it is not.
    """
    if len(raw) > MESSAGE_LIMIT_BYTES:
        raise UndecodableMessage(raw, f"longer than {MESSAGE_LIMIT_BYTES} bytes")
    try:
        raw.decode()
        # RFC 8259 allows half a surrogate pair (\\ud800) and msgspec does not; any other four digits are as valid.
        msgspec.json.decode(raw.replace(b"\\ud", b"\\u0").replace(b"\\uD", b"\\u0"), type=msgspec.Raw)
    except RecursionError:
        raise UndecodableMessage(raw, "nested too deeply") from None
    except (ValueError, msgspec.MsgspecError) as error:
        raise UndecodableMessage(raw, f"not JSON ({_cut(str(error), REASON_LENGTH)})") from None
    if not raw.lstrip(b" \t\r\n").startswith(b"{"):
        raise UndecodableMessage(raw, "not a JSON object")
    if _is_deep(raw):
        raise UndecodableMessage(raw, "nested too deeply")


def _is_deep(json: bytes) -> bool:
    """Whether valid JSON is nested more deeply than ``DEPTH_LIMIT``."""
    if json.count(b"[") + json.count(b"{") <= DEPTH_LIMIT:
        return False
    brackets = _brackets(json)
    for _ in repeat(None, DEPTH_LIMIT):
        # Each time the innermost pairs go.
        brackets = brackets.replace(b"[]", b"")
        if not brackets:
            return False
    return True


def _brackets(json: bytes) -> bytes:
    """The brackets of valid JSON that stand outside of strings, ``{}`` written as ``[]``."""
    json = json.replace(b"\\\\", b"").replace(b'\\"', b"")
    pieces: list[bytes] = []
    in_string = 0
    for begin in range(0, len(json), _PIECE_BYTES):
        parts = json[begin : begin + _PIECE_BYTES].split(b'"')
        pieces.append(b"".join(parts[in_string::2]).translate(_SAME_BRACKETS, _OTHERS))
        in_string ^= (len(parts) - 1) & 1
    return b"".join(pieces)


def decode(raw: bytes, expected: type[M]) -> M:
    """Decode step (b): ``raw`` as the message type ``expected``, unknown fields ignored.

    Raises:
        UndecodableMessage: a field is missing, of another type, or out of its range.
    """
    try:
        return msgspec.json.decode(raw, type=expected)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UndecodableMessage(raw, f"not a {expected.__name__} ({_cut(str(error), REASON_LENGTH)})") from None


def prepare_types() -> None:
    """Have msgspec look at every struct that is imported by now.

    It looks at a type when that is decoded for the first time. Where two threads do so at once, the process crashes.
    """
    structs = list(msgspec.Struct.__subclasses__())
    for struct in structs:
        structs += struct.__subclasses__()
        msgspec.json.Decoder(struct)


def encode(message: object) -> bytes:
    """Encode a message as compact UTF-8 JSON. Infinities and NaN become ``null``."""
    return msgspec.json.encode(message)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
