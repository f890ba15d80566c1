"""A foreign web site: an empty page with the public Socket.IO client."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from tests.drivers.process import ROOT

#: The Socket.IO client for browsers.
CLIENT: Final = ROOT / "tests" / "clients" / "node_modules" / "socket.io-client" / "dist" / "socket.io.min.js"
_PAGE: Final = b'<!doctype html><title>elsewhere</title><script src="/socket.io.min.js"></script><body>'


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        is_script = self.path == "/socket.io.min.js"
        body = CLIENT.read_bytes() if is_script else _PAGE
        self.send_response(200)
        self.send_header("Content-Type", "text/javascript" if is_script else "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None: ...


class ForeignSite(ThreadingHTTPServer):
    """Listens on a loopback port, so that ``127.0.0.1`` and ``localhost`` are two different sites."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)

    def origin(self, host: str) -> str:
        """Return the site's origin under that host name."""
        return f"http://{host}:{self.server_port}"
