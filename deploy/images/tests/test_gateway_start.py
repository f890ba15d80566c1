"""What the gateway's start hands to HAProxy: the host names, by the rule of the services, and the connections."""

import json
import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from access.hosts import MISDIRECTED, MISDIRECTED_TEXT
from access.settings import read_hosts
from contract.codec import encode
from contract.rest import Problem
from runtime.settings import Environment

FILES = Path(__file__).parents[1] / "gateway"


def environment_in(folder: Path) -> dict[str, str]:
    """Programs of ``folder`` come before those of the image; what the gateway writes is below it."""
    return {"PATH": f"{folder}:{FILES / 'bin'}:{os.environ['PATH']}", "GATEWAY_OWN": str(folder / "own")}


def told(folder: Path, name: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the script with a program in HAProxy's place that says the variable ``name``."""
    stand_in = folder / "haproxy"
    stand_in.write_text(f'#!/bin/sh\n[ "$1" = -c ] || echo "${name}"\n')
    stand_in.chmod(0o755)
    environment = {**environment_in(folder), **variables}
    return subprocess.run(["sh", FILES / "bin/start-gateway"], env=environment, capture_output=True, text=True)


def names(folder: Path, **variables: str) -> set[str] | None:
    """``None``: names are not checked."""
    done = told(folder, "GATEWAY_NAMES", **variables)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split()) or None


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"PUBLIC_HOST": "::1"},
        {"PUBLIC_HOST": "[::1]"},
        {"PUBLIC_HOST": "localhost"},
        {"ACCESS": "none"},
        {"PUBLIC_URL": "https://cluster.example/live/", "WS_ALLOWED_ORIGINS": "https://wall.lan:8443, http://a.b."},
        {"PUBLIC_URL": "http://Cluster.example:8085", "WS_ALLOWED_ORIGINS": "*"},
        {"PUBLIC_URL": "http://192.168.1.4:8085", "WS_ALLOWED_ORIGINS": "http://[fd00::7]:8085"},
        {"ACCESS": "open"},
        {"ACCESS": "closed"},
        {"PUBLIC_HOST": "0.0.0.0", "PUBLIC_URL": "https://cluster.example"},
        {"PUBLIC_HOST": "::"},
        {"PUBLIC_HOST": "192.168.1.4"},
        {"PUBLIC_HOST": "pi.lan"},
    ],
    ids=str,
)
def test_gateway_answers_to_the_names_that_the_services_do(variables: dict[str, str], tmp_path: Path) -> None:
    variables = {"PUBLIC_HOST": "127.0.0.1", **variables}
    rule = read_hosts(Environment(variables), "0.0.0.0").names

    given = names(tmp_path, **variables)

    if rule is None or given is None:
        assert given is rule
        return
    # Addresses are answered without being named.
    letters = {name.lower() for name in given if not name.replace(".", "").isdigit()}
    assert letters == {name for name in rule if name not in ("api", "ws", "collector", "192.168.1.4", "fd00::7")}


def test_gateway_checks_no_host_names_without_public_host(tmp_path: Path) -> None:
    # As on Kubernetes.
    assert names(tmp_path, PUBLIC_URL="https://cluster.example") is None


def test_gateway_and_services_send_the_same_error() -> None:
    problem = Problem(title="Misdirected Request", status=MISDIRECTED, detail=MISDIRECTED_TEXT)

    assert (FILES / "misdirected.json").read_bytes().rstrip() == encode(problem)


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
    tmp_path: Path, variables: dict[str, str], connections: str
) -> None:
    variables = {"GATEWAY_MAXCONN": "7500", **variables}
    assert told(tmp_path, "GATEWAY_LIMIT_CONNECTIONS", **variables).stdout == f"{connections}\n"


def test_invalid_number_of_connections_is_refused_with_its_setting(tmp_path: Path) -> None:
    done = told(tmp_path, "GATEWAY_NAMES", GATEWAY_MAXCONN="7500", GATEWAY_LIMIT_CONNECTIONS="many")
    assert (done.returncode, done.stdout) == (1, "")
    assert "GATEWAY_LIMIT_CONNECTIONS" in done.stderr


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ({"GATEWAY_MAXCONN": "20000"}, "GATEWAY_MAXCONN=20000 takes less than half of OPEN_FILES, which is 16384"),
        ({"GATEWAY_MAXCONN": "lots"}, "GATEWAY_MAXCONN=lots is not a number"),
        ({"GATEWAY_OPEN_FILES": "lots"}, "OPEN_FILES=lots is not a number"),
    ],
)
def test_connections_that_open_files_do_not_allow_are_refused_by_name(
    tmp_path: Path, variables: dict[str, str], name: str
) -> None:
    done = told(tmp_path, "GATEWAY_NAMES", **{"GATEWAY_OPEN_FILES": "16384", "GATEWAY_MAXCONN": "7500", **variables})
    assert (done.returncode, done.stdout) == (1, "")
    assert name in done.stderr


def test_gateway_reports_all_errors_before_it_stops(tmp_path: Path) -> None:
    wrong = {"LOG_LEVEL": "LOUD", "GATEWAY_MAXCONN": "lots", "TRUSTED_PROXIES": "proxy.lan", "TLS_HSTS_SECONDS": "year"}
    done = told(tmp_path, "GATEWAY_NAMES", **wrong)
    assert (done.returncode, done.stdout) == (1, "")
    assert [name for name in wrong if name not in done.stderr] == []


#: As HAProxy says what it does, and as its configuration has it say requests.
SAID = {
    "INFO": "[NOTICE]   (1) : haproxy version is 3.2.15",
    "WARNING": '[WARNING]  (1) : Server ws/ws1 is DOWN, reason: "L4\\timeout".',
    "ERROR": "[ALERT]    (1) : backend 'ws' has no server available!",
    "DEBUG": "[DEBUG] GET /nodes 200 in 3 ms",
}


def lines(folder: Path, **variables: str) -> list[str]:
    """What the gateway logs where HAProxy says ``SAID``."""
    stand_in = folder / "haproxy"
    said = "\n".join(f"printf '%s\\n' {shlex.quote(text)} >&2" for text in SAID.values())
    stand_in.write_text(f'#!/bin/sh\n[ "$1" = -c ] && exit\n{said}\n')
    stand_in.chmod(0o755)
    environment = {**environment_in(folder), "GATEWAY_MAXCONN": "7500", **variables}
    done = subprocess.run(
        ["sh", FILES / "bin/start-gateway"], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stderr.splitlines()


def test_lines_of_haproxy_have_time_level_and_service(tmp_path: Path) -> None:
    said = lines(tmp_path, LOG_LEVEL="DEBUG")

    assert [re.sub(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ", "", line) for line in said] == [
        f"{level} gateway: {text.removeprefix('[DEBUG] ')}" for level, text in SAID.items()
    ]


def test_lines_of_haproxy_have_the_fields_of_the_other_services_in_json(tmp_path: Path) -> None:
    said = [json.loads(line) for line in lines(tmp_path, LOG_FORMAT="json", GATEWAY_LOG_LEVEL="DEBUG")]

    assert {(*line,) for line in said} == {("time", "level", "logger", "message", "service")}
    assert [(line["level"], line["message"], line["service"]) for line in said] == [
        (level, text.removeprefix("[DEBUG] "), "gateway") for level, text in SAID.items()
    ]


@pytest.mark.parametrize(
    ("variables", "levels"),
    [
        ({}, ["INFO", "WARNING", "ERROR"]),
        ({"LOG_LEVEL": "WARNING"}, ["WARNING", "ERROR"]),
        ({"LOG_LEVEL": "WARNING", "GATEWAY_LOG_LEVEL": "ERROR"}, ["ERROR"]),
        ({"LOG_LEVEL": "ERROR", "GATEWAY_LOG_LEVEL": "INFO"}, ["INFO", "WARNING", "ERROR"]),
    ],
    ids=str,
)
def test_gateway_logs_from_its_own_level_on(tmp_path: Path, variables: dict[str, str], levels: list[str]) -> None:
    assert [line.split()[1] for line in lines(tmp_path, **variables)] == levels


@pytest.mark.parametrize("name", ["LOG_LEVEL", "GATEWAY_LOG_LEVEL", "LOG_FORMAT"])
def test_invalid_log_setting_is_refused_with_its_name(tmp_path: Path, name: str) -> None:
    done = told(tmp_path, "GATEWAY_NAMES", GATEWAY_MAXCONN="7500", **{name: "loud"})
    assert done.returncode == 1
    assert f"ERROR gateway: {name}=loud is not valid" in done.stderr
