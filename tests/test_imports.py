"""Who may import whom: services import access, contract and runtime; access the other two; these nothing of ours."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = {"access", "api", "ws", "collector", "contract", "runtime", "simulator", "deploy", "tests"}
SHARED = {"access", "contract", "runtime"}
ALLOWED = {
    "contract": {"contract"},
    "runtime": {"runtime"},
    "access": SHARED,
    "services/api": {"api"} | SHARED,
    "services/ws": {"ws"} | SHARED,
    "services/collector": {"collector"} | SHARED,
    "simulator": {"simulator"},
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


def modules(folder: str) -> list[Path]:
    found = [path for path in (ROOT / folder).rglob("*.py") if "tests" not in path.relative_to(ROOT / folder).parts]
    assert found, folder
    return found


@pytest.mark.parametrize("folder", sorted(ALLOWED))
def test_folder_imports_only_what_it_may(folder: str) -> None:
    for path in modules(folder):
        assert imported(path) & OURS <= ALLOWED[folder], path


def test_contract_needs_msgspec_and_nothing_else() -> None:
    needed = {name for path in modules("contract") for name in imported(path)} - set(sys.stdlib_module_names) - OURS
    assert needed == {"msgspec"}


def test_eventlet_is_named_in_one_module() -> None:
    everywhere = [path for folder in [*ALLOWED, "deploy/local"] for path in modules(folder)]
    assert [str(path.relative_to(ROOT)) for path in everywhere if "eventlet" in imported(path)] == [
        "services/ws/loop.py"
    ]


def test_contract_imports_nothing_that_monkey_patching_would_miss() -> None:
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
