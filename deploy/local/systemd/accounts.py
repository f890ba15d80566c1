"""Users and tokens of the services, changed by the api's command line as the services' own user."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from typing import Final

from deploy.local.refusal import CannotStart
from deploy.local.systemd.layout import USER, Layout
from deploy.local.systemd.variables import parsed

#: First words of the command lines that are meant.
KINDS: Final = ("user", "token")


def run_as_services(layout: Layout, words: Sequence[str]) -> int:
    """Run ``python -m api WORDS`` in this terminal; return its exit code.

    Raises:
        CannotStart: this may not be done here, or nothing is installed.
    """
    if not layout.current.is_symlink():
        raise CannotStart("No services are installed: sudo make install-service")
    if os.geteuid() != 0:
        raise CannotStart(
            f"Users and tokens are the services': sudo {layout.python} -m deploy.local.systemd {words[0]} …"
        )
    command = [str(layout.python), "-m", "api", *words]
    return subprocess.run(
        command, env=variables_of(layout, os.environ), cwd="/", user=USER, group=USER, extra_groups=[], umask=0o077
    ).returncode


def variables_of(layout: Layout, own: Mapping[str, str]) -> dict[str, str]:
    """What the services are set to, and of the caller's ``own`` variables the terminal's."""
    kept = {name: own[name] for name in ("LANG", "LC_ALL", "PATH", "TERM") if name in own}
    settings = [parsed(path.read_text()) for path in (layout.valkey_environment, layout.environment)]
    folder = layout.access
    folders = {**folder.variables(), "ACCESS_USERS_DIR": str(folder.users)}
    return {**kept, **settings[0], **settings[1], **folders, "PYTHONSAFEPATH": "1"}
