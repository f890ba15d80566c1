"""The installed units are valid for systemd, and name only variables that the services read."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.systemd.install import install
from deploy.local.systemd.layout import SERVICES, TARGET, Layout
from deploy.local.systemd.services import UNITS, unit_files
from deploy.local.systemd.settings import TEMPLATES, optional_variables

ROOT = Path(__file__).parents[4]
COMMON = UNITS / "dispycluster-.service.d" / "00-common.conf"
#: Targets of systemd that the units depend on.
OF_SYSTEMD = ("basic", "multi-user", "network", "shutdown", "sysinit", "system")
#: Keys that may have several lines, which all count.
ACCUMULATE = {"After", "Environment", "EnvironmentFile", "SystemCallFilter"}


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A root folder in which the product is installed."""
    install(Layout(tmp_path), {})
    for path in ("bin/sh", "usr/bin/env", "opt/dispycluster/current/.venv/bin/python"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("#!/bin/sh\n")
        (tmp_path / path).chmod(0o755)
    own = tmp_path / "usr/lib/systemd/system"
    own.mkdir(parents=True)
    for name in OF_SYSTEMD:
        (own / f"{name}.{'slice' if name == 'system' else 'target'}").write_text(f"[Unit]\nDescription={name}\n")
    return tmp_path


def verified(machine: Path) -> str:
    """Return the errors of ``systemd-analyze verify``; empty if there are none."""
    assert shutil.which("systemd-analyze"), "systemd-analyze is missing: sudo apt-get install -y systemd"
    command = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=yes", f"--root={machine}"]
    units = [str(machine / "etc/systemd/system" / unit) for unit in (TARGET, *SERVICES)]
    done = subprocess.run([*command, *units], capture_output=True, text=True)
    output = done.stdout + done.stderr
    assert done.returncode == 0 or output, done.returncode
    return output


def keys(path: Path) -> dict[str, list[str]]:
    """Return the keys of a unit file with their values."""
    found: dict[str, list[str]] = {}
    for key, value in re.findall(r"^(\w+)=(.*)$", path.read_text(), re.MULTILINE):
        found.setdefault(key, []).append(value)
    return found


def test_systemd_accepts_the_installed_units(machine: Path) -> None:
    assert verified(machine) == ""


@pytest.mark.parametrize(
    ("unit", "line"),
    [
        ("dispycluster-api.service", "MemoryMxa=1G"),
        ("dispycluster-.service.d/00-common.conf", "ProtectClock=perhaps"),
        ("dispycluster-gateway.service", "ExecStartPost=/opt/dispycluster/none"),
    ],
)
def test_systemd_rejects_a_mistake_in_each_unit(machine: Path, unit: str, line: str) -> None:
    with (machine / "etc/systemd/system" / unit).open("a") as file:
        file.write(f"{line}\n")
    assert verified(machine) != ""


def test_every_service_and_the_target_has_a_unit() -> None:
    units = {str(path) for path in unit_files()}
    assert units == {TARGET, *SERVICES, "dispycluster-.service.d/00-common.conf"}
    assert keys(UNITS / TARGET)["Wants"] == [" ".join(SERVICES)]


def test_no_unit_sets_a_key_of_the_common_file() -> None:
    # A drop-in overrides the unit.
    common = keys(COMMON).keys()
    for service in SERVICES:
        assert keys(UNITS / service).keys() & common <= ACCUMULATE, service


@pytest.mark.parametrize("service", SERVICES)
def test_service_is_restarted_limited_and_sandboxed(service: str) -> None:
    # given
    own, common = keys(UNITS / service), keys(COMMON)
    every = {key: value[-1] for key, value in (own | common).items()}
    # then
    assert every["Restart"] == "always"
    assert every["StartLimitIntervalSec"] == "0"
    assert every["User"] == "dispycluster"
    assert {"MemoryMax", "TasksMax", "CPUWeight", "LimitNOFILE"} <= every.keys()
    assert {"CapabilityBoundingSet", "RestrictAddressFamilies", "ProtectProc"} <= every.keys()
    assert every["NoNewPrivileges"] == every["PrivateTmp"] == every["MemoryDenyWriteExecute"] == "yes"
    assert own["SystemCallFilter"][0] == "@system-service"
    assert own["SystemCallFilter"][1].startswith("~@privileged")


def test_only_the_collector_sees_the_real_file_systems() -> None:
    narrowing = {"ProtectSystem", "ProtectHome", "ProcSubset", "InaccessiblePaths", "ReadOnlyPaths", "ProtectHostname"}
    assert not narrowing & (keys(UNITS / "dispycluster-collector.service").keys() | keys(COMMON).keys())
    for service in set(SERVICES) - {"dispycluster-collector.service"}:
        own = keys(UNITS / service)
        assert (own["ProtectSystem"], own["ProtectHome"], own["ProcSubset"]) == (["strict"], ["yes"], ["pid"])


def test_paths_in_the_units_are_those_of_the_layout() -> None:
    layout = Layout()
    for service in SERVICES:
        for key in ("ExecStart", "ExecStartPost"):
            for line in keys(UNITS / service).get(key, []):
                command = re.sub(r'^/usr/bin/env "[^"]*" ', "", line)
                assert command.startswith(f"{layout.python} -m ")
                module = command.split()[2]
                parts = module.split(".")
                assert any(
                    (ROOT / folder).joinpath(*parts).with_suffix(".py").exists()
                    or (ROOT / folder).joinpath(*parts, "__main__.py").exists()
                    for folder in (".", "services")
                ), command
    assert keys(COMMON)["EnvironmentFile"] == [str(layout.valkey_environment), str(layout.environment)]
    assert keys(UNITS / "dispycluster-valkey.service")["StateDirectory"] == [layout.data.name]
    for service in ("api", "gateway"):
        lines = " ".join(keys(UNITS / f"dispycluster-{service}.service")["Environment"])
        found = dict(assignment.split("=", 1) for assignment in lines.split())
        assert found.items() >= layout.access.variables().items()
        assert found.get("ACCESS_USERS_DIR") == (str(layout.access.users) if service == "api" else None)


def test_api_trusts_its_peer_which_is_the_gateway() -> None:
    [command] = keys(UNITS / "dispycluster-api.service")["ExecStart"]
    assert command.startswith('/usr/bin/env "TRUSTED_PROXIES=peer ${TRUSTED_PROXIES}" ')
    # The gateway does not trust its peers: any client may connect.
    assert "peer" not in (UNITS / "dispycluster-gateway.service").read_text()


#: Prints the variables that the services read. Runs separately, as the ws service patches the standard library.
_VARIABLES_SCRIPT = """
from deploy.local.gateway import GatewayConfig
from ws.config import Config as Ws
from api.config import Config as Api
from collector.config import Config as Collector

class Asked(dict):
    def get(self, name, default=None):
        print(name)
        return super().get(name, default)

for config in (GatewayConfig, Ws, Api, Collector):
    config.from_environment(Asked())
"""


def test_every_variable_of_units_and_settings_is_read_by_a_service(machine: Path) -> None:
    # given
    done = subprocess.run(
        [sys.executable, "-c", _VARIABLES_SCRIPT], cwd=ROOT, capture_output=True, text=True, check=True
    )
    known = set(done.stdout.split())
    assert {"PORT", "REDIS_URL", "COLLECTOR_TARGETS", "API_THREADS", "WS_ALLOWED_ORIGINS"} <= known
    # when
    in_units = {
        assignment.partition("=")[0]
        for path in (COMMON, *(UNITS / service for service in SERVICES))
        for line in keys(path).get("Environment", [])
        for assignment in line.split()
    }
    in_settings = set(optional_variables((TEMPLATES / "environment").read_text()))
    in_access = set(re.findall(r"^(\w+)=", (machine / "etc/dispycluster/valkey.environment").read_text(), re.MULTILINE))
    # then
    of_python_and_libc = {"PYTHONSAFEPATH", "PYTHONUNBUFFERED", "MALLOC_ARENA_MAX"}
    of_valkeys_unit = {"VALKEY_URL"}
    assert (in_units | in_settings | in_access) - of_python_and_libc - of_valkeys_unit <= known
    assert len(in_settings) > 10
