"""Two steps of decoding what comes from a channel, and one of encoding.

Step (a), ``require_object``: a JSON object as RFC 8259 has it, of bounded size. What passes may be handed to every
browser unchanged. Step (b), ``decode``: also valid as the channel's type. What passes may become state.
"""

import json
from typing import Final, NoReturn, TypeVar

import msgspec

from contract.messages import Alerts, Health, Snapshot
from contract.names import ALERTS_CHANNEL, HEALTH_CHANNEL, MESSAGE_LIMIT_BYTES, METRICS_CHANNEL
from contract.runtime.quoted import quoted

Message = Snapshot | Health | Alerts
M = TypeVar("M")

TYPE_OF_CHANNEL: Final[dict[str, type[Message]]] = {
    METRICS_CHANNEL: Snapshot,
    HEALTH_CHANNEL: Health,
    ALERTS_CHANNEL: Alerts,
}


class UndecodableMessage(ValueError):
    """Bytes that are not what their channel carries; keeps them in ``raw`` beside the ``reason``."""

    def __init__(self, raw: bytes, reason: str) -> None:
        super().__init__(f"{reason}: {quoted(raw)}")
        self.raw = raw
        self.reason = reason


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def require_object(raw: bytes) -> None:
    """Check step (a): valid UTF-8, an RFC 8259 object, at most ``MESSAGE_LIMIT_BYTES``.

    Raises:
        UndecodableMessage: it is not.
    """
    if len(raw) > MESSAGE_LIMIT_BYTES:
        raise UndecodableMessage(raw, f"longer than {MESSAGE_LIMIT_BYTES} bytes")
    try:
        # Numbers stay text: RFC 8259 bounds neither their size nor their precision.
        value = json.loads(raw.decode(), parse_constant=_refuse_constant, parse_int=str, parse_float=str)
    except RecursionError:
        raise UndecodableMessage(raw, "nested too deeply") from None
    except ValueError as error:
        raise UndecodableMessage(raw, f"not JSON ({error})") from None
    if not isinstance(value, dict):
        raise UndecodableMessage(raw, "not a JSON object")


def decode(raw: bytes, expected: type[M]) -> M:
    """Decode step (b): ``raw`` as the message type ``expected``, unknown fields ignored.

    Raises:
        UndecodableMessage: a field is missing, of another type, or out of its range.
    """
    try:
        return msgspec.json.decode(raw, type=expected)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UndecodableMessage(raw, f"not a {expected.__name__} ({error})") from None


def encode(message: object) -> bytes:
    """Encode a message as compact UTF-8 JSON. Infinities and NaN become ``null``."""
    return msgspec.json.encode(message)
