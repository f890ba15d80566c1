"""Install the services, bring an installation to this copy of the product, or remove it.

All conditions are checked before the first change: each error names the cause and the remedy. Data and settings stay,
except when their deletion is requested and confirmed.
"""

import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

from access.mode_required import is_loopback
from access.settings import read_mode
from contract import VERSION
from deploy.host.addresses import probe_host, urls
from deploy.host.listening import is_free, listener_name
from deploy.host.status import ReadinessCheck, node_issue_lines, nodes_answering
from deploy.local.ports import require_public_port
from deploy.local.refusal import CannotStart, confirm
from deploy.local.settings import Settings
from deploy.local.systemd.layout import (
    COMMAND,
    SERVICES,
    TARGET,
    USER,
    Layout,
    add_release,
    link_command,
    make_environment,
    remove_releases,
    switch_to,
    unlink_command,
)
from deploy.local.systemd.service_user import (
    AS_SERVICE_USER,
    create_service_user,
    service_environment,
    service_user_ids,
)
from deploy.local.systemd.services import (
    is_active,
    remove_units,
    restart_all,
    restarts,
    stop_all,
    systemctl,
    with_last_lines,
    write_units,
)
from deploy.local.systemd.settings import SettingsFiles
from runtime.catalogue import SYSTEMD
from runtime.settings import Environment, SettingError
from runtime.settings_check import check

#: Folders that the units hide from the services.
_HIDDEN_FOLDERS = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # noqa: S108 (the installer writes no file there)
#: Seconds from the start of the services to a page with data, enough for the slowest board.
READY_SECONDS: Final = 120.0
#: Restarts of a service after which the installer stops waiting.
RESTARTS_LIMIT: Final = 3
_POLL_SECONDS: Final = 0.5


def install(layout: Layout, given: Mapping[str, str]) -> None:
    """Install or update; ``given`` are the caller's environment variables.

    Raises:
        CannotStart: a condition is not met, or the page did not answer in time.
        SettingError: a value is not valid.
        OSError: a file cannot be written.
    """
    if layout.is_machine:
        require_systemd()
        require_root("install")
        require_shared_python()
    require_nothing_simulated(given)
    files = SettingsFiles(layout, given)
    require_reachable_ca(files.variables)
    settings = require_settings(layout, files, given)
    require_redis(files.variables)
    if layout.is_machine and not any(map(is_active, SERVICES)):
        require_ports(settings, files)

    say(f"DispyCluster Live {VERSION}: code is installed in {layout.code}, settings in {layout.settings}")
    release = add_release(layout)
    if layout.is_machine:
        create_service_user()
        make_environment(release, files.variables)
    for path in files.write():
        say(f"  created {path}")
    layout.access.make(service_user_ids() if layout.is_machine else None)
    for name in files.ignored:
        say(f"  {name} is ignored: the settings in {layout.environment} apply; change it there")
    write_units(layout)
    previous = switch_to(layout, release)
    if not link_command(layout):
        say(f"  {layout.command} is another program; the command of the services is {COMMAND}")
    if not layout.is_machine:
        say(f"The files are in {layout.root}. No service was started.")
        return

    say("Starting the services …")
    restart_all(previous)
    check = wait_until_live(layout, settings, previous)
    remove_releases(layout, {release} | ({previous} if previous else set()))
    print_summary(settings, check)
    print_next_steps(layout, settings)


def uninstall(layout: Layout, *, purge: bool) -> None:
    """Stop the services, and remove their units and code; with ``purge``, after a question, settings and data too.

    Raises:
        CannotStart: systemd does not run, the caller is not root, or the question gets no answer.
        OSError: a file cannot be removed.
    """
    if layout.is_machine:
        require_systemd()
        require_root("uninstall")
        say("Stopping the services …")
        stop_all(layout)
    is_installed = layout.current.is_symlink()
    remove_units(layout)
    unlink_command(layout)
    if layout.is_machine:
        systemctl("daemon-reload")
        systemctl("reset-failed", "dispycluster-*")
    if is_installed:
        shutil.rmtree(layout.code)
    say("The services and their code are removed." if is_installed else "No services were installed.")
    remains = [path for path in (layout.settings, layout.data) if path.exists()]
    if not remains:
        return
    named = " and ".join(map(str, remains))
    if not (purge and confirm(f"Permanently delete {named}?")):
        say(f"Settings and data stay in {named}. To delete them too: sudo make uninstall-service PURGE=1")
        return
    for path in remains:
        shutil.rmtree(path)
    if layout.is_machine:
        subprocess.run(["userdel", USER], capture_output=True)
    say(f"Deleted {named}.")


def say(text: str = "") -> None:
    """Print a line for the user."""
    print(text, flush=True)


def wait_until_live(layout: Layout, settings: Settings, previous: Path | None) -> ReadinessCheck:
    """Wait until the api has live data and the page answers; return the finished check.

    Raises:
        CannotStart: that did not happen in time; the text has the cause and the services' last log lines.
    """
    variables = service_environment(layout, os.environ)
    check = ReadinessCheck([str(layout.python)], variables, probe_host(settings.host), settings.port, **AS_SERVICE_USER)
    with closing(check):
        while not check.is_ready():
            failing = [service for service in SERVICES if restarts(service) >= RESTARTS_LIMIT]
            if failing or check.elapsed_seconds > READY_SECONDS:
                text = f"The page shows no data after {check.elapsed_seconds:.0f} s: {check.missing}."
                raise CannotStart(with_last_lines(text, failing or SERVICES, previous))
            time.sleep(_POLL_SECONDS)
    return check


def print_summary(settings: Settings, check: ReadinessCheck) -> None:
    """Print the URLs of the pages and the problems of the nodes."""
    status = check.status
    answering = nodes_answering(status.nodes_online, status.nodes_total)
    say(f"\nLive after {check.elapsed_seconds:.1f} s; {answering}. Open:\n")
    for url in urls(settings.host, settings.port):
        say(f"    {url}")
    for line in node_issue_lines(status.issues):
        say(line)


def print_next_steps(layout: Layout, settings: Settings) -> None:
    """Print how people sign in, and the commands for the next steps."""
    if settings.is_closed:
        hint = "There is no user yet. Add the first:" if layout.access.is_empty() else "Add another user:"
        say(f"\nEverybody must sign in. {hint} {layout.add_user_command}")
    if is_loopback(settings.host):
        lines = "PUBLIC_HOST=0.0.0.0 and ACCESS=closed"
        say(f"\nOnly this machine can open the pages. To open them to others, set {lines} in {layout.environment}.")
    if not are_memory_limits_enforced():
        say(
            "\nThe kernel does not enforce memory limits. On Raspberry Pi OS, add cgroup_enable=memory to the line in "
            "/boot/firmware/cmdline.txt and restart the machine."
        )
    say(f"""
  nodes      edit {layout.nodes}; changes take effect immediately
             check the nodes: {layout.command_line("check-nodes")}
  alerts     edit {layout.alerts}; changes take effect immediately
  settings   edit {layout.environment}, then: sudo systemctl restart {TARGET}
  logs       journalctl -f -u 'dispycluster-*'
  status     systemctl status 'dispycluster-*'; {layout.command_line("status")}
  update     sudo make install-service, in a newer copy of the project
  remove     sudo make uninstall-service; data and settings stay""")


def require_systemd(system: str = sys.platform, run: Path = Path("/run/systemd/system")) -> None:
    """Check that systemd runs this machine.

    Raises:
        CannotStart: systemd does not run this machine.
    """
    if system != "linux":
        raise CannotStart("Services need Linux with systemd. On this machine, use make run")
    if not run.is_dir():
        raise CannotStart(
            "systemd does not run this machine (a container, or another init). Use make run, or Docker: make up"
        )


def require_root(action: str, user: int | None = None) -> None:
    """Check that the caller is root.

    Raises:
        CannotStart: the caller is not root.
    """
    if (os.geteuid() if user is None else user) != 0:
        raise CannotStart(f"This needs root: sudo make {action}-service")


def require_shared_python(executable: str = sys.executable) -> None:
    """Check that the services' user can run this Python.

    Raises:
        CannotStart: the user cannot.
    """
    path = Path(executable).resolve()
    closed = [str(folder) for folder in path.parents if not folder.stat().st_mode & stat.S_IXOTH]
    hidden = [folder for folder in _HIDDEN_FOLDERS if path.is_relative_to(folder)]
    if closed or hidden:
        raise CannotStart(
            f"The Python {path} lies in {(hidden or closed)[0]}, which services cannot read. "
            "Choose the system's Python: sudo make install-service PYTHON=/usr/bin/python3"
        )


def require_redis(variables: Mapping[str, str], machine: str = "", *, is_64_bit: bool = sys.maxsize > 2**32) -> None:
    """Check that this machine has an embedded Valkey, or that ``REDIS_URL`` is set.

    Raises:
        CannotStart: neither is the case.
    """
    machine = machine or os.uname().machine
    if not variables.get("REDIS_URL") and not (is_64_bit and machine in ("x86_64", "aarch64")):
        kind = machine if is_64_bit else "32-bit systems"
        raise CannotStart(
            f"There is no embedded Valkey for {kind}. Use a Redis of your own: sudo apt-get install -y redis-server "
            "&& sudo make install-service REDIS_URL=redis://127.0.0.1:6379/0"
        )


def require_reachable_ca(variables: Mapping[str, str]) -> None:
    """Check that ``REDIS_CA_FILE`` is an absolute path outside the folders that the units hide.

    Raises:
        CannotStart: the path is relative or hidden.
    """
    name = variables.get("REDIS_CA_FILE", "").strip()
    path = Path(name)
    if name and (not path.is_absolute() or any(path.resolve().is_relative_to(folder) for folder in _HIDDEN_FOLDERS)):
        raise CannotStart(
            f"REDIS_CA_FILE={name} is not where services can read it. Copy the file, and set the variable to the copy: "
            f"sudo install -D -m 644 {name} /etc/dispycluster/redis-ca.crt"
        )


def require_settings(layout: Layout, files: SettingsFiles, given: Mapping[str, str]) -> Settings:
    """Check the settings of all services, print likely mistakes, and return the settings of this way to run.

    Raises:
        SettingError: values are not valid; the text names the variable of each.
    """
    try:
        require_choice(layout, files)
        settings, notes = Settings.checked(files.variables, SYSTEMD, files.variables)
    except SettingError as error:
        faults = check(files.variables, SYSTEMD, files.variables).faults
        raise SettingError.of_lines([*str(error).split("\n"), *faults]) from None
    if files.is_first:
        notes += check(given, SYSTEMD).notes
    for note in dict.fromkeys(notes):
        say(f"Note: {note}")
    return settings


def require_choice(layout: Layout, files: SettingsFiles) -> None:
    """Check that ``ACCESS`` is set if other machines can reach the pages.

    Raises:
        SettingError: ``ACCESS`` is missing; the text has the lines that set it.
    """
    host = files.variables.get("PUBLIC_HOST", "").strip()
    install_command = f"sudo make install-service PUBLIC_HOST={host} {{}}"
    read_mode(
        Environment(files.variables),
        layout.add_user_command,
        install_command if files.is_first else f"echo {{}} | sudo tee -a {files.path}",
    )


def require_nothing_simulated(given: Mapping[str, str]) -> None:
    """Check that ``DEMO_NODES`` is not set: only ``make run`` has simulated nodes.

    Raises:
        CannotStart: ``DEMO_NODES`` is set.
    """
    if given.get("DEMO_NODES", "").strip() not in ("", "0"):
        raise CannotStart("DEMO_NODES is for make run only: services watch real nodes.")


def require_ports(settings: Settings, files: SettingsFiles) -> None:
    """Check that the ports of the services are free.

    Raises:
        CannotStart: a port is taken, or the public address is not an address of this machine.
    """
    how_to_choose = "sudo make install-service PORT={}" if files.is_first else f"PORT={{}} in {files.path}"
    require_public_port(settings.host, settings.port, how_to_choose.format)
    for name, port in files.internal_ports().items():
        if not is_free(port):
            taken = f"Port {port} ({name}) is taken{listener_name(port)}"
            raise CannotStart(f"{taken}. Stop that program, or choose another port in {files.path.parent}.")


def are_memory_limits_enforced(groups: Path = Path("/sys/fs/cgroup")) -> bool:
    """Whether the kernel enforces the units' memory limits. On Raspberry Pi OS it does not by default."""
    try:
        return "memory" in (groups / "cgroup.controllers").read_text().split()
    except OSError:
        return (groups / "memory").is_dir()
