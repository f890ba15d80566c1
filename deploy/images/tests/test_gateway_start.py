"""What the gateway's start script hands to HAProxy."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

START = Path(__file__).parents[1] / "gateway" / "start"
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def told(tmp_path: Path) -> Run:
    """Runs the script with a program in place of HAProxy that says how many connections one address may have."""
    stand_in = tmp_path / "haproxy"
    stand_in.write_text('#!/bin/sh\n[ "$1" = -c ] || echo "$GATEWAY_LIMIT_CONNECTIONS"\n')
    stand_in.chmod(0o755)

    def run(**variables: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "GATEWAY_MAXCONN": "7500", **variables}
        return subprocess.run(["sh", START], env=environment, capture_output=True, text=True)

    return run


@pytest.mark.parametrize(
    ("variables", "connections"),
    [
        ({}, "3750"),
        ({"GATEWAY_LIMIT_CONNECTIONS": ""}, "3750"),
        ({"GATEWAY_MAXCONN": "1001"}, "500"),
        ({"GATEWAY_LIMIT_CONNECTIONS": "200"}, "200"),
    ],
)
def test_address_gets_half_of_the_connections_unless_another_number_is_set(
    told: Run, variables: dict[str, str], connections: str
) -> None:
    assert told(**variables).stdout == f"{connections}\n"


def test_number_of_connections_that_is_none_is_refused_by_its_name(told: Run) -> None:
    done = told(GATEWAY_LIMIT_CONNECTIONS="many")
    assert (done.returncode, done.stdout) == (1, "")
    assert "GATEWAY_LIMIT_CONNECTIONS" in done.stderr
