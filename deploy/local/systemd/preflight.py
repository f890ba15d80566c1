"""What is checked before anything is changed: each refusal says what is in the way and what helps."""

import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

from access.settings import read_mode
from deploy.local.listening import holder, is_free
from deploy.local.ports import require_public
from deploy.local.refusal import CannotStart
from deploy.local.settings import Settings
from deploy.local.systemd.layout import Layout
from deploy.local.systemd.settings_files import SettingsFiles
from runtime.settings import Environment

#: What the units hide from the services.
_HIDDEN = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # noqa: S108 (nothing is written there)


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
