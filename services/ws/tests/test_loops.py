"""Both loops have the same functions, and their servers give the same answers to the same bytes."""

import ast
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.drivers.ports import free_port
from tests.drivers.process import ROOT, Process
from tests.drivers.raw_http import request
from tests.drivers.waiting import eventually

LOOPS = ("eventlet", "gevent")
PACKAGE = ROOT / "services" / "ws" / "loop"
#: A server of one application on each loop. The short limits are those of ``KEPT`` and ``DRIPPED``.
PROGRAM = """
import sys
import ws.loop
import json, os, threading, time
from ws.loop import limits

limits.KEEPALIVE_SECONDS, limits.HEAD_SECONDS, limits.BODY_SECONDS, limits.DISCARD_BYTES = 3, 2, 2, 100_000
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

def threads():
    return len(os.listdir("/proc/self/task"))

def spin():
    while True:
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
time.sleep(float(sys.argv[2]))
"""


class Server:
    """A process with the server of one loop."""

    def __init__(self, loop: str, lingers_seconds: float = 0.0) -> None:
        self.port = free_port()
        command = [sys.executable, "-c", PROGRAM, str(self.port), str(lingers_seconds)]
        self.process = Process(loop, command, {"WS_LOOP": loop})
        self.process.start()
        eventually(lambda: "ready" in self.process.log())

    def connect(self) -> socket.socket:
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
    data = b""
    try:
        while piece := connection.recv(65536):
            data += piece
    except ConnectionResetError:
        pass
    return data


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, Server]]:
    started = {loop: Server(loop) for loop in LOOPS}
    yield started
    logs = [server.process.log() for server in started.values()]
    for server in started.values():
        server.process.kill()
    assert logs == ["ready\n", "ready\n"]


@pytest.fixture(params=LOOPS)
def server(request: pytest.FixtureRequest, servers: dict[str, Server]) -> Server:
    return servers[request.param]


# -- the modules


def functions(loop: str) -> dict[str, str]:
    """Return the parameters of a module's public functions."""
    tree = ast.parse((PACKAGE / f"{loop}_loop.py").read_text())
    return {
        node.name: f"({ast.unparse(node.args)}) -> {ast.unparse(node.returns) if node.returns else ''}"
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    }


def test_both_modules_have_the_same_functions() -> None:
    assert functions("eventlet") == functions("gevent")


def test_package_has_the_same_names_of_both_modules() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    imported = {
        node.module: {alias.name for alias in node.names} for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)
    }

    assert imported["ws.loop.eventlet_loop"] == imported["ws.loop.gevent_loop"]
    assert imported["ws.loop.gevent_loop"] == {*functions("gevent"), "ASYNC_MODE"}


def run(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words], cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize(
    ("chosen", "loop"), [("", "eventlet"), (" ", "eventlet"), ("eventlet", "eventlet"), ("gevent", "gevent")]
)
def test_setting_selects_the_loop(chosen: str, loop: str) -> None:
    other = "gevent" if loop == "eventlet" else "eventlet"
    done = run("-c", f"import ws.loop, sys; print(ws.loop.ASYNC_MODE, '{other}' in sys.modules)", WS_LOOP=chosen)

    assert done.stdout == f"{loop} False\n"


@pytest.mark.parametrize(("module", "service"), [("ws", "ws"), ("deploy.local.gateway", "gateway")])
@pytest.mark.parametrize("chosen", ["asyncio", "Gevent"])
def test_process_ends_with_one_line_when_the_loop_is_unknown(module: str, service: str, chosen: str) -> None:
    done = run("-m", module, WS_LOOP=chosen)

    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert f"ERROR {service}: WS_LOOP='{chosen}' is not valid: it takes " in line
    assert "eventlet" in line
    assert "gevent" in line


@pytest.mark.parametrize(("module", "service"), [("ws", "ws"), ("deploy.local.gateway", "gateway")])
def test_process_ends_with_one_line_when_gevent_is_not_installed(module: str, service: str) -> None:
    code = f"import sys; sys.modules['gevent'] = None; import runpy; runpy.run_module('{module}', run_name='__main__')"
    done = run("-c", code, WS_LOOP="gevent")

    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert f"ERROR {service}: WS_LOOP='gevent' is not valid: it takes only eventlet" in line


# -- the answers


def chunked(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (*pieces, b""))


CHUNKED = "Transfer-Encoding: chunked"
LIVE = request("GET", "/unread")
PIPELINES = {
    "environ": request(
        "GET", "/environ?a=%20&b", "X-A: 1", "x-a: 2", "X_A: 3", "Cookie: a=b", "Cookie: c=d", "Origin:  x \t"
    ),
    "environ with a type": request("POST", "/environ/../%41%ff?", "Content-Type: a/b; c=d", body=b"abc"),
    "environ of an absolute target": request("GET", "http://a.example:80/environ?a", host="b.example"),
    "environ after two slashes": request("GET", "//environ"),
    "environ in http 1.0": b"GET /environ HTTP/1.0\r\n\r\n",
    "options": request("OPTIONS", "*"),
    "connect": request("CONNECT", "a.example:80"),
    "kept": request("GET", "/unread", close=False) + LIVE,
    "kept explicitly": request("GET", "/unread", "Connection: Keep-Alive", close=False) + LIVE,
    "kept in http 1.0": b"GET /unread HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + LIVE,
    "http 1.0": b"GET /unread HTTP/1.0\r\n\r\n" + LIVE,
    "bare line feeds": b"GET /unread HTTP/1.1\nHost: a\nConnection: close\n\n",
    "head": request("HEAD", "/empty", close=False) + request("HEAD", "/date"),
    "stream": request("GET", "/stream", close=False) + LIVE,
    "stream in http 1.0": b"GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + LIVE,
    "head of a stream": request("HEAD", "/silent"),
    "written": request("GET", "/write", close=False) + LIVE,
    "no content": request("GET", "/empty", close=False) + request("GET", "/date", close=False) + LIVE,
    "error": request("GET", "/error", close=False) + LIVE,
    "late error": request("GET", "/late-error", close=False) + LIVE,
    "echo": request("POST", "/echo", body=b"abc", close=False) + LIVE,
    "chunked echo": request("POST", "/echo", CHUNKED, body=chunked(b"abc", b"d"), close=False) + LIVE,
    "piece": request("POST", "/piece", body=b"a" * 50_000, close=False) + LIVE,
    "chunked piece": request("POST", "/piece", CHUNKED, body=chunked(b"a" * 50_000), close=False) + LIVE,
    "discarded": request("POST", "/unread", body=b"a" * 50_000, close=False) + LIVE,
    "chunked discarded": request("POST", "/unread", CHUNKED, body=chunked(b"a" * 50_000), close=False) + LIVE,
    "not discarded": request("POST", "/unread", CHUNKED, body=chunked(*[b"a" * 900] * 99), close=False),
    "continue": request("POST", "/echo", "Expect: 100-Continue", body=b"abc", close=False) + LIVE,
    "chunked continue": request("POST", "/echo", CHUNKED, "Expect: 100-continue", body=chunked(b"a"), close=False)
    + LIVE,
    "not continued": request("POST", "/unread", "Expect: 100-continue", "Content-Length: 3", close=False),
    "late continue": request("POST", "/write", "Expect: 100-continue", "Content-Length: 3", close=False),
    "malformed chunk": request("POST", "/echo", CHUNKED, body=b"x\r\n", close=False) + LIVE,
    "malformed discarded chunk": request("POST", "/unread", CHUNKED, body=b"x\r\n", close=False) + LIVE,
    "stalled body": request("POST", "/echo", "Content-Length: 9", body=b"abc", close=False),
    "stalled discarded body": request("POST", "/unread", "Content-Length: 9", body=b"abc", close=False),
    "stalled head": b"GET / HTTP/1.1\r\nHost: a\r\n",
    "stalled request line": b"GET / HT",
    "nothing": b"",
    "no host": b"GET /unread HTTP/1.1\r\n\r\n" + LIVE,
    "two hosts": request("GET", "/unread", "Host: a", "Host: b"),
    "two lengths": request("GET", "/unread", "Content-Length: 0", "Content-Length: 0"),
    "both lengths": request("POST", "/unread", CHUNKED, "Content-Length: 5", body=chunked()),
    "long length": request("POST", "/unread", "Content-Length: " + "9" * 5000),
    "another coding": request("POST", "/unread", "Transfer-Encoding: gzip, chunked", body=chunked()),
    "space before a colon": request("GET", "/unread", "A : b"),
    "folded header": request("GET", "/unread", "A: b\r\n c"),
    "no header": request("GET", "/unread", "abc"),
    "http 0.9": b"GET /unread\r\n\r\n",
    "http 2.0": b"GET /unread HTTP/2.0\r\nHost: a\r\n\r\n",
    "four words": b"GET /un read HTTP/1.1\r\nHost: a\r\n\r\n",
    "latin-1 space": b"GET /un\xa0read HTTP/1.1\r\nHost: a\r\n\r\n",
    "empty line first": b"\r\n" + LIVE,
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n",
    "longest request line": request("GET", "/unread?" + "a" * (8191 - 23)),
    "long request line": request("GET", "/unread?" + "a" * (8191 - 22)),
    "very long request line": request("GET", "/unread?" + "a" * 70_000),
    "longest header": request("GET", "/unread", "A: " + "a" * (8191 - 5)),
    "long header": request("GET", "/unread", "A: " + "a" * (8191 - 4)),
    "many headers": request("GET", "/unread", *["A: b"] * 97),
    "too many headers": request("GET", "/unread", *["A: b"] * 98),
    "large head": request("GET", "/unread", *["A: " + "a" * 2000] * 33),
}


def comparable(answer: bytes) -> bytes:
    """Replace the parts of an answer that differ between two servers, or between two times."""
    answer = re.sub(rb"(?<=\r\nDate: )\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT(?=\r\n)", b"now", answer)
    return re.sub(rb'(?<="(?:REMOTE|SERVER)_PORT": ")\d+(?=")', b"port", answer)


@pytest.mark.parametrize("name", PIPELINES)
def test_both_loops_give_the_same_answers(servers: dict[str, Server], name: str) -> None:
    answers = {loop: comparable(server.exchange(PIPELINES[name])) for loop, server in servers.items()}

    assert answers["gevent"] == answers["eventlet"]
    assert b"secret" not in answers["gevent"]
    assert b"server:" not in answers["gevent"].lower()
    assert (b"HTTP/1.1 " in answers["gevent"]) == (name not in ("stalled head", "stalled request line", "nothing"))


# -- limits


def test_connection_waits_for_its_next_request_within_a_limit(server: Server) -> None:
    with server.connect() as connection:
        for _ in range(2):
            connection.sendall(request("GET", "/empty", close=False))
            assert connection.recv(65536).startswith(b"HTTP/1.1 204 No Content\r\n")
        began = time.monotonic()
        assert received(connection) == b""
        assert 2 < time.monotonic() - began < 10


@pytest.mark.parametrize("dripped", [b"GET / HTTP/1.1\r\nHost: a\r\nA: " + b"a" * 99, b"GET /" + b"a" * 99])
def test_dripping_head_has_a_limit_in_total(server: Server, dripped: bytes) -> None:
    with server.connect() as connection:
        connection.settimeout(0.1)
        began = time.monotonic()
        for byte in dripped:
            try:
                connection.sendall(bytes([byte]))
                if connection.recv(1) == b"":
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
        assert 1 < time.monotonic() - began < 8


def test_client_that_reads_slowly_gets_the_whole_answer(server: Server) -> None:
    with server.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        connection.sendall(request("GET", "/large"))
        time.sleep(0.5)
        assert len(received(connection).partition(b"\r\n\r\n")[2]) == 20_000_000


def test_function_runs_after_the_response(server: Server) -> None:
    server.exchange(request("GET", "/after"))

    assert "after" in server.detached()[0]


def test_connections_are_served_when_greenlets_are_always_ready() -> None:
    # Given greenlets that give way after each piece of work and are ready again at once
    for loop in LOOPS:
        server = Server(loop)
        try:
            for _ in range(4):
                server.exchange(request("GET", "/spin"))
            seconds = []
            for _ in range(10):
                began = time.monotonic()
                server.exchange(LIVE)
                seconds.append(time.monotonic() - began)
            # Then a request waits for some turns of the loop; with gevent's own ``sleep(0)`` it waits for hundreds.
            assert sorted(seconds)[5] < 0.25, loop
        finally:
            server.process.kill()


def test_numeric_address_is_resolved_without_a_thread_and_a_name_in_a_thread() -> None:
    code = """
import ws.loop, os, socket, threading
threads = lambda: len(os.listdir("/proc/self/task"))
before = threads()
listener = ws.loop.Listener("127.0.0.1", 0)
socket.create_connection(listener.getsockname()).close()
socket.getaddrinfo("::1", 80)
print(threads() - before)
print(socket.getaddrinfo("localhost", 80, type=socket.SOCK_STREAM)[0][1].name, threads() > before)
try:
    socket.getaddrinfo("no.such.host.invalid", 80)
except socket.gaierror:
    print("unknown")
"""
    for loop in LOOPS:
        done = run("-c", code, WS_LOOP=loop)
        assert (done.stdout, done.stderr) == ("0\nSOCK_STREAM True\nunknown\n", ""), loop


# -- the take-over of a socket


def watched(pid: int) -> list[int]:
    """Return the descriptors that the epolls of a process watch."""
    found = []
    for path in Path(f"/proc/{pid}/fdinfo").iterdir():
        found += [int(number) for number in re.findall(r"^tfd: +(\d+)", path.read_text(), re.MULTILINE)]
    return found


def test_loop_leaves_a_detached_socket_alone(server: Server) -> None:
    # Given a connection that waits for its first request, so that the loop watches its socket
    with server.connect() as connection:
        time.sleep(0.2)
        connection.sendall(request("GET", "/detach"))
        connection.settimeout(1)
        # When the application has taken its socket over, then the server neither answers nor closes
        with pytest.raises(TimeoutError):
            connection.recv(1)
        fd = next(number for number in server.detached()[0] if isinstance(number, int))
        assert Path(f"/proc/{server.process.pid}/fd/{fd}").readlink().name.startswith("socket:")
        # And data of the client wakes the loop at most once
        connection.sendall(b"abc")
        eventually(lambda: fd not in watched(server.process.pid))
        before = cpu_ticks(server.process.pid)
        time.sleep(1)
        assert cpu_ticks(server.process.pid) - before < 20


def cpu_ticks(pid: int) -> int:
    """Return the CPU time of a process in hundredths of a second."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return int(user) + int(system)


# -- the listener and the signals


@pytest.mark.parametrize("loop", LOOPS)
def test_established_connections_stay_when_the_listener_is_closed(loop: str) -> None:
    server = Server(loop, lingers_seconds=30)
    try:
        with server.connect() as connection:
            connection.sendall(request("GET", "/empty", close=False))
            assert connection.recv(65536).startswith(b"HTTP/1.1 204 ")
            os.kill(server.process.pid, signal.SIGTERM)

            def is_refused() -> bool:
                try:
                    server.connect().close()
                except ConnectionRefusedError:
                    return True
                return False

            eventually(is_refused)
            connection.sendall(LIVE)
            assert received(connection).endswith(b"unread")
    finally:
        server.process.kill()
    assert server.process.log() == "ready\n"
