"""The private definitions of python-socketio, python-engineio, eventlet and gevent that the service uses are unchanged.

If a test fails after an upgrade, compare the change with ``ws/socketio_private.py`` or the loop's module in
``ws/loop``, then copy the new digest from the failure.
"""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest

WS = Path(__file__).parents[1]
#: First 12 digits of the SHA-256 of the source, by file and name.
SOCKETIO = {
    # called or overridden in ``ws/socketio_private.py``
    ("engineio/base_server.py", "BaseServer._cors_headers"): "53c3eea920b9",
    ("engineio/base_server.py", "BaseServer._generate_sid_cookie"): "632b62915dee",
    ("engineio/server.py", "Server._trigger_event"): "ff535f989ff2",
    ("socketio/base_server.py", "BaseServer.__init__"): "9fc899ce4493",
    ("socketio/server.py", "Server._engineio_server_class"): "6472f8f4d03f",
    ("socketio/server.py", "Server._handle_connect"): "cf14174af230",
    ("socketio/server.py", "Server._handle_disconnect"): "ebd6720194bf",
    ("socketio/server.py", "Server._handle_eio_connect"): "5ab2a9f4d0bf",
    ("socketio/server.py", "Server._handle_eio_disconnect"): "b4f3ed35325a",
    ("socketio/server.py", "Server._handle_eio_message"): "b9a79d2e0431",
    ("socketio/server.py", "Server._send_packet"): "3b96d77d90f4",
    # callers of ``Session`` and ``Engine``, which replace Engine.IO's classes
    ("engineio/base_server.py", "BaseServer._get_socket"): "17b86295c850",
    ("engineio/base_server.py", "BaseServer.generate_id"): "6f265952435e",
    ("engineio/server.py", "Server.send"): "b05ac5ac1bcd",
    ("engineio/server.py", "Server.send_packet"): "877479033668",
    # callers of ``Manager`` and ``SocketIOPacket``, which replace Socket.IO's classes
    ("socketio/manager.py", "Manager.can_disconnect"): "a6da929401f7",
    ("socketio/packet.py", "Packet"): "4499805cf2bb",
    ("socketio/server.py", "Server._handle_ack"): "08745efa85f7",
    ("socketio/server.py", "Server._handle_event"): "fb9d56b11e0b",
    ("socketio/server.py", "Server._handle_event_internal"): "915368374cbd",
    ("socketio/server.py", "Server._trigger_event"): "a1cdd7d686d3",
    ("socketio/server.py", "Server.disconnect"): "4e2a17c26c59",
}
EVENTLET = {
    ("eventlet/greenio/base.py", "GreenSocket.__init__"): "eb646a2d2371",
    ("eventlet/hubs/__init__.py", "trampoline"): "57a0a5090b90",
    ("eventlet/wsgi.py", "HttpProtocol"): "53e934106e9c",
    ("eventlet/wsgi.py", "Input"): "28a5e9538757",
    ("eventlet/wsgi.py", "server"): "4c73517803f6",
}
GEVENT = {
    ("gevent/_hub_primitives.py", "wait_read"): "b03cd07ef339",
    ("gevent/_socket3.py", "socket"): "954b778e06a4",
    ("gevent/_socketcommon.py", "SocketMixin"): "3dea08303dcd",
    ("gevent/monkey/__init__.py", "patch_all"): "cfe6c8af254f",
    ("gevent/pywsgi.py", "WSGIHandler"): "9dae7c999ca2",
    ("gevent/resolver/thread.py", "Resolver"): "eafa78a71d65",
}
#: Files of the libraries with private names, by the module that may use these names.
PRIVATE_IN = {
    "socketio_private.py": [
        *("engineio/base_server.py", "engineio/base_socket.py", "engineio/packet.py", "engineio/payload.py"),
        *("engineio/server.py", "engineio/socket.py", "socketio/base_manager.py", "socketio/base_server.py"),
        *("socketio/manager.py", "socketio/packet.py", "socketio/server.py"),
    ],
    "loop/eventlet_loop.py": ["eventlet/wsgi.py"],
    "loop/gevent_loop.py": ["gevent/pywsgi.py"],
}
#: Private names of the libraries that our classes have too, with another meaning.
OUR_OWN = {"_write"}


@cache
def source(file: str) -> str:
    package, _, rest = file.partition("/")
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return (Path(spec.origin).parent / rest).read_text()


@cache
def tree(file: str) -> ast.Module:
    return ast.parse(source(file))


@cache
def definition(file: str, name: str) -> str:
    """Return the source of a function or class, or ``""``; without an import, which would patch modules."""
    node: ast.AST | None = tree(file)
    for part in name.split("."):
        inner = ast.iter_child_nodes(node) if node is not None else ()
        node = next((each for each in inner if getattr(each, "name", None) == part), None)
    return (ast.get_source_segment(source(file), node) or "") if node is not None else ""


@cache
def private_names(text: str) -> frozenset[str]:
    """Return the private names that a module defines or uses as attributes."""
    return frozenset(_private_names(text))


def _private_names(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "name", None)
        if isinstance(name, str) and name.startswith("_") and not name.startswith("__"):
            yield name


@pytest.mark.parametrize(("file", "name"), [*SOCKETIO, *EVENTLET, *GEVENT])
def test_private_definition_is_unchanged(file: str, name: str) -> None:
    noted = {**SOCKETIO, **EVENTLET, **GEVENT}[file, name]
    found = hashlib.sha256(definition(file, name).encode()).hexdigest()[:12]
    package = file.partition("/")[0]
    library = {"engineio": "python-engineio", "socketio": "python-socketio"}.get(package, package)

    assert definition(file, name), f"{library} {version(library)} has no {name} in {file}"
    assert found == noted, f"{name} is another one in {library} {version(library)}: {file}"


@pytest.mark.parametrize(
    ("module", "listed"),
    [("socketio_private.py", SOCKETIO), ("loop/eventlet_loop.py", EVENTLET), ("loop/gevent_loop.py", GEVENT)],
)
def test_private_names_are_used_in_one_module_and_are_listed(module: str, listed: dict[tuple[str, str], str]) -> None:
    library_names = {name for file in PRIVATE_IN[module] for name in private_names(source(file))} - OUR_OWN
    used = {
        path.relative_to(WS).as_posix(): library_names & private_names(path.read_text())
        for path in WS.rglob("*.py")
        if "tests" not in path.relative_to(WS).parts
    }

    listed_names = {name for file, listed_name in listed for name in private_names(definition(file, listed_name))}
    assert used[module] <= listed_names
    assert {path for path, names in used.items() if names} == {module}
