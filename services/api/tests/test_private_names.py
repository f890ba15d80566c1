"""The private names of gunicorn that the worker uses are listed and unchanged.

If the first test fails after an upgrade, compare the change in gunicorn with ``api/worker.py``, then note the new
digest from the failure. docs/decisions/api-worker.md names alternatives to gunicorn.
"""

import ast
import hashlib
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest

from api.worker import PRIVATE_NAMES

API = Path(__file__).parents[1]
#: File of each class.
FILES = {
    "ThreadWorker": "workers/gthread.py",
    "TConn": "workers/gthread.py",
    "PollableMethodQueue": "workers/gthread.py",
    "Worker": "workers/base.py",
    "Message": "http/message.py",
    "Parser": "http/parser.py",
    "Unreader": "http/unreader.py",
}
#: The first 12 digits of the SHA-256 of each function's source, by file and name.
NOTED = {
    # names that the worker calls, overrides or reads
    ("workers/gthread.py", "ThreadWorker.__init__"): "1eac0cc119f7",
    ("workers/gthread.py", "ThreadWorker.get_thread_pool"): "d6960240d341",
    ("workers/gthread.py", "ThreadWorker.enqueue_req"): "31650e17c532",
    ("workers/gthread.py", "ThreadWorker.accept"): "0d2df576e777",
    ("workers/gthread.py", "ThreadWorker.on_pending_socket_readable"): "0e7451c4dc97",
    ("workers/gthread.py", "ThreadWorker.on_client_socket_readable"): "a7ea16b809b6",
    ("workers/gthread.py", "ThreadWorker.handle"): "2237eeb6090f",
    ("workers/gthread.py", "ThreadWorker.handle_request"): "f31dcbc4f351",
    ("workers/gthread.py", "ThreadWorker.finish_request"): "fe37b5fe9e77",
    ("workers/gthread.py", "ThreadWorker.murder_pending"): "f91eac2230e7",
    ("workers/gthread.py", "ThreadWorker.handle_exit"): "b149f0d32d9c",
    ("workers/gthread.py", "ThreadWorker._cap_keepalive"): "b79f92913cbc",
    ("workers/gthread.py", "PollableMethodQueue.defer"): "28ae35a04ecd",
    ("workers/gthread.py", "TConn.__init__"): "fd543f510a8a",
    ("workers/gthread.py", "TConn.set_timeout"): "691aa989d60f",
    ("workers/gthread.py", "TConn.close"): "2471256e0bce",
    ("workers/base.py", "Worker.__init__"): "f5aa86eb1721",
    ("workers/base.py", "Worker.load_wsgi"): "904c03bcc307",
    ("workers/base.py", "Worker.handle_error"): "349a82e551e8",
    ("http/message.py", "Message.__init__"): "b83c06a6ddaa",
    ("http/message.py", "Message.force_close"): "82dc75136c24",
    ("http/parser.py", "Parser.__init__"): "73e02d73a07e",
    ("http/unreader.py", "Unreader.__init__"): "be9fb1903cde",
    # callers of these names, in their order
    ("workers/gthread.py", "ThreadWorker.run"): "04b0aa94b0ad",
    ("workers/gthread.py", "ThreadWorker.wait_for_and_dispatch_events"): "c5d96456e70e",
    ("workers/gthread.py", "ThreadWorker.set_accept_enabled"): "3fc111b1def9",
    ("workers/gthread.py", "ThreadWorker.murder_keepalived"): "ba956beb81ca",
    ("workers/gthread.py", "ThreadWorker._keepalive_after"): "1a41e5f81cdc",
    ("workers/gthread.py", "TConn.init"): "bb755b47c4af",
    ("http/parser.py", "Parser.finish_body"): "0c7894c23e20",
    # senders of ``CONTINUE``, and data that is sent and received through ``BufferedSocket``
    ("http/wsgi.py", "create"): "3c82ed8b5a1b",
    ("http/wsgi.py", "Response.sendfile"): "58f89c32906a",
    ("http/unreader.py", "SocketUnreader"): "6824a243ce4e",
    ("util.py", "write"): "a59c3b84d22d",
    ("util.py", "write_error"): "8f79c1aea370",
}  # fmt: skip


@cache
def tree(file: str) -> ast.Module:
    return ast.parse(source(file))


@cache
def source(file: str) -> str:
    spec = find_spec("gunicorn")
    assert spec is not None
    assert spec.origin is not None
    return (Path(spec.origin).parent / file).read_text()


def definition(file: str, name: str) -> ast.AST | None:
    node: ast.AST | None = tree(file)
    for part in name.split("."):
        inner = ast.iter_child_nodes(node) if node is not None else ()
        node = next((each for each in inner if getattr(each, "name", None) == part), None)
    return node


def attributes(node: ast.AST) -> set[str]:
    """Return the names in a function or a class: its methods, and the attributes of any object."""
    return {
        each.attr if isinstance(each, ast.Attribute) else each.name
        for each in ast.walk(node)
        if isinstance(each, (ast.Attribute, ast.FunctionDef))
    }


def assigned(node: ast.AST) -> set[str]:
    """Return the attributes that a function assigns to its object."""
    return {each.attr for each in ast.walk(node) if isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Store)}


def is_there(cls: str, name: str) -> bool:
    """Return whether a listed name is a method with a digest, or an attribute that a function with a digest assigns."""
    if (FILES[cls], f"{cls}.{name}") in NOTED:
        return True
    functions = [definition(*key) for key in NOTED if key[1].startswith(f"{cls}.")]
    return any(function is not None and name in assigned(function) for function in functions)


@pytest.mark.parametrize(("file", "name"), NOTED)
def test_private_name_of_gunicorn_is_unchanged(file: str, name: str) -> None:
    node = definition(file, name)
    assert node is not None, f"gunicorn {version('gunicorn')} has no {name} in {file}"
    text = ast.get_source_segment(source(file), node) or ""
    found = hashlib.sha256(text.encode()).hexdigest()[:12]
    assert found == NOTED[file, name], f"{name} is another one in gunicorn {version('gunicorn')}: {file}"


def test_every_listed_private_name_exists_and_every_used_one_is_listed() -> None:
    missing = [f"{cls}.{name}" for cls, names in PRIVATE_NAMES.items() for name in names if not is_there(cls, name)]
    assert missing == []
    theirs: set[str] = set()
    for cls, file in FILES.items():
        node = definition(file, cls)
        assert isinstance(node, ast.ClassDef)
        theirs |= {each.name for each in node.body if isinstance(each, ast.FunctionDef)} | assigned(node)
    # Sockets also have a ``fileno``, and the worker uses only that one.
    used = attributes(ast.parse((API / "worker.py").read_text())) & theirs - {"__init__", "fileno"}
    assert used == {name for names in PRIVATE_NAMES.values() for name in names}


def test_only_the_worker_imports_private_modules_of_gunicorn() -> None:
    documented = {"gunicorn.app.base", "gunicorn.glogging"}
    known = {
        (path.name, module)
        for path in API.rglob("*.py")
        if "tests" not in path.relative_to(API).parts
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for module in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names])
        if module.partition(".")[0] == "gunicorn" and module not in documented
    }
    assert known == {("worker.py", "gunicorn.workers.gthread")}
