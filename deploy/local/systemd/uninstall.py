"""Remove the services. Data and settings stay unless their end is asked for, and confirmed."""

import shutil
import subprocess

from deploy.local.confirmation import confirmed
from deploy.local.systemd import preflight
from deploy.local.systemd.install import say
from deploy.local.systemd.layout import SERVICES, TARGET, USER, Layout
from deploy.local.systemd.systemctl import systemctl
from deploy.local.systemd.unit_files import remove_units


def uninstall(layout: Layout, *, purge: bool) -> None:
    """Stop and remove units and code; with ``purge``, after a question, settings and data too.

    Raises:
        CannotStart: it may not be done here, or nobody answers the question.
        OSError: a file cannot be removed.
    """
    if layout.is_machine:
        preflight.require_systemd()
        preflight.require_root("uninstall")
        stop(layout)
    is_installed = layout.current.is_symlink()
    remove_units(layout)
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


def stop(layout: Layout) -> None:
    """Stop what runs, in the opposite order of its start, now and for the next boot.

    Raises:
        CannotStart: systemd refused.
    """
    say("Stopping the services …")
    if (layout.units / TARGET).exists():
        systemctl("disable", "--quiet", "--now", TARGET)
    services = [service for service in reversed(SERVICES) if (layout.units / service).exists()]
    if services:
        systemctl("stop", *services)
