"""Lines of the log: what a person reads, what a program reads, and from which level on."""

import json
import logging
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from runtime import catalogue
from runtime.logs import configure_logs, refuse_start
from runtime.settings import Environment, SettingError

FIELDS = ["time", "level", "logger", "message", "service"]


@pytest.fixture(autouse=True)
def former_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_line_for_people_has_time_level_and_service(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("api")
    logging.getLogger("api.store").warning("what is stored under %s cannot be read", "x")

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ WARNING api: what is .* read\n", capsys.readouterr().err)


def test_json_line_has_the_common_fields_and_the_fields_of_the_call(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("api", "DEBUG", "json")
    logging.getLogger("api.requests").debug('"%s"\nü', "x", extra={"status": 200})

    (line,) = capsys.readouterr().err.splitlines()
    fields = json.loads(line)
    assert list(fields) == [*FIELDS, "status"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", fields.pop("time"))
    assert fields == {
        "level": "DEBUG", "service": "api", "logger": "api.requests", "message": '"x"\nü', "status": 200,
    }  # fmt: skip


def test_exception_is_a_field_of_its_line_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("api", log_format="json")
    try:
        raise ValueError("bad")
    except ValueError:
        logging.getLogger("x").exception("it failed")

    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["exception"].endswith("ValueError: bad")


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_refusal_to_start_has_the_format_that_is_set(capsys: pytest.CaptureFixture[str], log_format: str) -> None:
    faults = ["WS_PORT='x' is not valid", "WS_SLOW_SECONDS='y' is not valid"]
    refuse_start("ws", "\n".join(faults), {"WS_PORT": "x", "LOG_FORMAT": log_format})

    lines = capsys.readouterr().err.splitlines()
    assert [line.startswith("{") for line in lines] == [log_format == "json"] * 2
    assert all("ERROR" in line for line in lines)
    assert [re.search(r"WS_\w+='.' is not valid", line)[0] for line in lines] == faults  # type: ignore[index]


def test_json_formatter_is_imported_only_for_json() -> None:
    code = (
        "import sys; from runtime.logs import configure_logs\n"
        "for kind in ('text', 'json'): configure_logs('x', 'INFO', kind); print('pythonjsonlogger' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


@pytest.mark.parametrize(
    ("variables", "services", "level"),
    [
        ({}, ("api",), "INFO"),
        ({"LOG_LEVEL": "ERROR"}, ("api",), "ERROR"),
        ({"LOG_LEVEL": "ERROR", "API_LOG_LEVEL": "DEBUG"}, ("api",), "DEBUG"),
        ({"LOG_LEVEL": "ERROR", "WS_LOG_LEVEL": "DEBUG"}, ("api",), "ERROR"),
        ({"LOG_LEVEL": "ERROR", "WS_LOG_LEVEL": "DEBUG"}, ("gateway", "ws"), "DEBUG"),
        ({"GATEWAY_LOG_LEVEL": "WARNING", "WS_LOG_LEVEL": "DEBUG"}, ("gateway", "ws"), "WARNING"),
    ],
)
def test_level_of_a_service_wins_over_that_of_all(
    variables: dict[str, str], services: tuple[str, ...], level: str
) -> None:
    assert Environment(variables).log_level(*services) == level


def test_invalid_log_level_is_refused_with_its_setting() -> None:
    with pytest.raises(SettingError, match="API_LOG_LEVEL"):
        Environment({"API_LOG_LEVEL": "LOUD"}).log_level("api")
    with pytest.raises(SettingError, match="LOG_FORMAT"):
        Environment({"LOG_FORMAT": "xml"}).value(catalogue.LOG_FORMAT)
