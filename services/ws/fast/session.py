"""One Engine.IO connection: polling at first or a WebSocket at once, and what it costs while nothing happens.

Nothing here lets another greenlet run, except the poll of a client that waits and the answers to what a client asks
for.
"""

import os
import time
from typing import Final

from ws.event import Packet, close_frame
from ws.fast.codes import GOING_AWAY, PROTOCOL_ERROR
from ws.fast.farewell import Farewell
from ws.fast.inbox import Inbox
from ws.fast.outgoing import Outgoing
from ws.fast.polling import CLOSE, NOOP, Polls
from ws.fast.reader import Broken
from ws.fast.shared import Shared
from ws.loop import read

#: Bytes read at a time.
READ_BYTES: Final = 16 * 1024
#: And where the client, or another of its address, has sent more packets than it may: a pong or two. What is read is
#: taken apart before it is counted, and there may be thousands of such clients.
LITTLE_BYTES: Final = 256
#: Seconds after which a message that waits is given up where its client is gone.
LONGEST_PAUSE_SECONDS: Final = 1.0

_PING: Final = Packet(b"2")
#: By the reason of a session's end, what a poll that waits is answered: others get 400.
_LAST_WORDS: Final = {"client": NOOP, "repeated": CLOSE}


class Session(Outgoing):
    """What it reads, and its life. Engine.IO's own socket has the same methods as far as its server calls them."""

    __slots__ = ("awaits_pong", "inbox", "sid", "spoke")

    def __init__(self, shared: Shared, sid: str, polls: Polls | None) -> None:
        """``polls`` is ``None`` where the session begins with a WebSocket."""
        super().__init__(shared, polls)
        self.sid: Final = sid
        #: What came by WebSocket and is not yet handled; ``None`` while there is nothing.
        self.inbox: Inbox | None = None
        #: Where its pings come from.
        self.spoke = 0
        self.awaits_pong = False

    # -- from the client

    def readable(self) -> None:
        """Read what the client sent."""
        try:
            data = b"" if self._is_busy else read(self.fd, self._bytes_at_a_time())
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.lost()
            return
        if self.inbox is None:
            self.inbox = Inbox(self._shared, self, self._shared.readers.borrow(self.compresses))
        self.inbox.receive(data)

    def _bytes_at_a_time(self) -> int:
        return LITTLE_BYTES if self._shared.callbacks.throttle(self.sid, 0) else READ_BYTES

    @property
    def _is_busy(self) -> bool:
        """Whether messages of the client are being handled: nothing more is read meanwhile."""
        return self.inbox is not None and self.inbox.is_busy

    def message_of(self, packet: str) -> str | None:
        """Take a packet of Engine.IO; return the message that it carries, or ``None``.

        Raises:
            Broken: it is none that a client may send.
        """
        match packet[:1]:
            case "4":
                return packet[1:]
            case "3":
                self.awaits_pong = False
            case "1":
                self.end("client", 1000, "")
            case "2" | "5" | "6":
                pass
            case _:
                raise Broken(PROTOCOL_ERROR, "not a packet")
        return None

    def handle(self, message: str) -> None:
        """Handle a message; lets other greenlets run."""
        self._shared.callbacks.message(self.sid, message)

    def await_turn(self, packets: int = 0) -> None:
        """Count packets that were no messages; wait as long as the client has sent more than it may, or until its end.

        Lets other greenlets run only where there is something to wait for.
        """
        pause_seconds = self._shared.callbacks.throttle(self.sid, packets)
        while pause_seconds and not self.closed:
            time.sleep(min(pause_seconds, LONGEST_PAUSE_SECONDS))
            pause_seconds = self._shared.callbacks.throttle(self.sid, 0)

    def broke(self, broken: Broken) -> None:
        """The client sent what it may not."""
        self._shared.counters.malformed_packets += 1
        self.end("malformed", broken.code, broken.reason)

    # -- its life

    def ping(self) -> None:
        """Ask the client whether it is there."""
        self.awaits_pong = True
        self.put(_PING)

    def watch(self) -> None:
        """Have the socket watched for what is wanted now."""
        self._shared.poller.change(self.fd, self, reads=not self._is_busy, writes=self.backlog is not None)

    def open(self, fd: int, compresses: bool, greeting: bytes = b"") -> None:
        """Become a WebSocket: ``greeting`` goes out before all that waits."""
        self.fd, self.compresses = fd, compresses
        backlog, self.backlog = self.backlog, None
        polls, self.polls = self.polls, None
        self._shared.poller.add(fd, self)
        self._shared.websockets += 1
        if greeting:
            self._write(greeting)
        if backlog is not None:
            while backlog.outbox and not self.closed:
                self.put(backlog.outbox.take())
            backlog.outbox.clear()
        if polls is not None:
            polls.end(NOOP)

    def lost(self) -> None:
        """The connection is gone."""
        self.end("gone", None)

    def end(self, reason: str, code: int | None, text: str = "") -> None:
        """End the connection, with WebSocket's ``code`` where it can still be said."""
        if self.closed:
            return
        self.closed = True
        fd, self.fd = self.fd, -1
        backlog, self.backlog = self.backlog, None
        inbox, self.inbox = self.inbox, None
        if inbox is not None:
            inbox.end()
        self._shared.callbacks.forget(self, reason, was_websocket=fd >= 0)
        if backlog is not None:
            backlog.outbox.clear()
        if self.polls is not None:
            self.polls.end(_LAST_WORDS.get(reason))
            self.polls.give_up_body()
        if fd < 0:
            return
        self._shared.poller.remove(fd)
        if code is None:
            os.close(fd)
            return
        rest = memoryview(b"") if backlog is None else backlog.rest
        Farewell(self._shared, fd, rest, close_frame(code, text))

    def close(self, wait: bool = True, abort: bool = False, reason: str | None = None) -> None:
        """Close it on behalf of Engine.IO's server."""
        self.end("server" if reason is None else reason, GOING_AWAY)
