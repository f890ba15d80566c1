"""Every route refuses an invalid query parameter and names the parameter."""

import pytest
from flask.testing import FlaskClient

from contract.history import MEASURES

TIMES = (
    "", "x", "1795426867", "2026-11-23", "2026-11-23T09:41:07", "2026-11-23T09:41:07%2B01:00", "2026-13-23T09:41:07Z",
    "2026-11-23T09:41:60Z", "1969-12-31T23:59:59Z", "3000-01-01T00:00:00Z", "%D9%A2026-11-23T09:41:07Z",
    "2026-11-23T09:41:07Z%00",
)  # fmt: skip
#: By path, the validated parameters and invalid values of each.
VALUES: dict[str, dict[str, tuple[str, ...]]] = {
    "/api/alerts/log": {
        "limit": ("0", "-1", "1001", "", "ten", "1.5", "1e2", "%EF%BC%91", "9" * 5000, "1_0", "%00"),
        "after": (
            "", "x", "1", "1-", "-1", "1-1-1", "1-1%0A", "%FF", "(1-1", "-", "+", "$", "1-" + "9" * 16, "%D9%A1-1",
        ),
    },
    "/api/incidents": {
        "limit": ("0", "1001", "", "x", "-5", "1%0A"),
        "hours": ("0", "8785", "", "x", "1.5"),
        "after": ("", "x", "7", "7-", "7-7%0A", "(7-7"),
        "severity": ("", "warning&severity=fatal"),
        "format": ("", "CSV", "xlsx"),
    },
    "/api/history": {
        "points": ("0", "1", "1001", "", "x", "-5", "1e2", "9" * 5000, "%D9%A3"),
        "range_seconds": ("59", "608401", "", "x", "60.5", "1%0A", "60&start=2026-11-23T09:00:00Z"),
        "start": (
            *TIMES, "2026-11-23T09:41:07Z&end=2026-11-23T09:41:07Z", "2026-11-23T09:41:08Z&end=2026-11-23T09:41:07Z",
            "2099-01-01T00:00:00Z",
        ),
        "end": TIMES,
        "measure": ("cpu", "cpu_usage&measure="),
        "node": ("", "&node=".join(f"n{number}" for number in range(51))),
        "format": ("", "CSV", "xlsx"),
    },
    "/api/history/top": {
        "measure": ("cpu", "", "cpu_usage&measure=load1"),
        "by": ("", "min", "now", "AVG"),
        "limit": ("0", "10001", "", "x", "-5", "1%0A"),
        "range_seconds": ("59", "608401", "", "x", "60&start=2026-11-23T09:00:00Z"),
        "start": (*TIMES, "2026-11-23T09:41:08Z&end=2026-11-23T09:41:07Z"),
        "end": TIMES,
        "format": ("", "CSV", "xlsx"),
    },
    "/api/history/moment": {"at": (*TIMES, "2099-01-01T00:00:00Z")},
    "/api/history/marks": {
        "range_seconds": ("59", "608401", "", "x", "60&start=2026-11-23T09:00:00Z"),
        "start": (*TIMES, "2026-11-23T09:41:08Z&end=2026-11-23T09:41:07Z"),
        "end": TIMES,
        "node": ("", "&node=".join(f"n{number}" for number in range(51))),
    },
    "/api/cluster/nodes": {"format": ("", "CSV", "xlsx")},
}  # fmt: skip
CASES = [(path, name, value) for path, named in VALUES.items() for name, values in named.items() for value in values]


@pytest.mark.parametrize(("path", "name", "value"), CASES, ids=lambda text: text[:40])
def test_parameter_is_named_when_its_value_is_bad(client: FlaskClient, path: str, name: str, value: str) -> None:
    response = client.get(f"{path}?{name}={value}")
    assert (response.status_code, response.mimetype) == (400, "application/problem+json")
    assert f"'{name}'" in response.get_json()["detail"]


def test_problem_lists_the_measures_when_an_unknown_one_is_requested(client: FlaskClient) -> None:
    detail = client.get("/api/history?measure=cpu").get_json()["detail"]
    assert all(measure in detail for measure in MEASURES)
