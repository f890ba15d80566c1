"""A misconfigured reverse proxy that replaces the Host header, so that a page's origin differs from the server's."""

import contextlib
import re
import socket
import threading


class RewritingProxy:
    """Forwards TCP connections to ``port`` with ``host`` in every request."""

    def __init__(self, port: int, host: str) -> None:
        self._upstream = port
        self._host = re.compile(rb"(?im)^host: [^\r\n]*"), f"Host: {host}".encode()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.origin = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._sockets.append(client)
            try:
                server = socket.create_connection(("127.0.0.1", self._upstream))
            except OSError:
                continue
            self._sockets.append(server)
            for way in ((client, server, True), (server, client, False)):
                thread = threading.Thread(target=self._forward, args=way, daemon=True)
                self._threads.append(thread)
                thread.start()

    def _forward(self, source: socket.socket, target: socket.socket, requests: bool) -> None:
        try:
            while data := source.recv(65536):
                target.sendall(self._host[0].sub(self._host[1], data) if requests else data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def close(self) -> None:
        """Close all connections and stop all threads."""
        # Without a shutdown, a thread in accept() could accept one more connection, which nothing closes.
        shut_down(self._listener)
        self._acceptor.join()
        for each in self._sockets:
            shut_down(each)
        for thread in self._threads:
            thread.join()
        for each in (self._listener, *self._sockets):
            each.close()


def shut_down(each: socket.socket) -> None:
    """Shut down a connection or a listener, so that a waiting thread continues."""
    with contextlib.suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
