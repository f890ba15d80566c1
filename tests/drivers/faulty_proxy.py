"""A reverse proxy before several replicas that resets, closes, drops and delays connections."""

import contextlib
import random
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from tests.drivers.engine_session import reset
from tests.drivers.rewriting_proxy import shut_down

#: Share of the requests, and of the seconds of a WebSocket, with a fault.
FAULTY_SHARE: Final = 0.15
#: Longest delay in seconds, also before the proxy aborts a request.
DELAY_SECONDS: Final = 1.0
_PATIENCE_SECONDS: Final = 90.0
_POLL_FAULTS: Final = ("reset at once", "reset", "close", "answer lost", "answer swallowed", "delay", "answer delayed")
_SOCKET_FAULTS: Final = ("reset", "close", "swallow", "delay")
_SID: Final = re.compile(rb"[?&]sid=([\w-]+)")
_NEW_SID: Final = re.compile(rb'\r\n\r\n0\{"sid":"([\w-]+)"')


class FaultyProxy:
    """Forwards each session of ``/socket.io/`` to one of the replicas on ``ports``, and serves ``files`` itself."""

    def __init__(self, ports: Sequence[int], files: Mapping[str, tuple[str, bytes]], seed: int) -> None:
        """``files`` maps a path to a media type and the content."""
        self._ports = ports
        self._files = files
        self._chance = random.Random(seed)
        self._session_ports: dict[bytes, int] = {}
        #: Times of the polls with nothing but a noop as response; monotonic.
        self.empty_polls: list[float] = []
        #: Number of faults by kind.
        self.faults: Counter[str] = Counter()
        self._is_faulty = True
        self._ended = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.origin = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._acceptor = threading.Thread(target=self._accept)
        self._acceptor.start()

    def recover(self) -> None:
        """Stop the faults."""
        self._is_faulty = False

    def most_empty_polls_in_a_second(self) -> int:
        """Return the largest number of empty polls in any second."""
        times = self.empty_polls
        return max((sum(start <= each < start + 1 for each in times) for start in times), default=0)

    def close(self) -> None:
        """Close all connections and stop all threads."""
        self._ended.set()
        shut_down(self._listener)
        self._acceptor.join()
        for each in tuple(self._open):
            shut_down(each)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    # -- connections

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._start(lambda client=client: self._serve(client))  # type: ignore[misc]

    def _start(self, function: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=function)
        self._threads.append(thread)
        thread.start()
        return thread

    def _serve(self, client: socket.socket) -> None:
        client.settimeout(_PATIENCE_SECONDS)
        self._open.add(client)
        received = b""
        try:
            while True:
                request, received = _read_message(client, received)
                if request is None or not self._answer(client, request):
                    break
        except OSError:
            pass
        self._open.discard(client)
        client.close()

    def _answer(self, client: socket.socket, request: bytes) -> bool:
        """Answer a request; return whether the connection stays open."""
        target = request.split(b" ", 2)[1]
        path = target.partition(b"?")[0].decode()
        if path != "/socket.io/":
            kind, content = self._files.get(path, ("text/plain", b""))
            head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n\r\n"
            client.sendall(head.encode() + content)
            return True
        found = _SID.search(target)
        port = self._session_ports.get(found[1], self._ports[0]) if found else self._chance.choice(self._ports)
        with contextlib.closing(socket.create_connection(("127.0.0.1", port), _PATIENCE_SECONDS)) as server:
            self._open.add(server)
            try:
                if b"\r\nupgrade: websocket" in request.lower():
                    self._tunnel(client, server, request)
                    return False
                return self._exchange(client, server, request, port)
            finally:
                self._open.discard(server)

    def _fault(self, kinds: Sequence[str], what: str) -> str:
        if not self._is_faulty or self._chance.random() > FAULTY_SHARE:
            return ""
        fault = self._chance.choice(kinds)
        self.faults[f"{what}: {fault}"] += 1
        return fault

    def _pause(self) -> None:
        self._ended.wait(self._chance.random() * DELAY_SECONDS)

    def _exchange(self, client: socket.socket, server: socket.socket, request: bytes, port: int) -> bool:
        fault = self._fault(_POLL_FAULTS, request[:4].decode().strip())
        if fault == "reset at once":
            reset(client)
            return False
        if fault == "delay":
            self._pause()
        server.sendall(re.sub(rb"(?im)^accept-encoding:[^\r\n]*\r\n", b"", request))
        if fault in ("reset", "close"):
            self._pause()
            if fault == "reset":
                reset(client)
                reset(server)
            return False
        answer, _ = _read_message(server, b"")
        if answer is None:
            return False
        if fault == "answer lost":
            reset(client)
            return False
        if fault == "answer swallowed":
            # The connection stays open until the client gives up.
            return bool(client.recv(1))
        if fault == "answer delayed":
            self._pause()
        begun = _NEW_SID.search(answer)
        if begun:
            self._session_ports[begun[1]] = port
        client.sendall(answer)
        if answer.endswith(b"\r\n\r\n6"):
            self.empty_polls.append(time.monotonic())
        return True

    def _tunnel(self, client: socket.socket, server: socket.socket, request: bytes) -> None:
        if self._fault(("reset",), "upgrade"):
            reset(client)
            return
        server.sendall(request)
        fault = threading.Event()
        back = self._start(lambda: self._pipe(server, client, fault, b"sid=" in request.partition(b"\r\n")[0]))
        self._pipe(client, server, fault, False)
        back.join()

    def _pipe(self, source: socket.socket, target: socket.socket, swallows: threading.Event, is_upgrade: bool) -> None:
        """Forward data from ``source`` until one side closes or a fault occurs."""
        source.settimeout(1.0)
        is_first, begun = True, time.monotonic()
        try:
            while not self._ended.is_set():
                try:
                    data = source.recv(65536)
                except TimeoutError:
                    continue
                if not data:
                    break
                if swallows.is_set():
                    continue
                if is_upgrade and not is_first and time.monotonic() - begun < 5 and data.endswith(b"3probe"):
                    is_upgrade = False
                    if self._fault(("answer lost",), "probe"):
                        continue
                is_first = False
                match self._fault(_SOCKET_FAULTS, "websocket") if time.monotonic() - begun > 1 else "":
                    case "reset":
                        reset(source)
                        reset(target)
                        return
                    case "close":
                        break
                    case "swallow":
                        swallows.set()
                        continue
                    case "delay":
                        self._pause()
                target.sendall(data)
        except OSError:
            pass
        shut_down(source)
        shut_down(target)


def _read_message(source: socket.socket, received: bytes) -> tuple[bytes | None, bytes]:
    """Read one request or response with its body. Return the message, ``None`` at the end, and the remaining data."""
    while b"\r\n\r\n" not in received:
        data = source.recv(65536)
        if not data:
            return None, b""
        received += data
    head_bytes = received.index(b"\r\n\r\n") + 4
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", received[:head_bytes])
    whole = head_bytes + (int(length[1]) if length else 0)
    while len(received) < whole:
        data = source.recv(65536)
        if not data:
            return None, b""
        received += data
    return received[:whole], received[whole:]
