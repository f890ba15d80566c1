"""Socket.IO's packets: what clients may send, and JSON whose bytes stay as they were published."""

from typing import Any, Final

import msgspec
import socketio

_RESERVED: Final = ("connect", "disconnect")
_encoder: Final = msgspec.json.Encoder()
_packet: Any = socketio.packet
_Packet: Any = _packet.Packet


class RawJson:
    """The text of one JSON value, to be put among the arguments of an event as it is."""

    __slots__ = ("text",)

    def __init__(self, encoded: bytes) -> None:
        self.text = encoded.decode()


class Json:
    """JSON for python-socketio, to be given to ``socketio.Server`` as its ``json``.

    It leaves a message's bytes as they were published. Decoding and encoding again would change them (``1.0`` to ``1``,
    ``1e999`` to ``Infinity``, the order of keys), and cost the time of it.
    """

    @staticmethod
    def dumps(value: Any, **_options: Any) -> str:
        """Encode compactly; a ``Raw`` in a list, as the arguments of an event are, becomes its own text."""
        if isinstance(value, list):
            return f"[{','.join(item.text if isinstance(item, RawJson) else _encoded(item) for item in value)}]"
        return _encoded(value)

    @staticmethod
    def loads(text: str | bytes, **_options: Any) -> Any:
        """Decode RFC 8259 JSON: no ``NaN``, no depth that ends the interpreter.

        Raises:
            ValueError: it is none.
        """
        try:
            return msgspec.json.decode(text)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise ValueError(str(error)) from None


class MalformedPacket(ValueError):
    """A client sent what is no packet, or one that clients do not send. The protocol asks to end the connection."""


class SocketIOPacket(_Packet):  # type: ignore[misc]
    """Refuses every packet that has no meaning here; to be given to ``socketio.Server`` as its ``serializer``.

    What python-socketio would take besides: attachments without end, which no event of ours has, and ``connect`` and
    ``disconnect`` as events, with which a client could call the handlers of the server itself.
    """

    json = Json

    def decode(self, encoded_packet: Any) -> int:
        """Decode a packet.

        Raises:
            Malformed: it is none, or one that no client of ours sends.
        """
        if not isinstance(encoded_packet, str):
            raise MalformedPacket("not text")
        try:
            super().decode(encoded_packet)
        except ValueError as error:
            raise MalformedPacket(str(error)) from error
        match self.packet_type:
            case _packet.CONNECT if self.data is None or isinstance(self.data, dict):
                return 0
            case _packet.EVENT if _is_event(self.data):
                return 0
            case _packet.ACK | _packet.DISCONNECT:
                return 0
        raise MalformedPacket("not a packet that a client sends")


def _is_event(data: Any) -> bool:
    return isinstance(data, list) and bool(data) and isinstance(data[0], str) and data[0] not in _RESERVED


def _encoded(value: Any) -> str:
    return _encoder.encode(value).decode()
