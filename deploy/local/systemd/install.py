"""Install the services, bring an installation to this copy of the product, or remove it.

Before anything is changed, all is checked: each refusal says what is in the way and what helps. Data and settings stay
unless their end is asked for, and confirmed.
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
from deploy.host.listening import holder, is_free
from deploy.host.status import Inquiry, about_nodes, answering
from deploy.local.ports import require_public
from deploy.local.refusal import CannotStart, confirmed
from deploy.local.settings import Settings
from deploy.local.systemd.accounts import AS_SERVICES, make_user, owner_of_services, variables_of
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
from deploy.local.systemd.services import (
    described,
    is_active,
    remove_units,
    restart_all,
    restarts,
    stop_all,
    systemctl,
    write_units,
)
from deploy.local.systemd.settings import SettingsFiles
from runtime.catalogue import SYSTEMD
from runtime.settings import Environment, SettingError
from runtime.settings_check import check

#: What the units hide from the services.
_HIDDEN = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # noqa: S108 (nothing is written there)
#: Seconds that the slowest board gets from the start of the services to the page with data.
READY_SECONDS: Final = 120.0
#: A service that was started again so often will not come up by waiting.
RESTARTS_LIMIT: Final = 3
_LOOK_SECONDS: Final = 0.5


def install(layout: Layout, given: Mapping[str, str]) -> None:
    """Install or update; ``given`` are the caller's environment variables.

    Raises:
        CannotStart: something is in the way, or the page did not come.
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

    say(f"DispyCluster Live {VERSION}: code goes to {layout.code}, settings to {layout.settings}")
    release = add_release(layout)
    if layout.is_machine:
        make_user()
        make_environment(release, files.variables)
    for path in files.write():
        say(f"  made {path}")
    layout.access.make(owner_of_services() if layout.is_machine else None)
    for name in files.left_out:
        say(f"  {name} stays as {layout.environment} has it: change it there")
    write_units(layout)
    former = switch_to(layout, release)
    if not link_command(layout):
        say(f"  {layout.command} is another program: the services' own is {COMMAND}")
    if not layout.is_machine:
        say(f"The files are in {layout.root}; nothing was started.")
        return

    say("Starting the services …")
    restart_all(former)
    asked = wait_until_live(layout, settings, former)
    remove_releases(layout, {release} | ({former} if former else set()))
    greet(settings, asked)
    say_how_to_go_on(layout, settings)


def uninstall(layout: Layout, *, purge: bool) -> None:
    """Stop and remove units and code; with ``purge``, after a question, settings and data too.

    Raises:
        CannotStart: it may not be done here, or nobody answers the question.
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
    if not (purge and confirmed(f"Delete {named} for good?")):
        say(f"Settings and data stay in {named}. To delete them too: sudo make uninstall-service PURGE=1")
        return
    for path in remains:
        shutil.rmtree(path)
    if layout.is_machine:
        subprocess.run(["userdel", USER], capture_output=True)
    say(f"Deleted {named}.")


def say(text: str = "") -> None:
    """Tell whoever waits."""
    print(text, flush=True)


def wait_until_live(layout: Layout, settings: Settings, former: Path | None) -> Inquiry:
    """Wait until the api has live data and the page answers; return what was asked.

    Raises:
        CannotStart: it does not; the text says what is missing and what the services said.
    """
    variables = variables_of(layout, os.environ)
    asked = Inquiry([str(layout.python)], variables, probe_host(settings.host), settings.port, **AS_SERVICES)
    with closing(asked):
        while not asked.is_answered():
            failing = [service for service in SERVICES if restarts(service) >= RESTARTS_LIMIT]
            if failing or asked.elapsed_seconds > READY_SECONDS:
                text = f"The page shows no data after {asked.elapsed_seconds:.0f} s: {asked.missing}."
                raise CannotStart(described(text, failing or SERVICES, former))
            time.sleep(_LOOK_SECONDS)
    return asked


def greet(settings: Settings, asked: Inquiry) -> None:
    """Say where the pages are, and what is wrong with the nodes."""
    status = asked.status
    say(f"\nLive after {asked.elapsed_seconds:.1f} s; {answering(status.nodes_online, status.nodes_total)}. Open:\n")
    for url in urls(settings.host, settings.port):
        say(f"    {url}")
    for line in about_nodes(status.issues):
        say(line)


def say_how_to_go_on(layout: Layout, settings: Settings) -> None:
    """Say who gets in, and what one may want to do next."""
    if settings.is_closed:
        text = "Nobody can yet. A first user:" if layout.access.is_empty() else "One more user:"
        say(f"\nEverybody must sign in. {text} {layout.make_user}")
    if is_loopback(settings.host):
        lines = "PUBLIC_HOST=0.0.0.0 and ACCESS=closed"
        say(f"\nOnly this machine reaches that. For others: {lines} in {layout.environment}.")
    if not memory_limits_are_kept():
        say(
            "\nThe kernel keeps no memory limits here. On Raspberry Pi OS: add cgroup_enable=memory to the line in "
            "/boot/firmware/cmdline.txt and restart the machine."
        )
    say(f"""
  nodes      {layout.nodes}, read again when it changes; checked by
             {layout.called("check-nodes")}
  alerts     {layout.alerts}, read again when it changes
  settings   {layout.environment}, in force after: sudo systemctl restart {TARGET}
  logs       journalctl -f -u 'dispycluster-*'
  state      systemctl status 'dispycluster-*'; {layout.called("status")}
  update     sudo make install-service, in a newer copy of the project
  remove     sudo make uninstall-service; data and settings stay""")


def require_systemd(system: str = sys.platform, run: Path = Path("/run/systemd/system")) -> None:
    """Check that systemd runs this machine.

    Raises:
        CannotStart: it does not.
    """
    if system != "linux":
        raise CannotStart("Services are for Linux with systemd. On this machine: make run")
    if not run.is_dir():
        raise CannotStart(
            "systemd does not run this machine (a container, or another init). Run the product with make run, or with "
            "Docker: make up"
        )


def require_root(action: str, user: int | None = None) -> None:
    """Check that this may change the system.

    Raises:
        CannotStart: it may not.
    """
    if (os.geteuid() if user is None else user) != 0:
        raise CannotStart(f"Services are the system's: sudo make {action}-service")


def require_shared_python(executable: str = sys.executable) -> None:
    """Check that the services' user can run this Python.

    Raises:
        CannotStart: it cannot.
    """
    path = Path(executable).resolve()
    closed = [str(folder) for folder in path.parents if not folder.stat().st_mode & stat.S_IXOTH]
    hidden = [folder for folder in _HIDDEN if path.is_relative_to(folder)]
    if closed or hidden:
        raise CannotStart(
            f"The Python {path} lies in {(hidden or closed)[0]}, which services cannot read. "
            "Name the system's: sudo make install-service PYTHON=/usr/bin/python3"
        )


def require_redis(variables: Mapping[str, str], machine: str = "", *, is_64_bit: bool = sys.maxsize > 2**32) -> None:
    """Check that there is an embedded Valkey for this machine, or another Redis.

    Raises:
        CannotStart: there is neither.
    """
    machine = machine or os.uname().machine
    if not variables.get("REDIS_URL") and not (is_64_bit and machine in ("x86_64", "aarch64")):
        kind = machine if is_64_bit else "32-bit systems"
        raise CannotStart(
            f"There is no embedded Valkey for {kind}. Use a Redis of your own: sudo apt-get install -y redis-server "
            "&& sudo make install-service REDIS_URL=redis://127.0.0.1:6379/0"
        )


def require_reachable_ca(variables: Mapping[str, str]) -> None:
    """Check that ``REDIS_CA_FILE`` is a path that the services find, who start elsewhere and do not see every folder.

    Raises:
        CannotStart: it is none.
    """
    name = variables.get("REDIS_CA_FILE", "").strip()
    path = Path(name)
    if name and (not path.is_absolute() or any(path.resolve().is_relative_to(folder) for folder in _HIDDEN)):
        raise CannotStart(
            f"REDIS_CA_FILE={name} is not where services can read it. Copy it, and name the copy: "
            f"sudo install -D -m 644 {name} /etc/dispycluster/redis-ca.crt"
        )


def require_settings(layout: Layout, files: SettingsFiles, given: Mapping[str, str]) -> Settings:
    """Check the settings of all services, and say what may be a mistake; return those of the way to run.

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
    """Check that it was said whether others must sign in, where there are others.

    Raises:
        SettingError: it was not; the text has the lines that say it.
    """
    host = files.variables.get("PUBLIC_HOST", "").strip()
    first = f"sudo make install-service PUBLIC_HOST={host} {{}}"
    read_mode(
        Environment(files.variables),
        layout.make_user,
        first if files.is_first else f"echo {{}} | sudo tee -a {files.path}",
    )


def require_nothing_simulated(given: Mapping[str, str]) -> None:
    """Check that nothing was asked for that only ``make run`` has.

    Raises:
        CannotStart: something was.
    """
    if given.get("DEMO_NODES", "").strip() not in ("", "0"):
        raise CannotStart("DEMO_NODES is for make run: a service watches real nodes.")


def require_ports(settings: Settings, files: SettingsFiles) -> None:
    """Check that nobody else listens where the services will.

    Raises:
        CannotStart: somebody does, or the address is not one of this machine's.
    """
    way = "sudo make install-service PORT={}" if files.is_first else f"PORT={{}} in {files.path}"
    require_public(settings.host, settings.port, way.format)
    for name, inner in files.inner_ports().items():
        if not is_free(inner):
            taken = f"Port {inner} ({name}) is taken{holder(inner)}"
            raise CannotStart(f"{taken}. End that, or choose another in {files.path.parent}.")


def memory_limits_are_kept(groups: Path = Path("/sys/fs/cgroup")) -> bool:
    """Whether the kernel keeps the units' memory limits; Raspberry Pi OS comes with that switched off."""
    try:
        return "memory" in (groups / "cgroup.controllers").read_text().split()
    except OSError:
        return (groups / "memory").is_dir()
