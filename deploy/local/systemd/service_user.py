"""The services' system user, and the commands of ``dispycluster`` that run as this user."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from deploy.local.refusal import CannotStart
from deploy.local.systemd.layout import SERVICES, TARGET, USER, Layout
from deploy.local.systemd.services import is_active
from deploy.local.systemd.settings import parse_environment
from deploy.local.valkey import SAVE_REVOCATIONS

#: Commands that run as the services' user.
SERVICE_USER_COMMANDS: Final = ("check-nodes", "rules", "status", "user", "token", "access")
#: Options of ``subprocess`` that run a program as the services' user.
AS_SERVICE_USER: Final[Mapping[str, Any]] = {
    "cwd": "/", "user": USER, "group": USER, "extra_groups": [], "umask": 0o077,
}  # fmt: skip


def create_service_user() -> None:
    """Create the services' system user if it does not exist.

    Raises:
        CannotStart: the user cannot be created.
    """
    try:
        pwd.getpwnam(USER)
    except KeyError:
        home = ["--home-dir", "/var/lib/dispycluster", "--no-create-home", "--shell", "/usr/sbin/nologin"]
        done = subprocess.run(["useradd", "--system", "--user-group", *home, USER], capture_output=True, text=True)
        if done.returncode != 0:
            raise CannotStart(f"The user {USER} cannot be created: {done.stderr.strip()}") from None


def service_user_ids() -> tuple[int, int]:
    """Return the ids of the services' user and group."""
    entry = pwd.getpwnam(USER)
    return entry.pw_uid, entry.pw_gid


def run_as_service_user(layout: Layout, arguments: Sequence[str]) -> int:
    """Run ``dispycluster`` with ``arguments`` in this terminal, with the services' settings; return the exit code.

    Raises:
        CannotStart: the caller is not root, or no services are installed.
    """
    _require_root(layout, " ".join(arguments))
    return _run(layout, ["-m", "dispycluster", *arguments], service_environment(layout, os.environ))


def restore(layout: Layout, copy: Path, options: Sequence[str] = ()) -> int:
    """Replace Valkey's data by a copy, and end all sessions; return the exit code.

    ``options``: options of ``deploy.local.restore``.

    Raises:
        CannotStart: the caller is not root, no services are installed, or Valkey runs.
        OSError: the copy cannot be read.
    """
    _require_root(layout, f"restore {copy}")
    if is_active(SERVICES[0]):
        raise CannotStart(
            f"Valkey runs. First: sudo systemctl stop {TARGET}. After the restore: sudo systemctl start {TARGET}"
        )
    # A new file, changed by its descriptor, and outside the services' folder: the owner of that folder could put a link
    # there, and root would write to the link's target and give that file away.
    with copy.open("rb") as source, tempfile.NamedTemporaryFile(suffix=".rdb") as readable:
        shutil.copyfileobj(source, readable)
        readable.flush()
        _give_to_service_user(readable.fileno())
        variables = {**service_environment(layout, os.environ), "VALKEY_DATA": str(layout.data)}
        return _run(layout, ["-m", "deploy.local.restore", readable.name, *options], variables)


def _give_to_service_user(descriptor: int) -> None:
    os.fchown(descriptor, *service_user_ids())


def _require_root(layout: Layout, command: str) -> None:
    if not layout.current.is_symlink():
        raise CannotStart("No services are installed. To install them: sudo make install-service")
    if os.geteuid() != 0:
        raise CannotStart(f"This needs the services' settings and data. Run it as root: {layout.command_line(command)}")


def _run(layout: Layout, arguments: Sequence[str], variables: Mapping[str, str]) -> int:
    """Run Python as the services' user."""
    return subprocess.run([str(layout.python), *arguments], env=variables, **AS_SERVICE_USER).returncode


def service_environment(layout: Layout, own: Mapping[str, str]) -> dict[str, str]:
    """Return the services' variables, and the variables in ``own`` that concern the terminal."""
    kept = {name: own[name] for name in ("LANG", "LC_ALL", "PATH", "TERM") if name in own}
    settings = [parse_environment(path.read_text()) for path in (layout.valkey_environment, layout.environment)]
    folder = layout.access
    paths = {
        **folder.variables(),
        "ACCESS_USERS_DIR": str(folder.users),
        "COLLECTOR_TARGETS": str(layout.nodes),
        "COLLECTOR_RULES": str(layout.alerts),
        "COLLECTOR_CREDENTIALS_DIR": str(layout.credentials),
    }
    return {**kept, **SAVE_REVOCATIONS, **settings[0], **settings[1], **paths, "PYTHONSAFEPATH": "1"}
