"""Install, update or remove the services: ``python3 -m deploy.local.systemd install``, or ``uninstall``.

Standard library only. Called by ``make install-service`` and ``make uninstall-service``. With other words it is what
``dispycluster`` does in an installed release: ``user``, ``token``, ``access``, ``check-nodes`` and ``status`` with the
services' settings, as their user; ``restore dump.rdb`` replaces their data.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 (an older one calls this too, and cannot read the imports below)
    sys.exit("Python 3.11 or newer is needed. Name one: sudo make install-service PYTHON=python3.12")

import argparse
import os
from pathlib import Path
from typing import Final

from deploy.local.refusal import CannotStart
from deploy.local.systemd.accounts import KINDS, restore, run_as_services
from deploy.local.systemd.install import install, uninstall
from deploy.local.systemd.layout import Layout
from runtime.settings import SettingError

#: The words of ``dispycluster`` in an installed release.
WORDS: Final = (*KINDS, "restore")


def main() -> int:
    """Return the exit code."""
    if sys.argv[1:2] and sys.argv[1] in WORDS:
        return accounts(sys.argv[1:])
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=("install", "uninstall"))
    parser.add_argument("--root", type=Path, default=Path("/"), help="only put the files under this folder")
    parser.add_argument("--purge", action="store_true", help="ask, and then delete settings and data too")
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
        print("\nInterrupted; call it again to go on.", file=sys.stderr)
        return 130
    return 0


def accounts(words: list[str]) -> int:
    """Do what is said about users, tokens, nodes and copies of the data; return the exit code."""
    try:
        if words[0] != "restore":
            return run_as_services(Layout(), words)
        if len(words) == 2 or words[2:] == ["--yes"]:
            return restore(Layout(), Path(words[1]), words[2:])
        refusal = "Which copy? It takes one file: restore dump.rdb (--yes does not ask)"
    except (CannotStart, OSError) as error:
        refusal = str(error)
    print(refusal, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
