"""The descriptions of the settings are those of what reads them, and make the files that people read."""

import ast
import platform
import sys
from pathlib import Path

import pytest

from api.config import Config as ApiConfig
from collector.config import Config as CollectorConfig
from deploy.settings import EXAMPLE, PAGE, example, page
from runtime.catalogue import CONTAINERS, OF_COMPOSE, REMOVED, RUN, SECTIONS, SETTINGS, SYSTEMD, VERSION, of_service
from runtime.settings import Environment, FromEnvironment, SettingError
from runtime.settings_check import check
from tests.drivers.wrong_settings import WRONG, Wrong, wrong_in
from ws.config import Config as WsConfig

ROOT = Path(__file__).parents[2]
CONFIGS: dict[str, type[FromEnvironment]] = {"api": ApiConfig, "ws": WsConfig, "collector": CollectorConfig}
#: Read by hosts that have Python 3.9, and nothing of ours.
ON_HOSTS = ("catalogue", "quoting", "setting", "settings_check", "target_list_types", "value_types")


@pytest.mark.parametrize("service", sorted(CONFIGS))
def test_service_reads_the_settings_that_are_described_as_its_own(service: str) -> None:
    environment = Environment({})
    CONFIGS[service].read(environment)
    assert environment.known == {setting.name for setting in of_service(service)}


def test_every_default_is_valid() -> None:
    for setting in SETTINGS.values():
        for way in (RUN, SYSTEMD, CONTAINERS):
            if default := setting.default_for(way).replace(VERSION, "0.1.0"):
                setting.read(default)


def test_setting_names_are_unique_and_not_removed_ones() -> None:
    names = [setting.name for section in SECTIONS for setting in section.settings]
    assert len(names) == len(set(names))
    assert not REMOVED.keys() & set(names)
    assert {setting.name for setting in OF_COMPOSE} <= set(names)


def test_example_and_page_are_written_from_the_descriptions() -> None:
    assert example() == EXAMPLE.read_text(), "make settings"
    assert page(PAGE.read_text()) == PAGE.read_text(), "make settings"


@pytest.mark.parametrize("name", ON_HOSTS)
def test_settings_modules_need_only_python_39_and_its_standard_library(name: str) -> None:
    tree = ast.parse((ROOT / f"runtime/{name}.py").read_text(), feature_version=(3, 9))
    modules = {
        module.partition(".")[0]
        for node in ast.walk(tree)
        for module in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert modules <= sys.stdlib_module_names | {"runtime"}
    text = (ROOT / f"runtime/{name}.py").read_text()
    assert "from __future__ import annotations\n" in text or " | None" not in text


def test_service_reports_all_invalid_settings_together() -> None:
    with pytest.raises(SettingError) as error:
        ApiConfig.from_environment({"API_THREADS": "0", "LOG_LEVEL": "LOUD", "API_PORT": "x"})
    assert sorted(line.partition("=")[0] for line in str(error.value).splitlines()) == [
        "API_PORT", "API_THREADS", "LOG_LEVEL",
    ]  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: " ".join(wrong.variables.values())[:40])
def test_invalid_setting_is_an_error_in_each_deployment_that_has_it(wrong: Wrong) -> None:
    ways = [way for way in (RUN, SYSTEMD, CONTAINERS) if wrong in wrong_in(way)]
    assert ways
    for way in ways:
        faults = check(wrong.variables, way).faults
        assert [fault for fault in faults if fault.startswith(f"{wrong.name}=") and wrong.takes in fault], (way, faults)


@pytest.mark.parametrize("way", [RUN, SYSTEMD])
@pytest.mark.parametrize(
    ("machine", "largest"), [("armv7l", 2**31 - 1), ("aarch64", 2**31 - 1), ("riscv64", 2**63 - 1)]
)
def test_gevent_is_refused_on_a_machine_without_gevent(
    way: str, machine: str, largest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(sys, "maxsize", largest)
    [fault] = check({"WS_LOOP": "gevent"}, way).faults
    assert fault.startswith("WS_LOOP='gevent' is not valid: it takes only eventlet on this machine: gevent needs x")
    assert check({"WS_LOOP": "eventlet"}, way).faults == check({}, way).faults == ()
    # The images have their own machine, which may be another one.
    assert check({"WS_LOOP": "gevent"}, CONTAINERS).faults == ()


@pytest.mark.parametrize("way", [RUN, SYSTEMD, CONTAINERS])
@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_gevent_is_accepted_on_a_machine_with_gevent(way: str, machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert check({"WS_LOOP": "gevent"}, way).faults == ()
