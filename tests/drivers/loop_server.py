"""A process with an application of tests on the server of one loop of ws."""

import json
import socket
import sys
from typing import Final

from tests.drivers.ports import free_port
from tests.drivers.process import Process
from tests.drivers.raw_http import request
from tests.drivers.waiting import eventually

LOOPS: Final = ("eventlet", "gevent")
#: A server of one application, with its port, limits, and seconds that it stays after SIGTERM.
_PROGRAM: Final = """
import sys
import ws.loop
import json, os, threading, time
from ws.loop import limits

for name, value in json.loads(sys.argv[2]).items():
    assert hasattr(limits, name)
    setattr(limits, name, value)
detached = []

def write(environ, start_response):
    start_response("200 OK", [("Content-Length", "6")])(b"abc")
    return [b"def"]

def app(environ, start_response):
    body = environ["wsgi.input"]
    match environ["PATH_INFO"]:
        case "/environ":
            shown = {k: v for k, v in environ.items() if isinstance(v, (str, bool, int, tuple))}
            start_response("200 OK", [("x-TYPE", "a"), ("ETag", "b")])
            return [json.dumps(shown, sort_keys=True).encode()]
        case "/echo":
            content = body.read()
            start_response("200 OK", [("Content-Length", str(len(content)))])
            return [content]
        case "/piece":
            content = body.read(3)
            start_response("200 OK", [("Content-Length", str(len(content)))])
            return [content]
        case "/unread":
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [b"un", b"read"]
        case "/stream":
            start_response("200 OK", [])
            return (piece for piece in (b"", b"one", b""))
        case "/write":
            return write(environ, start_response)
        case "/empty":
            start_response("204 No Content", [])
            return []
        case "/date":
            start_response("304 Not Modified", [("Date", "never"), ("ETag", "b")])
            return []
        case "/error":
            raise ValueError("a secret")
        case "/late-error":
            start_response("200 OK", [("Content-Length", "9")])(b"begun")
            raise ValueError("a secret")
        case "/silent":
            return []
        case "/injection":
            start_response("200 OK", [("X", "a\\r\\nY: b")])
            return []
        case "/large":
            start_response("200 OK", [("Content-Length", "20000000")])
            return [bytes(20_000_000)]
        case "/after":
            ws.loop.after_response(environ, lambda: detached.append("after"))
            start_response("200 OK", [("Content-Length", "0")])
            return []
        case "/detach":
            detached.append(ws.loop.detach_socket(environ))
            return []
        case "/detached":
            start_response("200 OK", [])
            return [json.dumps([detached, threads()]).encode()]
        case "/spin":
            ws.loop.spawn("spin", spin)
            start_response("200 OK", [("Content-Length", "0")])
            return []
        case "/pieces":
            start_response("200 OK", [])
            return [json.dumps(pieces).encode()]

def threads():
    return len(os.listdir("/proc/self/task"))

pieces = 0

def spin():
    global pieces
    while True:
        pieces += 1
        until = time.monotonic() + 0.01
        while time.monotonic() < until:
            pass
        time.sleep(0)

listener = ws.loop.Listener("127.0.0.1", int(sys.argv[1]))
signals = ws.loop.Signals(15)
ws.loop.spawn("http", lambda: ws.loop.serve(listener, app))
print("ready", flush=True)
signals.wait()
listener.close()
time.sleep(float(sys.argv[3]))
"""


class LoopServer:
    """A process with the server of one loop; ``limits`` are values for ``ws.loop.limits``."""

    def __init__(self, loop: str, lingers_seconds: float = 0.0, **limits: float) -> None:
        self.port = free_port()
        command = [sys.executable, "-c", _PROGRAM, str(self.port), json.dumps(limits), str(lingers_seconds)]
        self.process = Process(loop, command, {"WS_LOOP": loop})
        self.process.start()
        eventually(lambda: "ready" in self.process.log())

    def connect(self) -> socket.socket:
        """Open a connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def exchange(self, sent: bytes) -> bytes:
        """Send bytes; return the received bytes until the server closes the connection."""
        with self.connect() as connection:
            connection.sendall(sent)
            return received(connection)

    def detached(self) -> tuple[list[object], int]:
        """Return the descriptors that the application has taken over, and the number of threads."""
        answer = self.exchange(request("GET", "/detached"))
        found, threads = json.loads(answer.partition(b"\r\n\r\n")[2])
        return found, threads


def received(connection: socket.socket) -> bytes:
    """Return the bytes until the server closes the connection."""
    data = b""
    try:
        while piece := connection.recv(65536):
            data += piece
    except ConnectionResetError:
        pass
    return data
