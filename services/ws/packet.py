"""Socket.IO packets as clients may send them; to be given to ``socketio.Server`` as its ``serializer``.

What python-socketio would take besides: attachments without end, which no event of ours has, and ``connect`` and
``disconnect`` as events, with which a client could call the handlers of the server itself.
"""

from typing import Any, Final

import socketio

from ws import payload

_RESERVED: Final = ("connect", "disconnect")
_packet: Any = socketio.packet
_Packet: Any = _packet.Packet


class Malformed(ValueError):
    """A client sent what is no packet, or one that clients do not send. The protocol asks to end the connection."""


class Packet(_Packet):  # type: ignore[misc]
    """Refuses every packet that has no meaning here."""

    json = payload

    def decode(self, encoded_packet: Any) -> int:
        """Decode a packet.

        Raises:
            Malformed: it is none, or one that no client of ours sends.
        """
        if not isinstance(encoded_packet, str):
            raise Malformed("not text")
        try:
            super().decode(encoded_packet)
        except ValueError as error:
            raise Malformed(str(error)) from error
        match self.packet_type:
            case _packet.CONNECT if self.data is None or isinstance(self.data, dict):
                return 0
            case _packet.EVENT if _is_event(self.data):
                return 0
            case _packet.ACK | _packet.DISCONNECT:
                return 0
        raise Malformed("not a packet that a client sends")


def _is_event(data: Any) -> bool:
    return isinstance(data, list) and bool(data) and isinstance(data[0], str) and data[0] not in _RESERVED
