"""Users and tokens of the local mode: what ``make user``, ``make token`` and ``make access`` call.

``python -m deploy.local.accounts user NAME``, told by ``DO``, ``SCOPES``, ``DAYS`` and ``DATA_DIR``. The work does the
api's own command line.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NoReturn

from deploy.local.data_dir import access_dir, limit_umask
from deploy.local.refusal import CannotStart
from deploy.local.settings import DATA_DIR
from deploy.local.valkey import SAVE_REVOCATIONS, URL_FILE

_EXAMPLES: Final = {"user": "ada", "token": "backup"}
#: What is done where ``DO`` says nothing, and what needs no name.
_ADD: Final = "add"
_LIST: Final = "list"


def words_of(kind: str, names: Sequence[str], variables: Mapping[str, str]) -> list[str]:
    """The api's command line.

    Raises:
        CannotStart: not one name is given, or nothing to do.
    """
    do = variables.get("DO", "").strip() or _ADD
    if kind == "access":
        if names or do == _ADD:
            raise CannotStart("It takes what to do, for instance: make access DO=save > access.tar")
        return [kind, do]
    wanted = 0 if do == _LIST else 1
    if len(names) != wanted:
        action = "" if do == _ADD else f" DO={do}"
        if not wanted:
            raise CannotStart(f"A list takes no name: make {kind}{action}")
        raise CannotStart(f"It takes one name, for instance: make {kind} NAME={_EXAMPLES[kind]}{action}")
    options: list[str] = []
    if (kind, do) == ("token", _ADD):
        for scope in variables.get("SCOPES", "").replace(",", " ").split():
            options += ["--scope", scope]
        days = variables.get("DAYS", "").strip()
        options += ["--days", days] if days else []
    return [kind, do, *names, *options]


def environment_of(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables of the command line: the folders of ``DATA_DIR``, which are made, and its Valkey if there is one.

    Raises:
        OSError: a folder cannot be made.
    """
    data_dir = Path(variables.get("DATA_DIR", "").strip() or DATA_DIR).expanduser().absolute()
    folder = access_dir(data_dir)
    folder.make()
    found = {**variables, **folder.variables(), "ACCESS_USERS_DIR": str(folder.users)}
    url = data_dir / URL_FILE
    if not variables.get("REDIS_URL", "").strip() and url.exists():
        found |= {"REDIS_URL": url.read_text().strip(), **SAVE_REVOCATIONS}
    return found


def become_command_line(words: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    """Become ``python -m api WORDS``."""
    os.execve(sys.executable, [sys.executable, "-P", "-m", "api", *words], environment)  # noqa: S606


def main() -> int:
    """Return the exit code, if there is anything to return to."""
    kind, *names = sys.argv[1:]
    limit_umask()
    try:
        words = words_of(kind, names, os.environ)
        become_command_line(words, environment_of(os.environ))
    except CannotStart as refusal:
        print(refusal, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{error.filename} cannot be written: {error.strerror}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
