"""Packets for clients, each encoded once for all recipients, and ``Push``, by which all events are sent."""

import struct
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

from ws.deflate import deflated

#: Bytes of the shortest packet that is compressed.
COMPRESSION_THRESHOLD_BYTES: Final = 512

_MESSAGE: Final = b"4"
_EVENT: Final = b"2"
_FINAL_TEXT: Final = 0x81
_COMPRESSED: Final = 0x40
_CLOSE: Final = 0x88
_PONG: Final = 0x8A


class EnginePacket:
    """One Engine.IO packet and its WebSocket frames, which are made at their first use."""

    __slots__ = ("_compressed", "_plain", "clients", "replacement", "slot", "text")

    def __init__(
        self, text: bytes, slot: str | None = None, replacement: "Callable[[], EnginePacket] | None" = None
    ) -> None:
        self.text: Final = text
        #: Packets of the same slot are successive states: a slow client gets only the newest that waits. ``None``:
        #: the packet is a log entry or an answer, which every recipient must get.
        self.slot: Final = slot
        #: Makes the packet for a client that missed the previous packet of the slot.
        self.replacement: Final = replacement
        #: Number of recipients of a broadcast; their outboxes share this object. 0 for other packets.
        self.clients = 0
        self._plain: bytes | None = None
        self._compressed: bytes | None = None

    @property
    def plain(self) -> bytes:
        """The uncompressed WebSocket frame."""
        if self._plain is None:
            self._plain = _frame(_FINAL_TEXT, self.text)
        return self._plain

    @property
    def compressed(self) -> bytes:
        """The compressed WebSocket frame, without context takeover; the plain frame if the packet is short."""
        if self._compressed is None:
            self._compressed = _compressed(self.text, self.clients) or self.plain
        return self._compressed


class Event(EnginePacket):
    """A Socket.IO event with one argument; its JSON is not changed."""

    __slots__ = ("namespace",)

    def __init__(
        self,
        namespace: str,
        name: str,
        payload: bytes,
        slot: str | None = None,
        replacement: "Callable[[], EnginePacket] | None" = None,
    ) -> None:
        self.namespace: Final = namespace
        prefix = b"" if namespace == "/" else namespace.encode() + b","
        text = b"".join((_MESSAGE, _EVENT, prefix, b'["', name.encode(), b'",', payload, b"]"))
        super().__init__(text, None if slot is None else f"{namespace} {slot}", replacement)


class Group(NamedTuple):
    """A group of clients of one namespace that get the same broadcasts."""

    namespace: str
    name: str


class Push(Protocol):
    """Sends all events of a replica. Unknown clients are ignored.

    No method lets another greenlet run. So a client that gets the newest state and then joins a group misses no
    broadcast in between and gets no broadcast twice.
    """

    def join(self, sid: str, group: Group) -> None:
        """Add a client to a group."""
        ...

    def leave(self, sid: str, group: Group) -> None:
        """Remove a client from a group; callers also do this when the client disconnects."""
        ...

    def broadcast(self, group: Group, event: Event) -> None:
        """Send an event to all clients of a group."""
        ...

    def send(self, sid: str, event: Event) -> None:
        """Send an event to one client."""
        ...

    def is_behind(self, sid: str, namespace: str) -> bool:
        """Whether packets wait for the client in the replica."""
        ...


def close_frame(code: int, reason: str) -> bytes:
    """Return a WebSocket close frame."""
    return _frame(_CLOSE, struct.pack("!H", code) + reason.encode())


def pong_frame(payload: bytes) -> bytes:
    """Return a WebSocket pong frame."""
    return _frame(_PONG, payload)


def _frame(first_byte: int, payload: bytes) -> bytes:
    length = len(payload)
    if length < 126:
        return struct.pack("!BB", first_byte, length) + payload
    if length < 1 << 16:
        return struct.pack("!BBH", first_byte, 126, length) + payload
    return struct.pack("!BBQ", first_byte, 127, length) + payload


def _compressed(text: bytes, clients: int) -> bytes | None:
    if len(text) < COMPRESSION_THRESHOLD_BYTES:
        return None
    return _frame(_FINAL_TEXT | _COMPRESSED, deflated(text, clients))
