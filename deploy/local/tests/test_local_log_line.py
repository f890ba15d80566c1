"""Log lines of the processes of ``make run``, also of foreign programs."""

import json
import re

from deploy.local.log_line import as_log_line

OURS = "2026-11-23T09:41:07Z WARNING collector: pi is offline"
OURS_IN_JSON = '{"time": "2026-11-23T09:41:07.120Z", "level": "INFO", "logger": "x", "message": "y", "service": "api"}'


def test_line_of_a_service_stays_unchanged() -> None:
    assert as_log_line("collector", OURS, "text") == OURS
    assert as_log_line("api", OURS_IN_JSON, "json") == OURS_IN_JSON


def test_line_of_a_foreign_program_gets_the_programs_name() -> None:
    assert as_log_line("valkey", "1:M # x", "text") == "valkey: 1:M # x"
    fields = json.loads(as_log_line("valkey", '1:M # "x"', "json"))
    assert list(fields) == list(json.loads(OURS_IN_JSON))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", fields.pop("time"))
    assert fields == {"level": "INFO", "logger": "valkey", "message": '1:M # "x"', "service": "valkey"}


def test_name_of_a_program_is_not_repeated() -> None:
    assert as_log_line("redis", "redis: no such file", "text") == "redis: no such file"
    assert json.loads(as_log_line("redis", "redis: no such file", "json"))["message"] == "no such file"
