"""Prometheus's files: its own tests of the rules, and that metrics, jobs and runbooks they name are there."""

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
#: Seconds that a busy machine gets.
PATIENT_SECONDS = 120
#: Of Prometheus itself, and of ws.
OTHERS = {"up", "ws_redis_up"}


@pytest.fixture(scope="module")
def promtool() -> Path:
    found = find_promtool()
    if found is None:
        pytest.fail("no promtool: python -m tests.prepare gets one, and make test PROMTOOL=0 leaves these tests out")
    return found


def check(promtool: Path, *words: object) -> None:
    command = [str(word) for word in (promtool, *words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENT_SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr


def rules() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load((FOLDER / "rules.yml").read_text())["groups"][0]["rules"]
    return found


def configuration(way: str, *, is_closed: bool = False) -> str:
    text = (FOLDER / f"{way}.yml").read_text()
    return text.replace("#authorization:", "authorization:") if is_closed else text


def test_rules_do_what_their_unit_tests_say(promtool: Path) -> None:
    check(promtool, "check", "rules", FOLDER / "rules.yml")
    check(promtool, "test", "rules", FOLDER / "rules_test.yml", FOLDER / "rules_slow_test.yml")


def test_every_alert_has_a_unit_test_in_which_it_fires() -> None:
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
def test_who_wants_a_token_in_closed_access_gets_one(way: str) -> None:
    jobs = yaml.safe_load(configuration(way, is_closed=True))["scrape_configs"]
    with_token = {job["job_name"] for job in jobs if "authorization" in job}
    assert with_token == {"dispycluster-api", "dispycluster-ws"}
    names = {"dispycluster-api", "dispycluster-ws", "dispycluster-collector"}
    gateway = set() if way in ("local", "systemd") else {"dispycluster-gateway"}
    assert {job["job_name"] for job in jobs} == names | gateway


def test_runbook_of_every_alert_is_a_section_that_exists() -> None:
    for rule in rules():
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        headings = re.findall(r"^#+ (.*)", (ROOT / page).read_text(), re.MULTILINE)
        assert anchor in {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}, rule


def families(page: bytes) -> list[Metric]:
    return list(text_string_to_metric_families(page.decode()))


def test_metrics_that_rules_name_are_those_of_the_services() -> None:
    api = ApiCounters()
    api.observe_redis(lambda: True)
    pages = families(api.text()) + families(collector_metrics.exposition()[0])
    # Those that are not known now are absent there.
    absent = {
        each.name for each in vars(collector_metrics).values() if isinstance(each, collector_metrics.OptionalGauge)
    }
    known = {family.name for family in pages} | absent
    for rule in rules():
        for name in re.findall(r"\b(?:(?:api|ws|collector|dispycluster)_[a-z_]+|up)\b", rule["expr"]):
            assert name.removesuffix("_total") in known | OTHERS, rule
