"""The command ``dispycluster``: each of its words is a program of ours, the same in a checkout, a wheel and an image.

Installing the product makes it a console script. Each program is imported when it is called: an image holds the api
alone, and a command that writes a user's file needs no HTTP client of the collector.
"""

import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Final, NamedTuple

from contract import VERSION


class Program(NamedTuple):
    """What a word calls."""

    module: str
    #: Takes the words behind its own.
    run: Callable[[Sequence[str]], int]
    help: str


def _run(arguments: Sequence[str]) -> int:
    if arguments:
        sys.stderr.write(
            "dispycluster run takes no words: its settings are variables, as in PORT=9000 dispycluster run\n"
        )
        return 2
    code: int = import_module("deploy.local.__main__").main()
    return code


def _check_nodes(arguments: Sequence[str]) -> int:
    if not arguments and _is_local() and not os.environ.get("COLLECTOR_TARGETS"):
        own = import_module("deploy.local.settings").data_dir_of(os.environ) / "nodes.yaml"
        arguments = ["--targets", os.environ.get("TARGETS") or str(own)]
    code: int = import_module("collector.check_nodes").main(arguments)
    return code


def _status(arguments: Sequence[str]) -> int:
    _take_local_settings()
    code: int = import_module("api.status").main(arguments)
    return code


def _accounts(kind: str) -> Callable[[Sequence[str]], int]:
    def run(arguments: Sequence[str]) -> int:
        try:
            _take_local_settings()
        except OSError as error:
            sys.stderr.write(f"{error.filename} cannot be written: {error.strerror}\n")
            return 1
        code: int = import_module("api.access.commands").run([kind, *arguments], os.environ, "dispycluster")
        return code

    return run


def _restore(arguments: Sequence[str]) -> int:
    code: int = import_module("deploy.local.restore").main(arguments)
    return code


PROGRAMS: Final = {
    "run": Program("deploy", _run, "see this machine, live, on http://localhost:8085; ends with Ctrl-C"),
    "check-nodes": Program("collector", _check_nodes, "a line per node: what is wrong with it"),
    "status": Program("api", _status, "whether live data flow; --json, --wait SECONDS"),
    "user": Program("api", _accounts("user"), "people who sign in: add, password, remove, sign-out, list"),
    "token": Program("api", _accounts("token"), "programs that show a token: add, remove, list"),
    "access": Program("api", _accounts("access"), "copies of users and tokens: save, check, restore, end-sessions"),
    "restore": Program("deploy", _restore, "replace the data, while nothing runs, by a copy: dump.rdb; --yes"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; return the exit code, 2 where it says nothing that is known."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    programs = _programs()
    if words[:1] == ["--version"]:
        print(VERSION)  # noqa: T201
        return 0
    if words[:1] in (["--help"], ["-h"]):
        print(_usage(programs))  # noqa: T201
        return 0
    if not words or words[0] not in programs:
        sys.stderr.write(_usage(programs) + "\n")
        return 2
    return programs[words[0]].run(words[1:])


def _programs() -> dict[str, Program]:
    """The words of this installation."""
    if not _is_release_of_systemd():
        return {word: program for word, program in PROGRAMS.items() if find_spec(program.module)}
    words = import_module("deploy.local.systemd.__main__").WORDS
    return {word: PROGRAMS[word]._replace(run=partial(_as_services, word)) for word in words}


def _as_services(word: str, arguments: Sequence[str]) -> int:
    code: int = import_module("deploy.local.systemd.__main__").accounts([word, *arguments])
    return code


def _usage(programs: dict[str, Program]) -> str:
    lines = [f"  {word:12} {program.help}" for word, program in programs.items()]
    return "\n".join(["usage: dispycluster COMMAND …", "", *lines, "", "--version tells the version."])


def _is_release_of_systemd() -> bool:
    """Whether ``make install-service`` has installed this, and it is not yet called with the services' settings."""
    if not _is_local() or not find_spec("deploy.local.systemd"):
        return False
    layout = import_module("deploy.local.systemd.layout")
    return bool(layout.SOURCE.parent == layout.Layout().code)


def _is_local() -> bool:
    """Whether this installation has the local mode, and nobody has told it of other users than its own."""
    return find_spec("deploy") is not None and not os.environ.get("ACCESS_USERS_DIR")


def _take_local_settings() -> None:
    """Let the api's programs find the Redis, users and tokens of ``dispycluster run``, where that is installed.

    Raises:
        OSError: a folder cannot be made.
    """
    if _is_local():
        os.environ.update(import_module("deploy.local.data_dir").command_variables(os.environ))


if __name__ == "__main__":
    sys.exit(main())
