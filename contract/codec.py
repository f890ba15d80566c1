"""Decoding of channel messages in two steps, and encoding.

Step (a), ``require_object``: the message is an RFC 8259 JSON object of bounded size, so browsers may receive it
unchanged. Step (b), ``decode``: the message is also valid as the channel's type, so a service may keep it as state.
``try_decode`` does both steps at once for a message that passes both, in less than half the time.
"""

from collections.abc import Iterator
from itertools import repeat
from typing import Final, TypeVar

import msgspec

from contract.messages import Alerts, Health, Snapshot
from contract.names import ALERTS_CHANNEL, HEALTH_CHANNEL, MESSAGE_LIMIT_BYTES, METRICS_CHANNEL

Message = Snapshot | Health | Alerts
M = TypeVar("M")

#: Characters of the message, and of the JSON library's reason, that an error quotes.
QUOTED_LENGTH: Final = 80
REASON_LENGTH: Final = 200
#: Levels of nested arrays and objects.
DEPTH_LIMIT: Final = 64
#: Bytes that are checked without a pause: one longer check would stop all other threads.
_CHUNK_BYTES: Final = 256 * 1024
#: Arguments of ``bytes.translate``: braces become square brackets; only brackets and quotes stay.
_AS_SQUARE_BRACKETS: Final = bytes.maketrans(b"{}", b"[]")
_NEITHER_BRACKETS_NOR_QUOTES: Final = bytes(byte for byte in range(256) if byte not in b'[]{}"')
#: The bytes that open no array and no object.
_NOT_OPENING: Final = bytes(byte for byte in range(256) if byte not in b"[{")

TYPE_OF_CHANNEL: Final[dict[str, type[Message]]] = {
    METRICS_CHANNEL: Snapshot,
    HEALTH_CHANNEL: Health,
    ALERTS_CHANNEL: Alerts,
}


class UndecodableMessage(ValueError):
    """The bytes ``raw`` are not a message of their channel; ``reason`` explains why."""

    def __init__(self, raw: bytes, reason: str) -> None:
        super().__init__(f"{reason}: {_cut(repr(raw[: QUOTED_LENGTH + 1]), QUOTED_LENGTH)}")
        self.raw = raw
        self.reason = reason


def require_object(raw: bytes) -> None:
    """Check step (a): valid UTF-8, an RFC 8259 object, at most ``MESSAGE_LIMIT_BYTES`` long and ``DEPTH_LIMIT`` deep.

    The check builds no values: numbers may have any size, and a large message costs no memory.

    Raises:
        UndecodableMessage: the message breaks one of these rules.
    """
    if len(raw) > MESSAGE_LIMIT_BYTES:
        raise UndecodableMessage(raw, f"longer than {MESSAGE_LIMIT_BYTES} bytes")
    try:
        raw.decode()
        msgspec.json.decode(_without_surrogates(raw), type=msgspec.Raw)
    except RecursionError:
        raise UndecodableMessage(raw, "nested too deeply") from None
    except (ValueError, msgspec.MsgspecError) as error:
        raise UndecodableMessage(raw, f"not JSON ({_cut(str(error), REASON_LENGTH)})") from None
    if not raw.lstrip(b" \t\r\n").startswith(b"{"):
        raise UndecodableMessage(raw, "not a JSON object")
    if _is_deep(raw):
        raise UndecodableMessage(raw, "nested too deeply")


def _without_surrogates(json: bytes) -> bytes:
    # RFC 8259 allows half a surrogate pair (\\ud800) and msgspec refuses it, so other four digits replace it here.
    if b"\\" not in json:
        return json
    return json.replace(b"\\ud", b"\\u0").replace(b"\\uD", b"\\u0")


def _is_deep(json: bytes) -> bool:
    """Whether valid JSON is nested more deeply than ``DEPTH_LIMIT``."""
    brackets = _brackets(json)
    for _ in repeat(None, DEPTH_LIMIT):
        # Each time the innermost pairs go.
        brackets = brackets.replace(b"[]", b"")
        if not brackets:
            return False
    return True


def _brackets(json: bytes) -> bytes:
    """Return the brackets of valid JSON outside its strings, with ``{}`` written as ``[]``."""
    if b"\\" in json:
        json = json.replace(b"\\\\", b"").replace(b'\\"', b"")
    marks = json.translate(_AS_SQUARE_BRACKETS, _NEITHER_BRACKETS_NOR_QUOTES)
    # Without two quotes side by side, each bracket is inside or outside of strings as before. Usually no quote is left.
    marks = b"".join(chunk.replace(b'""', b"") for chunk in _chunks(marks))
    pieces: list[bytes] = []
    in_string = 0
    for chunk in _chunks(marks):
        parts = chunk.split(b'"')
        pieces.append(b"".join(parts[in_string::2]))
        in_string ^= (len(parts) - 1) & 1
    return b"".join(pieces)


def _chunks(data: bytes) -> Iterator[bytes]:
    return (data[begin : begin + _CHUNK_BYTES] for begin in range(0, len(data), _CHUNK_BYTES))


def decode(raw: bytes, expected: type[M]) -> M:
    """Decode step (b): ``raw`` as the message type ``expected``. Unknown fields are ignored.

    Raises:
        UndecodableMessage: a field is missing, has another type, or is out of its range.
    """
    try:
        return msgspec.json.decode(raw, type=expected)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UndecodableMessage(raw, f"not a {expected.__name__} ({_cut(str(error), REASON_LENGTH)})") from None


def try_decode(raw: bytes, expected: type[M]) -> M | None:
    """Return ``raw`` as ``expected`` if both steps accept it; ``None``: the two steps tell which of them refuses it.

    msgspec parses fields of ``expected`` as strictly as ``require_object``, and skips the values of unknown fields with
    the same checks, except for their encoding and their depth.
    """
    if len(raw) > MESSAGE_LIMIT_BYTES:
        return None
    try:
        if not raw.isascii():
            raw.decode()
        message = msgspec.json.decode(raw, type=expected)
    except (ValueError, msgspec.MsgspecError, RecursionError):
        return None
    return message if _is_flat(raw, message) or not _is_deep(raw) else None


def _is_flat(raw: bytes, message: object) -> bool:
    """Whether a look at the number of brackets is enough to know that valid ``raw`` is not too deep."""
    # At most one of the nodes is on the way to the deepest value.
    side_by_side = max(0, len(message.nodes) - 1) if isinstance(message, Snapshot) else 0
    return len(raw.translate(None, _NOT_OPENING)) - side_by_side <= DEPTH_LIMIT


def decode_checked(raw: bytes, expected: type[M]) -> M:
    """Decode a message that must pass both steps.

    Raises:
        UndecodableMessage: the message fails one of the steps.
    """
    message = try_decode(raw, expected)
    if message is None:
        require_object(raw)
        message = decode(raw, expected)
    return message


def prepare_types() -> None:
    """Make msgspec analyse every imported struct.

    msgspec analyses a type when it first decodes the type. The process crashes if two threads do so at the same time.
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
