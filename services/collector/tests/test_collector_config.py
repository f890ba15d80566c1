from pathlib import Path

import pytest

from collector.config import Config
from runtime.settings import SettingError


def test_config_has_defaults_when_nothing_is_set():
    config = Config.from_environment({})

    assert config.redis_url == "redis://127.0.0.1:6379/0"
    assert (config.host, config.port, config.cluster) == ("127.0.0.1", 8002, "cluster")
    assert (config.targets_paths, config.rules_path) == ((Path("nodes.yaml"),), None)
    assert (config.local_exporter, config.local_name, config.dns_targets) == (None, None, ())
    assert (config.interval_seconds, config.timeout_seconds) == (2.0, 2.0)


@pytest.mark.parametrize(("interval", "timeout"), [("1", 1.0), ("60", 5.0)])
def test_timeout_follows_the_interval_when_it_is_not_set(interval, timeout):
    assert Config.from_environment({"COLLECTOR_SCRAPE_INTERVAL_SECONDS": interval}).timeout_seconds == timeout


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("COLLECTOR_SCRAPE_TIMEOUT_SECONDS", "2.5"),
        ("COLLECTOR_SCRAPE_TIMEOUT_SECONDS", "0"),
        ("COLLECTOR_SCRAPE_INTERVAL_SECONDS", "0.01"),
        ("COLLECTOR_SCRAPE_INTERVAL_SECONDS", "nan"),
        ("COLLECTOR_PORT", "0"),
        ("CLUSTER_NAME", "a\x07"),
        ("CLUSTER_NAME", "x" * 101),
        ("LOG_LEVEL", "LOUD"),
        ("REDIS_URL", "http://redis"),
        ("COLLECTOR_TARGETS", " , "),
        ("COLLECTOR_LOCAL_EXPORTER", "http://exporter:9100"),
        ("COLLECTOR_LOCAL_EXPORTER", "exporter:0"),
        ("COLLECTOR_LOCAL_EXPORTER", "[fd00::6"),
        ("COLLECTOR_LOCAL_EXPORTER", "a b"),
        ("COLLECTOR_TARGETS", "/config/*/nodes.yaml"),
        ("COLLECTOR_DNS_TARGETS", "pis http://pis:9100"),
        ("COLLECTOR_DNS_TARGETS", "pis:0"),
        ("COLLECTOR_DNS_TARGETS", "a" * 64),
        ("COLLECTOR_LOCAL_NAME", "a\x07"),
        ("COLLECTOR_LOCAL_NAME", "x" * 254),
    ],
)
def test_config_names_the_variable_when_its_value_is_not_valid(name, value):
    with pytest.raises(SettingError, match=name):
        Config.from_environment({name: value})


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("/config/nodes.yaml", ["/config/nodes.yaml"]),
        ("/config/nodes.yaml, my nodes.yaml,", ["/config/nodes.yaml", "my nodes.yaml"]),
        ("nodes.yaml,/config/file_sd/*.json", ["nodes.yaml", "/config/file_sd/*.json"]),
    ],
)
def test_targets_paths_are_one_or_several_when_commas_separate_them(text, paths):
    config = Config.from_environment({"COLLECTOR_TARGETS": text})

    assert config.targets_paths == tuple(map(Path, paths))


@pytest.mark.parametrize(
    ("text", "exporter"),
    [
        ("exporter", ("exporter", 9100)),
        ("exporter:9200", ("exporter", 9200)),
        ("[fd00::6]:9200", ("fd00::6", 9200)),
        ("fd00::6", ("fd00::6", 9100)),
    ],
)
def test_local_exporter_has_host_and_port_when_it_is_set(text, exporter):
    assert Config.from_environment({"COLLECTOR_LOCAL_EXPORTER": text}).local_exporter == exporter


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("pis", [("pis", 9100)]),
        (
            "pis.lan:9200, exporters.monitoring.svc PIS",
            [("pis.lan", 9200), ("exporters.monitoring.svc", 9100), ("pis", 9100)],
        ),
        ("pis, pis:9100", [("pis", 9100)]),
    ],
)
def test_dns_targets_are_one_or_several_when_commas_or_spaces_separate_them(text, names):
    assert Config.from_environment({"COLLECTOR_DNS_TARGETS": text}).dns_targets == tuple(names)


def test_local_name_is_a_name_when_it_is_set():
    assert Config.from_environment({"COLLECTOR_LOCAL_NAME": " edge node "}).local_name == "edge node"
