"""The upgrade of a session from polling to a WebSocket, after an upgrade probe: one packet in each direction.

Source: https://github.com/socketio/socket.io/blob/main/docs/engine.io-protocol/v4-current.md
"""

import os
import time
from typing import Final

from wsproto.frame_protocol import CloseReason

from ws import loop
from ws.engine.closing import ClosingSocket
from ws.engine.inbox import Inbox
from ws.engine.reader import PingFrame, ProtocolViolation, TextMessage
from ws.engine.session import Session
from ws.engine.session_context import SessionContext
from ws.event import EnginePacket, close_frame, pong_frame
from ws.loop import read, write

#: Bytes of one read.
READ_BYTES: Final = 4 * 1024
#: Most WebSocket pings before the upgrade; these pings are not counted in a quota.
PINGS_LIMIT: Final = 16
#: Bytes of the longest packet before the upgrade.
LONGEST_PACKET_BYTES: Final = 16
#: Seconds between the answer to the upgrade probe and the end of the waiting poll.
NOOP_DELAY_SECONDS: Final = 0.1

_PROBE_ANSWER: Final = EnginePacket(b"3probe")


class UpgradeProbe:
    """A WebSocket that becomes the transport of the session, or is closed.

    Until then, the session continues to poll.
    """

    __slots__ = ("_answered", "_compresses", "_context", "_fd", "_pings", "_reader", "_session", "deadline")

    def __init__(
        self,
        context: SessionContext,
        session: Session,
        fd: int,
        compresses: bool,
        greeting: bytes,
        patience_seconds: float,
    ) -> None:
        self._context = context
        self._session = session
        self._fd = fd
        self._compresses = compresses
        self._answered = False
        self._pings = 0
        self._reader = context.reader_pool.borrow(compresses)
        self.deadline = time.monotonic() + patience_seconds
        context.socket_monitor.add(fd, self)
        context.transient_sockets.add(self)
        try:
            self._write(greeting)
        except OSError:
            self.end()

    def readable(self) -> None:
        """Read the upgrade probe, then the upgrade packet."""
        session = self._session
        try:
            data = read(self._fd, READ_BYTES)
            if not data:
                raise ConnectionResetError
            received = self._reader.receive(data)
            for item in received:
                match item:
                    case TextMessage("2probe") if session.polling is not None and not self._answered:
                        self._answered = True
                        self._write(_PROBE_ANSWER.plain)
                        loop.spawn("end of a poll", self._end_poll)
                    case TextMessage("5") if session.polling is not None and self._answered and not session.closed:
                        self._detach()
                        session.open_websocket(self._fd, self._compresses)
                        if not session.closed:
                            session.inbox = Inbox(self._context, session, self._reader)
                            session.inbox.process(received)
                        return
                    case PingFrame(data) if self._pings < PINGS_LIMIT:
                        self._pings += 1
                        self._write(pong_frame(data))
                    case _:
                        raise ProtocolViolation(CloseReason.PROTOCOL_ERROR, "not a probe")
            if self._reader.kept_bytes > LONGEST_PACKET_BYTES:
                raise ProtocolViolation(CloseReason.PROTOCOL_ERROR, "not a probe")
        except BlockingIOError:
            pass
        except ProtocolViolation as violation:
            self._context.counters.malformed_packets += 1
            self._detach()
            ClosingSocket(self._context, self._fd, memoryview(b""), close_frame(violation.code, violation.reason))
        except OSError:
            self.end()

    def writable(self) -> None:
        """Do nothing: the socket monitor does not watch this event."""

    def end(self) -> None:
        """Abandon the upgrade."""
        self._detach()
        os.close(self._fd)

    def _write(self, frame: bytes) -> None:
        # A new socket accepts these few bytes, unless the connection is lost.
        if write(self._fd, frame) != len(frame):
            raise ConnectionResetError

    def _end_poll(self) -> None:
        """End the waiting poll; the client sends the upgrade packet after its end."""
        # A client that gets the poll's answer before that to its probe would begin another poll.
        time.sleep(NOOP_DELAY_SECONDS)
        if self._session.polling is not None:
            self._session.polling.request_noop()

    def _detach(self) -> None:
        self._context.transient_sockets.discard(self)
        self._context.socket_monitor.remove(self._fd)
