"""The command ``dispycluster``: each of its words is a program of ours, the same in a checkout, a wheel and an image.

Installing the product makes it a console script. Each program is imported when it is called: an image holds the api
alone, and a command that writes a user's file needs no HTTP client of the collector.
"""

import difflib
import errno
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NamedTuple

#: Exit code of a command whose reader has ended, as a shell tells it of SIGPIPE.
_BROKEN_PIPE: Final = 141
#: Errors of a file that takes no more.
_OUTPUT_ERRORS: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
_HELP: Final = ("--help", "-h")
_RUN_HELP: Final = """\
usage: dispycluster run

Shows this machine, live, on http://localhost:8085, until Ctrl-C. It takes no words: its settings are variables, as in
PORT=9000 dispycluster run

  PORT          port of the pages; default: 8085
  PUBLIC_HOST   address of the pages; default: 127.0.0.1, this machine alone
  ACCESS        closed: everybody signs in; open: whoever reaches the port sees everything
  TARGETS       file that lists the nodes; default: nodes.yaml in DATA_DIR, made at the first run
  DEMO_NODES    so many simulated nodes instead
  REDIS_URL     a Redis of your own; default: an embedded Valkey
  DATA_DIR      folder of the data; default: {data_dir}
  CLUSTER_NAME  name on the pages; default: this machine's

All of them, and those of the services: docs/settings.md
"""


class CommandFailed(Exception):
    """The command cannot be done; the text says why."""


class Program(NamedTuple):
    """What a word calls."""

    module: str
    #: Takes the words behind its own.
    run: Callable[[Sequence[str]], int]
    help: str


def _run(arguments: Sequence[str]) -> int:
    if any(word in _HELP for word in arguments):
        print(_RUN_HELP.format(data_dir=_usual_data_dir()), end="")  # noqa: T201
        return 0
    if arguments:
        sys.stderr.write(
            "dispycluster run takes no words: its settings are variables, as in PORT=9000 dispycluster run\n"
        )
        return 2
    code: int = import_module("deploy.local.__main__").main()
    return code


def _usual_data_dir() -> str:
    settings = import_module("deploy.local.settings")
    try:
        return str(settings.default_data_dir())
    except settings.SettingError:
        return "none, as you have no home folder"


def _check_nodes(arguments: Sequence[str]) -> int:
    options: dict[str, object] = {"program": "dispycluster check-nodes"}
    if _is_local() and not os.environ.get("COLLECTOR_TARGETS", "").strip():
        options["default_is"] = "TARGETS, or nodes.yaml in DATA_DIR; beside DEMO_NODES the demo's nodes"
        if not any(word in _HELP or word.startswith("--t") for word in arguments):
            named = os.environ.get("TARGETS", "").strip()
            if named:
                arguments = [*arguments, f"--targets={Path(named).expanduser()}"]
            else:
                options["default"] = _default_targets()
    code: int = import_module("collector.check_nodes").main(arguments, **options)
    return code


def _default_targets() -> Path:
    """The targets file of what runs with the same settings."""
    settings = import_module("deploy.local.settings")
    data_dir: Path = settings.data_dir_of(os.environ)
    if not settings.demo_nodes_of(os.environ):
        return data_dir / "nodes.yaml"
    demo: Path = data_dir / settings.DEMO_DIR / settings.DEMO_TARGETS
    if not demo.exists():
        raise CommandFailed(f"DEMO_NODES is set, and no demo has run yet: {demo} is not there")
    return demo


def _status(arguments: Sequence[str]) -> int:
    code: int = import_module("api.status").main(arguments, "dispycluster status", _command_environment)
    return code


def _accounts(kind: str) -> Callable[[Sequence[str]], int]:
    def run(arguments: Sequence[str]) -> int:
        # What explains itself needs no settings.
        variables, stopped = (os.environ, "") if any(word in _HELP for word in arguments) else _command_environment()
        commands = import_module("api.access.commands")
        code: int = commands.run([kind, *arguments], variables, "dispycluster", stopped=stopped)
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
    "token": Program("api", _accounts("token"), "programs that show a token: add, rotate, remove, list"),
    "access": Program(
        "api",
        _accounts("access"),
        "copies of users and tokens: save, check, restore, revoked; end-sessions, rotate-key",
    ),
    "restore": Program("deploy", _restore, "replace the data, while nothing runs, by a copy: dump.rdb; --yes"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; return the exit code.

    2 where it says nothing that is known, 141 where what reads the output has ended.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    _fill_standard_descriptors()
    try:
        code = _run_program(words)
        if sys.stdout is not None:
            sys.stdout.flush()
    except ImportError as error:
        # A folder of PYTHONPATH comes before those of every installation.
        if "PYTHONPATH" not in os.environ:
            raise
        sys.stderr.write(
            f"dispycluster: {error}. PYTHONPATH={os.environ['PYTHONPATH']} may name a folder with other packages of "
            "such names. Call it without: env -u PYTHONPATH dispycluster …\n"
        )
        return 1
    except BrokenPipeError:
        _discard_output()
        return _BROKEN_PIPE
    except OSError as error:
        if error.filename is None and error.errno in _OUTPUT_ERRORS:
            _discard_output()
            sys.stderr.write(f"standard output cannot be written: {error.strerror}\n")
            return 1
        raise
    return code


def _run_program(words: Sequence[str]) -> int:
    programs = _available_programs()
    if words[:1] == ["--version"]:
        print(import_module("contract").VERSION)  # noqa: T201
        return 0
    if words and words[0] in _HELP:
        print(_usage(programs))  # noqa: T201
        return 0
    if not words:
        sys.stderr.write(_usage(programs) + "\n")
        return 2
    if words[0] not in programs:
        near = difflib.get_close_matches(words[0], programs, n=1)
        hint = f"; did you mean: dispycluster {near[0]}" if near else ""
        sys.stderr.write(f"dispycluster has no command {words[0]!r}{hint}\n\n{_usage(programs)}\n")
        return 2
    settings = import_module("runtime.settings")
    try:
        return programs[words[0]].run(words[1:])
    except SystemExit as ended:  # of argparse
        return ended.code if isinstance(ended.code, int) else 2
    except (CommandFailed, settings.SettingError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except OSError as error:
        if error.filename is None:
            raise
        sys.stderr.write(f"{error.filename} cannot be used: {error.strerror}\n")
        return 1


def _available_programs() -> dict[str, Program]:
    """The words of this installation."""
    if not _is_service_release():
        return {word: program for word, program in PROGRAMS.items() if find_spec(program.module)}
    words = import_module("deploy.local.systemd.__main__").COMMANDS
    return {word: PROGRAMS[word]._replace(run=partial(_run_as_service_user, word)) for word in words}


def _run_as_service_user(word: str, arguments: Sequence[str]) -> int:
    code: int = import_module("deploy.local.systemd.__main__").run_command([word, *arguments])
    return code


def _usage(programs: dict[str, Program]) -> str:
    lines = [f"  {word:12} {program.help}" for word, program in programs.items()]
    return "\n".join(["usage: dispycluster COMMAND …", "", *lines, "", "--version tells the version."])


def _is_service_release() -> bool:
    """Whether ``make install-service`` has installed this, and it is not yet called with the services' settings."""
    if not _is_local() or not find_spec("deploy.local.systemd"):
        return False
    layout = import_module("deploy.local.systemd.layout")
    return bool(layout.SOURCE.parent == layout.Layout().code)


def _is_local() -> bool:
    """Whether this installation has the local mode, and nobody has told it of other users than its own."""
    return find_spec("deploy") is not None and not os.environ.get("ACCESS_USERS_DIR")


def _command_environment() -> tuple[Mapping[str, str], str]:
    """What tells the api's programs of Redis, users and tokens, and why there is no Redis to ask: empty if there is.

    Where the local mode is installed they are those of ``dispycluster run``.

    Raises:
        SettingError: a setting is not valid.
        OSError: the folder of the data cannot be read.
    """
    if not _is_local():
        return os.environ, ""
    data_dir = import_module("deploy.local.data_dir")
    return data_dir.command_environment(os.environ), data_dir.why_not_running(os.environ)


def _fill_standard_descriptors() -> None:
    """Have nothing else that is opened take the place of a standard stream that was closed."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)
    # Standard output stays as it is: a command whose result is lost has failed.
    if sys.stdin is None:
        sys.stdin = Path(os.devnull).open()  # noqa: SIM115 (for as long as this process lives)
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115


def _discard_output() -> None:
    """Let what could not be written go, or Python would complain of it as it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


if __name__ == "__main__":
    sys.exit(main())
