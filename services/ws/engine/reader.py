"""Reads a client's WebSocket data, which may be anything, into complete messages of limited size.

wsproto parses the protocol; this module adds the limits. The reader rejects a frame by its announced length, before the
payload arrives. A compressed message stays compressed until it is complete, and is inflated up to a limit: a few bytes
may inflate to many, and only a subscription may be long.
"""

import re
import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

from wsproto.extensions import Extension
from wsproto.frame_protocol import CloseReason, FrameDecoder, FrameProtocol, Opcode, ParseFailed, RsvBits

from contract.events import MONITORING_NAMESPACE, SUBSCRIBE_TO_UPDATES

#: Pieces of a message that are kept before they are joined.
PIECES_LIMIT: Final = 64
#: Most frames of one message.
FRAGMENTS_LIMIT: Final = 1000
#: Unused readers that the pool keeps.
SPARE_READERS: Final = 8
#: Most bytes of an inflated message that is not a subscription.
INFLATED_LIMIT_BYTES: Final = 4096

_MASKED_HEADER_BYTES: Final = 6
_END_OF_MESSAGE: Final = b"\x00\x00\xff\xff"
#: Beginning of messages that may contain a subscription: a CONNECT packet with ``auth``, or a request to subscribe.
#: The Engine.IO packet type comes first, then the Socket.IO packet.
_SUBSCRIPTION: Final = re.compile(
    rf'4(?:0{MONITORING_NAMESPACE},|2{MONITORING_NAMESPACE},\d*\[\s*"{SUBSCRIBE_TO_UPDATES}")'.encode()
)


class ProtocolViolation(Exception):
    """The client sent invalid data; ``code`` is the WebSocket close code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason


class TextMessage(NamedTuple):
    """A complete text message."""

    text: str


class PingFrame(NamedTuple):
    """A ping; the pong must have the same payload."""

    payload: bytes


class CloseFrame(NamedTuple):
    """The client closes the connection; ``code`` is 1005 if the frame has no code."""

    code: int


class LongMessage(NamedTuple):
    """A compressed subscription of more than ``INFLATED_LIMIT_BYTES``; the next item is the inflated message."""


ReceivedItem = TextMessage | LongMessage | PingFrame | CloseFrame


class Reader:
    """Reads the messages of one client.

    ``limit_bytes`` limits a message, both compressed and inflated. ``inflates``: whether messages may be compressed
    (without context takeover).
    """

    __slots__ = ("_bytes", "_limit_bytes", "_limits", "_pieces", "_protocol")

    def __init__(self, *, limit_bytes: int, inflates: bool) -> None:
        self._limit_bytes = limit_bytes
        self._limits = _MessageLimits(limit_bytes, inflates)
        self._protocol = FrameProtocol(client=False, extensions=[self._limits])
        self._pieces: list[str] = []
        self._bytes = 0

    @property
    def kept_bytes(self) -> int:
        """Approximate bytes that the reader keeps of an incomplete message and of unread frames."""
        unread = max(0, self._bytes - self._limits.frame_bytes)
        return sum(map(size_of, self._pieces)) + len(self._limits.deflated) + unread

    @property
    def is_between_messages(self) -> bool:
        """Whether the reader keeps no data, so that it can read for another client."""
        return self._bytes == self._limits.frame_bytes and not self._limits.is_in_message

    def receive(self, data: bytes) -> Iterator[ReceivedItem]:
        """Read ``data``; yield the complete items. A message is inflated when the caller requests the next item.

        Raises:
            ProtocolViolation: the data is invalid; the reader cannot be used any more.
        """
        self._bytes += len(data)
        self._protocol.receive_bytes(data)
        try:
            for frame in self._protocol.received_frames():
                match frame.opcode:
                    case Opcode.TEXT if self._limits.is_compressed:
                        if frame.message_finished:
                            yield from self._inflated()
                    case Opcode.TEXT:
                        self._keep(str(frame.payload))
                        if frame.message_finished:
                            text = "".join(self._pieces)
                            self._pieces.clear()
                            yield TextMessage(text)
                    case Opcode.PING:
                        yield PingFrame(bytes(frame.payload))  # type: ignore[arg-type]
                    case Opcode.CLOSE:
                        yield CloseFrame(int(frame.payload[0]))
                    case Opcode.BINARY:
                        raise ProtocolViolation(CloseReason.UNSUPPORTED_DATA, "only text")
        except ParseFailed as error:
            reason = "too big" if error.code == CloseReason.MESSAGE_TOO_BIG else "not a WebSocket"
            raise ProtocolViolation(error.code, reason) from None

    def _inflated(self) -> Iterator[ReceivedItem]:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            data = inflater.decompress(self._limits.deflated + _END_OF_MESSAGE, INFLATED_LIMIT_BYTES + 1)
            if len(data) > INFLATED_LIMIT_BYTES:
                if not _SUBSCRIPTION.match(data):
                    raise ProtocolViolation(CloseReason.MESSAGE_TOO_BIG, "too big")
                yield LongMessage()
                data += inflater.decompress(inflater.unconsumed_tail, self._limit_bytes - len(data) + 1)
            text = data.decode()
        except (zlib.error, UnicodeDecodeError):
            raise ProtocolViolation(CloseReason.INVALID_FRAME_PAYLOAD_DATA, "not a WebSocket") from None
        if len(data) > self._limit_bytes:
            raise ProtocolViolation(CloseReason.MESSAGE_TOO_BIG, "too big")
        self._limits.forget()
        yield TextMessage(text)

    def _keep(self, piece: str) -> None:
        self._pieces.append(piece)
        if len(self._pieces) > PIECES_LIMIT:
            # A string of one character takes as much memory as one of eighty.
            self._pieces[:] = ["".join(self._pieces)]


class ReaderPool:
    """Readers for sockets that have data; a client with an incomplete message keeps its reader.

    ``limit_bytes`` limits a message.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes: Final = limit_bytes
        self._spare: Final[dict[bool, list[Reader]]] = {False: [], True: []}

    def borrow(self, inflates: bool) -> Reader:
        """Return a reader that is between messages."""
        spare = self._spare[inflates]
        return spare.pop() if spare else Reader(limit_bytes=self.limit_bytes, inflates=inflates)

    def give_back(self, reader: Reader, inflates: bool) -> None:
        """Take back a reader that is between messages."""
        if len(self._spare[inflates]) < SPARE_READERS:
            self._spare[inflates].append(reader)


class _MessageLimits(Extension):
    """Checks every frame of a message, and keeps the data of compressed messages."""

    name = "permessage-deflate"

    def __init__(self, limit_bytes: int, inflates: bool) -> None:
        self._limit_bytes = limit_bytes
        self._inflates = inflates
        #: Bytes of all frames that have begun, including headers.
        self.frame_bytes = 0
        self.is_in_message = False
        self._in_frame = False
        self._reserved = RsvBits(False, False, False)
        self._is_control = False
        self._fragments = 0
        self._announced = 0
        self.is_compressed = False
        #: Received part of a compressed message.
        self.deflated = bytearray()

    def enabled(self) -> bool:
        return True

    def offer(self) -> bool:
        return False

    def frame_inbound_header(
        self, proto: FrameDecoder | FrameProtocol, opcode: Opcode, rsv: RsvBits, payload_length: int
    ) -> CloseReason | RsvBits:
        if self._in_frame:
            # wsproto calls this again if the header arrived in pieces.
            return self._reserved
        self._in_frame = True
        self._reserved = RsvBits(False, False, False)
        self.frame_bytes += _MASKED_HEADER_BYTES + (0 if payload_length < 126 else 2 if payload_length < 1 << 16 else 8)
        self.frame_bytes += payload_length
        self._is_control = opcode.iscontrol()
        if self._is_control:
            return self._reserved
        if opcode is not Opcode.CONTINUATION:
            self.is_in_message = True
            self._fragments = self._announced = 0
            self.is_compressed = rsv.rsv1 and self._inflates
        self._fragments += 1
        self._announced += payload_length
        if self._announced > self._limit_bytes or self._fragments > FRAGMENTS_LIMIT:
            return CloseReason.MESSAGE_TOO_BIG
        self._reserved = RsvBits(self._inflates and opcode is not Opcode.CONTINUATION, False, False)
        return self._reserved

    def frame_inbound_payload_data(self, proto: FrameDecoder | FrameProtocol, data: bytes) -> bytes | CloseReason:
        if self._is_control or not self.is_compressed:
            return data
        self.deflated += data
        return b""

    def frame_inbound_complete(self, proto: FrameDecoder | FrameProtocol, fin: bool) -> bytes | CloseReason | None:
        self._in_frame = False
        if not self._is_control and fin:
            self.is_in_message = False
        return None

    def forget(self) -> None:
        """Discard the data of the compressed message."""
        self.deflated = bytearray()


def size_of(text: str) -> int:
    """Return the most bytes of memory that a text takes."""
    return len(text) if text.isascii() else 4 * len(text)
