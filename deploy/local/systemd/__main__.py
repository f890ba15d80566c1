"""Install, update or remove the services: ``python3 -m deploy.local.systemd install``, or ``uninstall``.

Uses the standard library only. ``make install-service`` and ``make uninstall-service`` call this program. The command
``dispycluster`` of an installed release calls it too: ``user``, ``token``, ``access``, ``check-nodes``, ``rules`` and
``status`` run with the services' settings, as the services' system user; ``restore dump.rdb`` replaces their data.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 (an older Python cannot parse the modules imported below)
    sys.exit("Python 3.11 or newer is required. Choose one: sudo make install-service PYTHON=python3.12")

import argparse
import os
from pathlib import Path
from typing import Final

from deploy.local.refusal import CannotStart
from deploy.local.systemd.install import install, uninstall
from deploy.local.systemd.layout import Layout
from deploy.local.systemd.service_user import SERVICE_USER_COMMANDS, restore, run_as_service_user
from runtime.settings import SettingError

#: Commands of ``dispycluster`` in an installed release.
COMMANDS: Final = (*SERVICE_USER_COMMANDS, "restore")


def main() -> int:
    """Return the exit code."""
    if sys.argv[1:2] and sys.argv[1] in COMMANDS:
        return run_command(sys.argv[1:])
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=("install", "uninstall"))
    parser.add_argument("--root", type=Path, default=Path("/"), help="only copy the files to this folder")
    parser.add_argument("--purge", action="store_true", help="also delete settings and data, after a question")
    options = parser.parse_args()
    layout = Layout(options.root.absolute())
    os.umask(0o022)
    try:
        if options.action == "install":
            install(layout, os.environ)
        else:
            uninstall(layout, purge=options.purge)
    except (CannotStart, SettingError) as refusal:
        print(refusal, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{error.filename or 'The system'}: {error.strerror}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. Run the command again to continue.", file=sys.stderr)
        return 130
    return 0


def run_command(arguments: list[str]) -> int:
    """Run a command of an installed release; return the exit code."""
    try:
        if arguments[0] != "restore":
            return run_as_service_user(Layout(), arguments)
        if len(arguments) == 2 or arguments[2:] == ["--yes"]:
            return restore(Layout(), Path(arguments[1]), arguments[2:])
        refusal = "Name one file, for example: restore dump.rdb (--yes: does not ask)"
    except (CannotStart, OSError) as error:
        refusal = str(error)
    print(refusal, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
