"""The time limits of the services are no longer than the docs say, whatever tests make of them or cannot measure."""

import ast
from pathlib import Path

import pytest

from tests.drivers.process import ROOT
from tests.drivers.short_limits import LIMITS

#: Seconds. The longest: a kept connection of the gateway's, and its margin.
LONGEST = 75
#: Names that single tests make shorter, and their longest.
OTHERS = {
    ("ws.access.admission", "CREDENTIAL_SECONDS"): 10,
    ("ws.access.revocation", "REREAD_SECONDS"): 5,
    # No test can tell these from what a busy machine takes.
    ("api.redis_connection", "DOWN_SECONDS"): 1,
    ("collector.collector", "RETRY_SECONDS"): 1,
    ("ws.feed", "CONNECT_SECONDS"): 1,
    ("ws.feed", "LONGEST_PAUSE_SECONDS"): 0.8,
    ("ws.service", "SHUTDOWN_STEP_SECONDS"): 1,
}
EVERY: dict[tuple[str, str], float] = {
    **{(module, name): LONGEST for module, names in LIMITS.items() for name in names},
    **OTHERS,
}


def constant(module: str, name: str) -> float:
    """A module's number, without importing the module: some replace what this process waits with."""
    path = Path(*module.split(".")).with_suffix(".py")
    source = next(found for root in (ROOT / "services", ROOT) if (found := root / path).exists())
    for statement in ast.parse(source.read_text()).body:
        if isinstance(statement, ast.AnnAssign) and ast.unparse(statement.target) == name and statement.value:
            return float(ast.literal_eval(statement.value))
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == name:
            return float(ast.literal_eval(statement.value))
    raise AssertionError(f"{module} has no {name}")


@pytest.mark.parametrize(("module", "name"), sorted(EVERY))
def test_time_limit_of_a_service_is_as_short_as_others_rely_on(module: str, name: str) -> None:
    assert 0 < constant(module, name) <= EVERY[module, name]
