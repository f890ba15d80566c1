"""Both loops have the same functions, and their servers give the same answers to the same bytes."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.drivers.loop_server import LOOPS, LoopServer
from tests.drivers.process import ROOT
from tests.drivers.raw_http import request

PACKAGE = ROOT / "services" / "ws" / "loop"
#: Limits of the servers whose answers are compared.
SHORT = {"KEEPALIVE_SECONDS": 3, "HEAD_SECONDS": 2, "BODY_SECONDS": 2, "DISCARD_BYTES": 100_000}


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, LoopServer]]:
    started = {loop: LoopServer(loop, **SHORT) for loop in LOOPS}
    yield started
    logs = [server.process.log() for server in started.values()]
    for server in started.values():
        server.process.kill()
    assert logs == ["ready\n", "ready\n"]


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
def test_both_loops_give_the_same_answers(servers: dict[str, LoopServer], name: str) -> None:
    answers = {loop: comparable(server.exchange(PIPELINES[name])) for loop, server in servers.items()}

    assert answers["gevent"] == answers["eventlet"]
    assert b"secret" not in answers["gevent"]
    assert b"server:" not in answers["gevent"].lower()
    assert (b"HTTP/1.1 " in answers["gevent"]) == (name not in ("stalled head", "stalled request line", "nothing"))
