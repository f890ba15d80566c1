"""The services' own user, and what runs as it: the words of ``dispycluster``."""

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
from deploy.local.systemd.settings import parsed
from deploy.local.valkey import SAVE_REVOCATIONS

#: Those that are done as the services would.
KINDS: Final = ("check-nodes", "status", "user", "token", "access")
#: Options of ``subprocess`` that run a program as the services' user.
AS_SERVICES: Final[Mapping[str, Any]] = {
    "cwd": "/", "user": USER, "group": USER, "extra_groups": [], "umask": 0o077,
}  # fmt: skip


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


def run_as_services(layout: Layout, words: Sequence[str]) -> int:
    """Run ``dispycluster WORDS`` in this terminal, with the settings of the services; return its exit code.

    Raises:
        CannotStart: this may not be done here, or nothing is installed.
    """
    _require_root(layout, " ".join(words))
    return _run(layout, ["-m", "dispycluster", *words], variables_of(layout, os.environ))


def restore(layout: Layout, copy: Path, options: Sequence[str] = ()) -> int:
    """Put a copy of Valkey's data in place of those of now, and end all sessions; return the exit code.

    ``options``: those of ``deploy.local.restore``.

    Raises:
        CannotStart: this may not be done here, nothing is installed, or Valkey runs.
        OSError: the copy cannot be read.
    """
    _require_root(layout, f"restore {copy}")
    if is_active(SERVICES[0]):
        raise CannotStart(f"Valkey runs: sudo systemctl stop {TARGET}, restore, sudo systemctl start {TARGET}")
    # A new file, known by its descriptor, and not in the services' folder: whoever owns that may lay a link there, and
    # root would write to where it leads, and give it away.
    with copy.open("rb") as source, tempfile.NamedTemporaryFile(suffix=".rdb") as readable:
        shutil.copyfileobj(source, readable)
        readable.flush()
        _give_away(readable.fileno())
        variables = {**variables_of(layout, os.environ), "VALKEY_DATA": str(layout.data)}
        return _run(layout, ["-m", "deploy.local.restore", readable.name, *options], variables)


def _give_away(descriptor: int) -> None:
    os.fchown(descriptor, *owner_of_services())


def _require_root(layout: Layout, words: str) -> None:
    if not layout.current.is_symlink():
        raise CannotStart("No services are installed: sudo make install-service")
    if os.geteuid() != 0:
        raise CannotStart(f"Settings, users, tokens and data are the services': {layout.called(words)}")


def _run(layout: Layout, words: Sequence[str], variables: Mapping[str, str]) -> int:
    """Run Python as the services' user."""
    return subprocess.run([str(layout.python), *words], env=variables, **AS_SERVICES).returncode


def variables_of(layout: Layout, own: Mapping[str, str]) -> dict[str, str]:
    """What the services are set to, and of the caller's ``own`` variables the terminal's."""
    kept = {name: own[name] for name in ("LANG", "LC_ALL", "PATH", "TERM") if name in own}
    settings = [parsed(path.read_text()) for path in (layout.valkey_environment, layout.environment)]
    folder = layout.access
    places = {
        **folder.variables(),
        "ACCESS_USERS_DIR": str(folder.users),
        "COLLECTOR_TARGETS": str(layout.nodes),
        "COLLECTOR_CREDENTIALS_DIR": str(layout.credentials),
    }
    return {**kept, **SAVE_REVOCATIONS, **settings[0], **settings[1], **places, "PYTHONSAFEPATH": "1"}
