"""Rules for imports: services import access, contract and runtime; access imports contract and runtime.

Modules of one folder do not import each other in a circle, and every imported name exists.
"""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = {"access", "api", "dispycluster", "ws", "collector", "contract", "runtime", "simulator", "deploy", "tests"}
SHARED = {"access", "contract", "runtime"}
ALLOWED: dict[str, set[str]] = {
    "contract": {"contract"},
    "runtime": {"runtime"},
    "access": SHARED,
    "services/api": {"api"} | SHARED,
    "services/ws": {"ws"} | SHARED,
    "services/collector": {"collector"} | SHARED,
    "simulator": {"simulator"},
    "deploy/host": set(),
}


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            names.add((node.module or "").partition(".")[0])
    return names


def module_name(path: Path) -> str:
    """Return the name by which our code imports a module; a package's is that of its ``__init__``."""
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return name.removeprefix("services.").removesuffix(".__init__")


def modules(folder: str) -> list[Path]:
    found = [path for path in (ROOT / folder).rglob("*.py") if "tests" not in path.relative_to(ROOT / folder).parts]
    assert found, folder
    return found


@pytest.mark.parametrize("folder", sorted(ALLOWED))
def test_folder_imports_only_the_allowed_packages(folder: str) -> None:
    for path in modules(folder):
        assert imported(path) & OURS <= ALLOWED[folder], path


def at_import(statements: list[ast.stmt]) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield the imports outside functions and classes, including imports only for types."""
    for statement in statements:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            yield statement
        elif isinstance(statement, ast.If | ast.Try | ast.With):
            branches = [statement, *getattr(statement, "handlers", ())]
            for branch in branches:
                yield from at_import([*branch.body, *getattr(branch, "orelse", ()), *getattr(branch, "finalbody", ())])


def imports_among(sources: dict[str, str]) -> dict[str, set[str]]:
    """Return the other modules of ``sources`` that each module imports; a package counts as its ``__init__``."""
    found: dict[str, set[str]] = {}
    for name, source in sources.items():
        named: set[str] = set()
        for statement in at_import(ast.parse(source).body):
            if isinstance(statement, ast.Import):
                named |= {alias.name for alias in statement.names}
            else:
                parts = {f"{statement.module}.{alias.name}" for alias in statement.names}
                named |= {part if part in sources else statement.module or "" for part in parts}
        found[name] = named & sources.keys()
    return found


def circles(imports: dict[str, set[str]]) -> list[tuple[str, ...]]:
    """Return the modules that import each other, directly or through others."""

    def reached(name: str) -> set[str]:
        seen: set[str] = set()
        ahead = set(imports[name])
        while ahead:
            seen.add(following := ahead.pop())
            ahead |= imports[following] - seen
        return seen

    reach = {name: reached(name) for name in imports}
    return sorted({tuple(sorted(n for n in reach[m] if m in reach[n])) for m in imports if m in reach[m]})


@pytest.mark.parametrize("folder", [*sorted(ALLOWED), "deploy/local"])
def test_modules_of_a_folder_do_not_import_each_other_in_a_circle(folder: str) -> None:
    sources = {module_name(path): path.read_text() for path in modules(folder)}

    assert circles(imports_among(sources)) == []


def test_circle_of_imports_is_found_when_one_import_is_only_for_types() -> None:
    sources = {
        "a.b": "from a import c",
        "a.c": "import os\nfrom a.d import D",
        "a.d": "if TYPE_CHECKING:\n    from a.b import B\ndef f():\n    import a.e",
        "a.e": "import a.d",
    }

    assert circles(imports_among(sources)) == [("a.b", "a.c", "a.d")]


def defined_names(tree: ast.Module) -> set[str]:
    """Return the names that a module may define at any level."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
    return names


def missing_names(sources: dict[str, str]) -> list[str]:
    """Return ``MODULE: NAME`` for each import of a name that a module of ``sources`` lacks."""
    trees = {name: ast.parse(source) for name, source in sources.items()}
    defined = {name: defined_names(tree) for name, tree in trees.items()}
    return [
        f"{name}: {node.module}.{alias.name}"
        for name, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module in defined
        for alias in node.names
        if alias.name not in defined[node.module] and f"{node.module}.{alias.name}" not in sources
    ]


def test_every_name_that_a_module_of_ours_imports_exists() -> None:
    # The type checker does not read the tests, and some modules run only in stages with Docker.
    folders = ("access", "bench", "contract", "deploy", "dispycluster", "runtime", "services", "simulator", "tests")
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*.py") if "node_modules" not in path.parts]
    sources = {module_name(path): path.read_text() for path in paths}

    assert missing_names(sources) == []


def test_import_of_a_renamed_name_is_found() -> None:
    sources = {"a": "def new(): ...", "a.b": "", "c": "from a import b, new, old\nfrom elsewhere import x"}

    assert missing_names(sources) == ["c: a.old"]


def test_contract_needs_only_msgspec() -> None:
    needed = {name for path in modules("contract") for name in imported(path)} - set(sys.stdlib_module_names) - OURS
    assert needed == {"msgspec"}


@pytest.mark.parametrize("loop", ["eventlet", "gevent"])
def test_loop_is_named_in_one_module(loop: str) -> None:
    everywhere = [path for folder in [*ALLOWED, "deploy/local"] for path in modules(folder)]
    assert [str(path.relative_to(ROOT)) for path in everywhere if loop in imported(path)] == [
        f"services/ws/loop/{loop}_loop.py"
    ]


def test_contract_imports_no_module_that_the_loops_patch() -> None:
    code = (
        "import sys, contract.messages, contract.codec, contract.delta, contract.events, contract.scripts\n"
        "print(sorted({'socket', 'ssl', 'selectors', 'asyncio', 'subprocess'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_names_of_the_contract_are_spelled_in_one_place() -> None:
    spelled = [
        f"{path.relative_to(ROOT)}: {node.value}"
        for folder in ALLOWED
        for path in modules(folder)
        if path != ROOT / "contract" / "names.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value.startswith(("cluster:", "redis_cluster_"))
        and " " not in node.value
        and path.name != "events.py"
    ]
    assert spelled == []


def test_collector_starts_without_the_packages_that_its_image_lacks() -> None:
    code = (
        "import sys\n"
        "for name in ('argon2', 'eventlet', 'flask', 'gevent', 'itsdangerous', 'socketio', 'werkzeug'):\n"
        "    sys.modules[name] = None\n"
        "import collector.__main__"
    )
    path = os.pathsep.join((str(ROOT), str(ROOT / "services")))
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": path}, cwd=ROOT)
