"""Socket.IO packets: a check of clients' packets, and JSON that is sent as it was published."""

from typing import Any, Final

import msgspec
import socketio

_RESERVED: Final = ("connect", "disconnect")
_encoder: Final = msgspec.json.Encoder()
_packet: Any = socketio.packet
_Packet: Any = _packet.Packet


class RawJson:
    """An encoded JSON value, which becomes an argument of an event unchanged."""

    __slots__ = ("text",)

    def __init__(self, encoded: bytes) -> None:
        self.text = encoded.decode()


class Json:
    """The ``json`` of ``socketio.Server``, which keeps the bytes of published messages.

    Decoding and encoding a message again would change it (``1.0`` to ``1``, ``1e999`` to ``Infinity``, the order of
    keys), and take time.
    """

    @staticmethod
    def dumps(value: Any, **_options: Any) -> str:
        """Encode compactly; a ``RawJson`` in a list, such as the arguments of an event, is inserted unchanged."""
        if isinstance(value, list):
            return f"[{','.join(item.text if isinstance(item, RawJson) else _encoded(item) for item in value)}]"
        return _encoded(value)

    @staticmethod
    def loads(text: str | bytes, **_options: Any) -> Any:
        """Decode RFC 8259 JSON, without ``NaN`` and with limited depth.

        Raises:
            ValueError: the text is not valid JSON.
        """
        try:
            return msgspec.json.decode(text)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise ValueError(str(error)) from None


class MalformedPacket(ValueError):
    """A client sent an invalid packet, or a packet that clients must not send; the connection must be closed."""


class SocketIOPacket(_Packet):  # type: ignore[misc]
    """The ``serializer`` of ``socketio.Server``, which rejects all packets that have no meaning for this service.

    python-socketio also accepts attachments without a limit, which our events do not have, and events with the names
    ``connect`` and ``disconnect``, by which a client could call the handlers of the server.
    """

    json = Json

    def decode(self, encoded_packet: Any) -> int:
        """Decode a packet.

        Raises:
            MalformedPacket: the packet is not valid, or a client must not send it.
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
