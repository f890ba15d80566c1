"""The WebSockets of the clients, between eventlet, which reads them, and Engine.IO, which believes what it reads."""

import contextlib
from collections.abc import Callable
from typing import Any, Final

from ws.counters import Counters

#: First characters of the Engine.IO packets that a client may send as text: close, ping, pong, message, upgrade, noop.
_TYPES: Final = frozenset("123456")
#: WebSocket close code: the server goes away, connect again.
GOING_AWAY: Final = 1001


class Frames:
    """The open WebSockets of the replica."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._open: Final[set[_Checked]] = set()

    def __len__(self) -> int:
        return len(self._open)

    def transport(self, websocket_wsgi: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap Engine.IO's class for WebSockets so that every one of them passes here."""

        def build(handler: Callable[[Any], Any], server: Any) -> Any:
            def checked(websocket: Any) -> Any:
                frames = _Checked(websocket, int(server.max_http_buffer_size), self._counters)
                self._open.add(frames)
                try:
                    return handler(frames)
                finally:
                    self._open.discard(frames)

            return websocket_wsgi(checked, server)

        return build

    def closers(self) -> list[Callable[[], None]]:
        """One function a WebSocket, which closes it so that its client connects again, to another replica."""
        return [frames.go_away for frames in self._open]


class _Checked:
    """A WebSocket that is at its end where its client sends what is no Engine.IO.

    Engine.IO would leave the connection half open behind an exception, counted and fed until its ping times out.
    """

    def __init__(self, websocket: Any, limit_bytes: int, counters: Counters) -> None:
        self._websocket = websocket
        self._limit_bytes = limit_bytes
        self._counters = counters
        #: Engine.IO sets its time-out.
        self.socket = websocket.socket
        self.send = websocket.send
        self.close = websocket.close
        self._receive_frame = websocket._recv_frame
        websocket._recv_frame = self._receive_bounded
        self._fragments = 0
        self._message_bytes = 0

    def wait(self) -> str | bytes | None:
        """Return the next packet; ``None`` at the end."""
        try:
            data: str | bytes | None = self._websocket.wait()
        except OSError:
            return None  # the client is gone
        except Exception:
            self._counters.malformed_packets += 1
            return None
        if data is None or (isinstance(data, str) and data[:1] in _TYPES):
            return data
        self._counters.malformed_packets += 1
        return None

    def go_away(self) -> None:
        """Close it."""
        with contextlib.suppress(OSError):
            self._websocket.close((GOING_AWAY, ""))

    def _receive_bounded(self, message: Any = None) -> Any:
        """Read a frame; eventlet bounds each, but not how many make up a message.

        Raises:
            ValueError: the message is too long.
        """
        if message is None:
            self._fragments = self._message_bytes = 0
        frame = self._receive_frame(message=message)
        if message is None or frame is message:  # and no control frame amid a message
            self._message_bytes += sum(map(len, frame.data[self._fragments :]))
            self._fragments = len(frame.data)
            if max(self._message_bytes, self._fragments) > self._limit_bytes:
                raise ValueError("the message is too long")
        return frame
