"""What is sent to clients, encoded once for all who get it, and the push: the one road by which it gets to them."""

import struct
import zlib
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

#: Bytes of a packet from which compressing it pays.
COMPRESSION_THRESHOLD_BYTES: Final = 512
#: zlib's level: 1 to 9.
COMPRESSION_LEVEL: Final = 3

_MESSAGE: Final = b"4"
_EVENT: Final = b"2"
_FINAL_TEXT: Final = 0x81
_COMPRESSED: Final = 0x40
_CLOSE: Final = 0x88
_PONG: Final = 0x8A
#: What a compressed message ends with, and RFC 7692 leaves out.
_EMPTY_BLOCK_BYTES: Final = 4


class EnginePacket:
    """One Engine.IO packet, in the frames that WebSockets carry it in; each is made when it is first wanted."""

    __slots__ = ("_compressed", "_plain", "clients", "replacement", "slot", "text")

    def __init__(
        self, text: bytes, slot: str | None = None, replacement: "Callable[[], EnginePacket] | None" = None
    ) -> None:
        self.text: Final = text
        #: Packets of one slot are states of the same thing: of those that wait for a slow client only the newest
        #: matters. ``None``: it is one of a log, or an answer, and must arrive.
        self.slot: Final = slot
        #: Makes the packet that a client gets instead if it misses one of the same slot before this one.
        self.replacement: Final = replacement
        #: How many clients got it together, in whose outboxes it is one object; 0 where it is not a broadcast.
        self.clients = 0
        self._plain: bytes | None = None
        self._compressed: bytes | None = None

    @property
    def plain(self) -> bytes:
        """The WebSocket frame."""
        if self._plain is None:
            self._plain = _frame(_FINAL_TEXT, self.text)
        return self._plain

    @property
    def compressed(self) -> bytes:
        """The WebSocket frame for clients that inflate, each message by itself; as it is where that does not pay."""
        if self._compressed is None:
            self._compressed = _compressed(self.text) or self.plain
        return self._compressed


class Event(EnginePacket):
    """A Socket.IO event with one argument, whose JSON is left as it is."""

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
        head = b"".join((_MESSAGE, _EVENT, prefix, b'["', name.encode(), b'",'))
        super().__init__(head + payload + b"]", None if slot is None else f"{namespace} {slot}", replacement)


class Group(NamedTuple):
    """Clients of one namespace that get the same broadcasts."""

    namespace: str
    name: str


class Push(Protocol):
    """Sends events: everything that a replica sends goes through it. A client that is gone is no error.

    None of its methods lets another greenlet run: a client that is sent the newest state and then joins a group has
    missed nothing in between and gets nothing twice.
    """

    def join(self, sid: str, group: Group) -> None:
        """Let the client get the group's broadcasts."""
        ...

    def leave(self, sid: str, group: Group) -> None:
        """Let the client get no more of the group's broadcasts; to be called too when it disconnects."""
        ...

    def broadcast(self, group: Group, event: Event) -> None:
        """Send an event to all clients of ``group``."""
        ...

    def send(self, sid: str, event: Event) -> None:
        """Send an event to one client."""
        ...

    def is_behind(self, sid: str, namespace: str) -> bool:
        """Whether the client has not yet taken all that it was sent, as far as that is known."""
        ...


def close_frame(code: int, reason: str) -> bytes:
    """The WebSocket frame that ends a connection."""
    return _frame(_CLOSE, struct.pack("!H", code) + reason.encode())


def pong_frame(payload: bytes) -> bytes:
    """The answer to a WebSocket ping."""
    return _frame(_PONG, payload)


def _frame(first: int, payload: bytes) -> bytes:
    length = len(payload)
    if length < 126:
        return struct.pack("!BB", first, length) + payload
    if length < 1 << 16:
        return struct.pack("!BBH", first, 126, length) + payload
    return struct.pack("!BBQ", first, 127, length) + payload


def _compressed(text: bytes) -> bytes | None:
    if len(text) < COMPRESSION_THRESHOLD_BYTES:
        return None
    compressor = zlib.compressobj(COMPRESSION_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    data = compressor.compress(text) + compressor.flush(zlib.Z_SYNC_FLUSH)
    return _frame(_FINAL_TEXT | _COMPRESSED, data[:-_EMPTY_BLOCK_BYTES])
