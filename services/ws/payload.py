"""JSON for python-socketio that leaves a message's bytes as they were published.

Decoding and encoding again would change them (``1.0`` to ``1``, ``1e999`` to ``Infinity``, the order of keys), and cost
the time of it. To be given to ``socketio.Server`` as its ``json``.
"""

from typing import Any, Final

import msgspec

_encoder: Final = msgspec.json.Encoder()


class Raw:
    """The text of one JSON value, to be put among the arguments of an event as it is."""

    __slots__ = ("text",)

    def __init__(self, encoded: bytes) -> None:
        self.text = encoded.decode()


def dumps(value: Any, **_options: Any) -> str:
    """Encode compactly; a ``Raw`` in a list, as the arguments of an event are, becomes its own text."""
    if isinstance(value, list):
        return f"[{','.join(item.text if isinstance(item, Raw) else _encoded(item) for item in value)}]"
    return _encoded(value)


def loads(text: str | bytes, **_options: Any) -> Any:
    """Decode RFC 8259 JSON: no ``NaN``, no depth that ends the interpreter.

    Raises:
        ValueError: it is none.
    """
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(str(error)) from None


def _encoded(value: Any) -> str:
    return _encoder.encode(value).decode()
