"""Install the services, or bring an installation to this copy of the product."""

import pwd
import subprocess
from collections.abc import Mapping

from access.settings import is_loopback
from contract import VERSION
from deploy.local.addresses import urls
from deploy.local.inquiry import Inquiry
from deploy.local.refusal import CannotStart
from deploy.local.settings import Settings
from deploy.local.systemd import preflight
from deploy.local.systemd.layout import SERVICES, TARGET, USER, Layout
from deploy.local.systemd.release import add_release, make_environment, remove_releases, switch_to
from deploy.local.systemd.settings_files import SettingsFiles
from deploy.local.systemd.start import restart_all, wait_until_live
from deploy.local.systemd.systemctl import is_active
from deploy.local.systemd.unit_files import write_units
from deploy.local.words import about_nodes, answering


def install(layout: Layout, given: Mapping[str, str]) -> None:
    """Install or update; ``given`` are the caller's environment variables.

    Raises:
        CannotStart: something is in the way, or the page did not come.
        SettingError: a value is not valid.
        OSError: a file cannot be written.
    """
    if layout.is_machine:
        preflight.require_systemd()
        preflight.require_root("install")
        preflight.require_shared_python()
    preflight.require_nothing_simulated(given)
    files = SettingsFiles(layout, given)
    preflight.require_reachable_ca(files.variables)
    preflight.require_choice(layout, files)
    settings = Settings.from_environment(files.variables)
    preflight.require_redis(files.variables)
    if layout.is_machine and not any(map(is_active, SERVICES)):
        preflight.require_ports(settings, files)

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
    if not layout.is_machine:
        say(f"The files are in {layout.root}; nothing was started.")
        return

    say("Starting the services …")
    restart_all(former)
    asked = wait_until_live(layout, settings, former)
    remove_releases(layout, {release} | ({former} if former else set()))
    greet(settings, asked)
    say_how_to_go_on(layout, settings)


def say(text: str = "") -> None:
    """Tell whoever waits."""
    print(text, flush=True)


def make_user() -> None:
    """Make the services' user unless it is there.

    Raises:
        CannotStart: it cannot be made.
    """
    try:
        pwd.getpwnam(USER)
    except KeyError:
        home = ["--home-dir", "/var/lib/dispycluster", "--no-create-home", "--shell", "/usr/sbin/nologin"]
        done = subprocess.run(["useradd", "--system", "--user-group", *home, USER], capture_output=True, text=True)
        if done.returncode != 0:
            raise CannotStart(f"The user {USER} cannot be made: {done.stderr.strip()}") from None


def owner_of_services() -> tuple[int, int]:
    """Ids of the services' user and group."""
    entry = pwd.getpwnam(USER)
    return entry.pw_uid, entry.pw_gid


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
    if not preflight.memory_limits_are_kept():
        say(
            "\nThe kernel keeps no memory limits here. On Raspberry Pi OS: add cgroup_enable=memory to the line in "
            "/boot/firmware/cmdline.txt and restart the machine."
        )
    say(f"""
  nodes      {layout.nodes}, read again when it changes; checked by
             {layout.python} -m collector.check_nodes --targets {layout.nodes}
  alerts     {layout.alerts}, read again when it changes
  settings   {layout.environment}, in force after: sudo systemctl restart {TARGET}
  logs       journalctl -f -u 'dispycluster-*'
  state      systemctl status 'dispycluster-*'
  update     sudo make install-service, in a newer copy of the project
  remove     sudo make uninstall-service; data and settings stay""")
