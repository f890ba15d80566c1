"""The files for Prometheus: unit tests of the rules; metrics, jobs and runbooks that they name exist."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from api.counters import Counters as ApiCounters
from collector import metrics as collector_metrics
from tests.drivers.process import ROOT
from tests.prepare import find_promtool

FOLDER = ROOT / "deploy" / "prometheus"
WAYS = ("local", "compose", "systemd", "kubernetes")
#: Seconds for a busy machine.
PATIENT_SECONDS = 120
#: Metrics of Prometheus itself, and of ws.
OTHERS = {"up", "ws_redis_up"}


@pytest.fixture(scope="module")
def promtool() -> Path:
    found = find_promtool()
    if found is None:
        pytest.fail("no promtool: python -m tests.prepare installs it, and make test PROMTOOL=0 skips these tests")
    return found


def check(promtool: Path, *arguments: object) -> None:
    command = [str(word) for word in (promtool, *arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENT_SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr


def rules() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load((FOLDER / "rules.yml").read_text())["groups"][0]["rules"]
    return found


def configuration(way: str, *, is_closed: bool = False) -> str:
    text = (FOLDER / f"{way}.yml").read_text()
    return text.replace("#authorization:", "authorization:") if is_closed else text


def test_rules_pass_their_unit_tests(promtool: Path) -> None:
    check(promtool, "check", "rules", FOLDER / "rules.yml")
    check(promtool, "test", "rules", FOLDER / "rules_test.yml", FOLDER / "rules_slow_test.yml")


def test_every_alert_fires_in_a_unit_test() -> None:
    fired = set()
    for name in ("rules_test.yml", "rules_slow_test.yml"):
        for test in yaml.safe_load((FOLDER / name).read_text())["tests"]:
            fired |= {case["alertname"] for case in test.get("alert_rule_test", ()) if case["exp_alerts"]}
    assert fired == {rule["alert"] for rule in rules()}
    assert len(fired) == 10


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("is_closed", [False, True], ids=["open", "closed"])
def test_configurations_are_valid(promtool: Path, tmp_path: Path, way: str, is_closed: bool) -> None:
    # Debian's Prometheus is built without the discovery of Kubernetes.
    text = re.sub(r"kubernetes_sd_configs: .*", "static_configs: []", configuration(way, is_closed=is_closed))
    (tmp_path / "prometheus.yml").write_text(text)
    check(promtool, "check", "config", "--syntax-only", tmp_path / "prometheus.yml")


@pytest.mark.parametrize("way", WAYS)
def test_jobs_of_api_and_ws_send_a_token_when_access_is_closed(way: str) -> None:
    jobs = yaml.safe_load(configuration(way, is_closed=True))["scrape_configs"]
    with_token = {job["job_name"] for job in jobs if "authorization" in job}
    assert with_token == {"dispycluster-api", "dispycluster-ws"}
    names = {"dispycluster-api", "dispycluster-ws", "dispycluster-collector"}
    gateway = set() if way in ("local", "systemd") else {"dispycluster-gateway"}
    assert {job["job_name"] for job in jobs} == names | gateway


def test_runbook_of_every_alert_exists() -> None:
    for rule in rules():
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        headings = re.findall(r"^#+ (.*)", (ROOT / page).read_text(), re.MULTILINE)
        assert anchor in {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}, rule


def families(exposition: bytes) -> list[Metric]:
    return list(text_string_to_metric_families(exposition.decode()))


def test_metrics_in_rules_exist() -> None:
    api = ApiCounters()
    api.observe_redis(lambda: True)
    present = families(api.text()) + families(collector_metrics.exposition()[0])
    # A gauge without a value is absent from the exposition.
    absent = {
        each.name for each in vars(collector_metrics).values() if isinstance(each, collector_metrics.OptionalGauge)
    }
    known = {family.name for family in present} | absent
    for rule in rules():
        for name in re.findall(r"\b(?:(?:api|ws|collector|dispycluster)_[a-z_]+|up)\b", rule["expr"]):
            assert name.removesuffix("_total") in known | OTHERS, rule
