"""The command ``dispycluster``: each subcommand is one of our programs, the same in a checkout, a wheel and an image.

The installation creates it as a console script. Each program is imported only when it is called: an image holds only
the api, and a command that writes a user's file does not need the collector's HTTP client.
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

#: Exit code when the reader of the output has exited: the shell's code for SIGPIPE.
_BROKEN_PIPE: Final = 141
#: Errors of an output that cannot be written.
_OUTPUT_ERRORS: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
_HELP: Final = ("--help", "-h")
_RUN_HELP: Final = """\
usage: dispycluster run

Shows this machine live on http://localhost:8085, until Ctrl-C. It takes no arguments; set variables, for example:
PORT=9000 dispycluster run

  PORT          port of the pages; default: 8085
  PUBLIC_HOST   address of the pages; default: 127.0.0.1, for this machine only
  ACCESS        closed: everybody must sign in; open: everybody who can reach the port sees everything
  TARGETS       file that lists the nodes; default: nodes.yaml in DATA_DIR, created at the first run
  DEMO_NODES    number of simulated nodes to show instead
  REDIS_URL     URL of your own Redis; default: an embedded Valkey
  DATA_DIR      data folder; default: {data_dir}
  CLUSTER_NAME  name on the pages; default: the name of this machine

All settings, also those of the services: docs/settings.md
"""


class CommandFailed(Exception):
    """The command failed; the text names the cause."""


class Program(NamedTuple):
    """The program of a subcommand."""

    module: str
    #: Takes the arguments after the subcommand.
    run: Callable[[Sequence[str]], int]
    help: str


def _run(arguments: Sequence[str]) -> int:
    if any(word in _HELP for word in arguments):
        print(_RUN_HELP.format(data_dir=_default_data_dir()), end="")  # noqa: T201
        return 0
    if arguments:
        sys.stderr.write("dispycluster run takes no arguments: set variables, for example PORT=9000 dispycluster run\n")
        return 2
    code: int = import_module("deploy.local.__main__").main()
    return code


def _default_data_dir() -> str:
    settings = import_module("deploy.local.settings")
    try:
        return str(settings.default_data_dir())
    except settings.SettingError:
        return "none, because you have no home folder"


def _check_nodes(arguments: Sequence[str]) -> int:
    options: dict[str, object] = {"program": "dispycluster check-nodes"}
    if _is_local() and not os.environ.get("COLLECTOR_TARGETS", "").strip():
        options["default_description"] = "TARGETS, or nodes.yaml in DATA_DIR; with DEMO_NODES, the demo's nodes"
        if not any(word in _HELP or word.startswith("--t") for word in arguments):
            named = os.environ.get("TARGETS", "").strip()
            if named:
                arguments = [*arguments, f"--targets={Path(named).expanduser()}"]
            else:
                options["default"] = _default_targets()
    code: int = import_module("collector.check_nodes").main(arguments, **options)
    return code


def _rules(arguments: Sequence[str]) -> int:
    options: dict[str, object] = {"program": "dispycluster rules"}
    if not any(word in _HELP for word in arguments):
        options["variables"], options["not_running_reason"] = _command_environment(_with_demo_data(os.environ))
        named = os.environ.get("TARGETS", "").strip()
        if _is_local() and not os.environ.get("COLLECTOR_TARGETS", "").strip():
            options["default_targets"] = Path(named).expanduser() if named else _default_targets()
    code: int = import_module("collector.check_rules").main(arguments, **options)
    return code


def _with_demo_data(variables: Mapping[str, str]) -> Mapping[str, str]:
    """Return ``variables`` with the data folder of the demo in ``DATA_DIR`` if ``DEMO_NODES`` is set."""
    if not _is_local():
        return variables
    settings = import_module("deploy.local.settings")
    data_dir: Path = settings.data_dir_of(variables)
    if not settings.demo_nodes_of(variables) or (data_dir / settings.DEMO_TARGETS).exists():
        return variables
    return {**variables, "DATA_DIR": str(data_dir / settings.DEMO_DIR)}


def _default_targets() -> Path:
    """Return the targets file that ``dispycluster run`` uses with the same settings."""
    settings = import_module("deploy.local.settings")
    data_dir: Path = settings.data_dir_of(os.environ)
    demo: Path = data_dir / settings.DEMO_TARGETS
    if demo.exists():
        return demo
    if not settings.demo_nodes_of(os.environ):
        return data_dir / "nodes.yaml"
    demo = data_dir / settings.DEMO_DIR / settings.DEMO_TARGETS
    if not demo.exists():
        raise CommandFailed(f"DEMO_NODES is set, but no demo has run yet: {demo} does not exist")
    return demo


def _status(arguments: Sequence[str]) -> int:
    code: int = import_module("api.status").main(arguments, "dispycluster status", _command_environment)
    return code


def _accounts(kind: str) -> Callable[[Sequence[str]], int]:
    def run(arguments: Sequence[str]) -> int:
        # --help needs no settings.
        variables, stopped = (os.environ, "") if any(word in _HELP for word in arguments) else _command_environment()
        commands = import_module("api.access.commands")
        code: int = commands.run([kind, *arguments], variables, "dispycluster", not_running_reason=stopped)
        return code

    return run


def _restore(arguments: Sequence[str]) -> int:
    code: int = import_module("deploy.local.restore").main(arguments)
    return code


PROGRAMS: Final = {
    "run": Program("deploy", _run, "show this machine live on http://localhost:8085; Ctrl-C stops it"),
    "check-nodes": Program("collector", _check_nodes, "check all nodes: one line per node, with its problem if any"),
    "rules": Program("collector", _rules, "check the alert rules, and print which alerts would fire: check FILE"),
    "status": Program("api", _status, "show whether live data flow: --json, --wait SECONDS"),
    "user": Program("api", _accounts("user"), "manage people who sign in: add, password, remove, sign-out, list"),
    "token": Program("api", _accounts("token"), "manage tokens of programs: add, rotate, remove, list"),
    "access": Program(
        "api",
        _accounts("access"),
        "copy users and tokens: save, check, restore, revoked; end-sessions, rotate-key",
    ),
    "restore": Program(
        "deploy", _restore, "replace the data with a copy, dump.rdb, while the product is stopped; --yes"
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the subcommand; return its exit code.

    The code is 2 for an unknown subcommand, and 141 if the reader of the output has exited.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    _fill_standard_descriptors()
    try:
        code = _run_program(words)
        if sys.stdout is not None:
            sys.stdout.flush()
    except ImportError as error:
        # Folders of PYTHONPATH come before the installed packages.
        if "PYTHONPATH" not in os.environ:
            raise
        sys.stderr.write(
            f"dispycluster: {error}. PYTHONPATH={os.environ['PYTHONPATH']} may contain other packages with "
            "the same names. Run without it: env -u PYTHONPATH dispycluster …\n"
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
    except SystemExit as exit_:  # raised by argparse
        return exit_.code if isinstance(exit_.code, int) else 2
    except (CommandFailed, settings.SettingError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except OSError as error:
        if error.filename is None:
            raise
        sys.stderr.write(f"{error.filename} cannot be used: {error.strerror}\n")
        return 1


def _available_programs() -> dict[str, Program]:
    """Return the subcommands of this installation."""
    if not _is_service_release():
        return {name: program for name, program in PROGRAMS.items() if find_spec(program.module)}
    commands = import_module("deploy.local.systemd.__main__").COMMANDS
    return {name: PROGRAMS[name]._replace(run=partial(_run_as_service_user, name)) for name in commands}


def _run_as_service_user(command: str, arguments: Sequence[str]) -> int:
    code: int = import_module("deploy.local.systemd.__main__").run_command([command, *arguments])
    return code


def _usage(programs: dict[str, Program]) -> str:
    lines = [f"  {name:12} {program.help}" for name, program in programs.items()]
    return "\n".join(["usage: dispycluster COMMAND …", "", *lines, "", "--version prints the version."])


def _is_service_release() -> bool:
    """Whether ``make install-service`` installed this copy, and the services' settings are not loaded yet."""
    if not _is_local() or not find_spec("deploy.local.systemd"):
        return False
    layout = import_module("deploy.local.systemd.layout")
    return bool(layout.SOURCE.parent == layout.Layout().code)


def _is_local() -> bool:
    """Whether this installation has the local mode, and no variable names another folder of users."""
    return find_spec("deploy") is not None and not os.environ.get("ACCESS_USERS_DIR")


def _command_environment(given: Mapping[str, str] | None = None) -> tuple[Mapping[str, str], str]:
    """Return the variables that name Redis, users and tokens, and why Redis cannot answer; empty if it can.

    If the local mode is installed, the variables name those of ``dispycluster run`` with the variables ``given``, by
    default those of the environment.

    Raises:
        SettingError: a setting is not valid.
        OSError: the data folder cannot be read.
    """
    if not _is_local():
        return os.environ, ""
    data_dir = import_module("deploy.local.data_dir")
    given = os.environ if given is None else given
    return data_dir.command_environment(given), data_dir.why_not_running(given)


def _fill_standard_descriptors() -> None:
    """Open closed standard streams, so that no other file gets their descriptors."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)
    # Standard output stays closed: a command that cannot print its result must fail.
    if sys.stdin is None:
        sys.stdin = Path(os.devnull).open()  # noqa: SIM115 (stays open until the process exits)
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115


def _discard_output() -> None:
    """Discard the unwritten output. Otherwise Python reports an error at exit."""
    null_device = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null_device, sys.stdout.fileno())
    os.close(null_device)


if __name__ == "__main__":
    sys.exit(main())
