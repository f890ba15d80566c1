"""A WebSocket that wants to take the place of a session's polls, and says so with a packet each way."""

import os
import time
from typing import TYPE_CHECKING, Final

from ws.event import Packet, close_frame, pong_frame
from ws.fast.codes import PROTOCOL_ERROR
from ws.fast.farewell import Farewell
from ws.fast.reader import Broken, Message, Ping
from ws.loop import read, write

if TYPE_CHECKING:
    from ws.fast.engine import Engine
    from ws.fast.session import Session

#: Bytes read at a time.
READ_BYTES: Final = 4 * 1024
#: Bytes of the longest packet before the session goes on here.
LONGEST_BYTES: Final = 16

_PROBED: Final = Packet(b"3probe")


class Probe:
    """It becomes the session's, or is closed, and the session goes on with its polls."""

    __slots__ = ("_compresses", "_engine", "_fd", "_reader", "_session", "deadline")

    def __init__(self, owner: "Engine", session: "Session", fd: int, compresses: bool, greeting: bytes) -> None:
        self._engine = owner
        self._session = session
        self._fd = fd
        self._compresses = compresses
        self._reader = owner.readers.borrow(compresses)
        self.deadline = time.monotonic() + owner.ping_timeout
        owner.poller.add(fd, self)
        owner.passing.add(self)
        try:
            self._write(greeting)
        except OSError:
            self.end()

    def readable(self) -> None:
        """Read the probe, then the word to go on."""
        session = self._session
        try:
            data = read(self._fd, READ_BYTES)
            if not data:
                raise ConnectionResetError
            received = self._reader.receive(data)
            for item in received:
                match item:
                    case Message("2probe") if not session.upgraded and not session.closed:
                        session.probed()
                        self._write(_PROBED.plain)
                    case Message("5") if session.upgrading and not session.closed:
                        self._let_go()
                        session.open(self._fd, self._compresses)
                        session.read(self._reader, received)
                        return
                    case Ping(data):
                        self._write(pong_frame(data))
                    case _:
                        raise Broken(PROTOCOL_ERROR, "not a probe")
            if self._reader.kept_bytes > LONGEST_BYTES:
                raise Broken(PROTOCOL_ERROR, "not a probe")
        except BlockingIOError:
            pass
        except Broken as broken:
            self._engine.counters.malformed_packets += 1
            self._give_up()
            Farewell(self._engine, self._fd, memoryview(b""), close_frame(broken.code, broken.reason))
        except OSError:
            self.end()

    def writable(self) -> None:
        """Never waited for."""

    def end(self) -> None:
        """Give up."""
        self._give_up()
        os.close(self._fd)

    def _write(self, frame: bytes) -> None:
        # A new socket takes these few bytes, or is none.
        if write(self._fd, frame) != len(frame):
            raise ConnectionResetError

    def _give_up(self) -> None:
        self._session.upgrading = False
        self._let_go()

    def _let_go(self) -> None:
        self._engine.passing.discard(self)
        self._engine.poller.remove(self._fd)
