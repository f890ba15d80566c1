"""The command line for users, tokens and copies of them. It needs no running service."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from access.grant import READ, SCOPES
from api.access.account_commands import TokenCommands, UserCommands
from api.access.archive_commands import ArchiveCommands
from api.access.command_line import CommandEnvironment, CommandError, print_message
from api.access.users import UnusablePassword
from runtime.quoting import quoted
from runtime.settings import SettingError

#: Default and longest lifetime of a token, in days.
DEFAULT_DAYS: Final = 365
LONGEST_DAYS: Final = 3650
#: Default and longest time that a replaced token stays valid, in hours.
OVERLAP_HOURS: Final = 24
LONGEST_OVERLAP_HOURS: Final = 30 * 24

_EPILOG: Final = (
    "Users are files in ACCESS_USERS_DIR, tokens in ACCESS_TOKENS_DIR. A command asks for a password on a terminal, or "
    "reads the password from standard input. A new token is printed once, to standard output."
)

#: Program name without ``dispycluster``. Without arguments it serves the api.
_MODULE: Final = "python -m api"

Parsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def run(
    arguments: Sequence[str], variables: Mapping[str, str], program: str = _MODULE, *, not_running_reason: str = ""
) -> int:
    """Run a command line and return its exit code, 1 if the command fails.

    ``not_running_reason``: see ``CommandEnvironment``.
    """
    environment = CommandEnvironment(variables, not_running_reason)
    options = _parser(environment, program).parse_args(arguments)
    command: Callable[[argparse.Namespace], None] = options.command
    try:
        command(options)
    except (CommandError, SettingError, UnusablePassword) as error:
        print_message(str(error))
        return 1
    except OSError as error:
        if error.filename is None:  # the caller handles standard output
            raise
        print_message(f"{error.filename} cannot be used: {error.strerror}")
        return 1
    except KeyboardInterrupt:
        print_message("interrupted; nothing more was changed")
        return 1
    return 0


def _parser(environment: CommandEnvironment, program: str) -> argparse.ArgumentParser:
    description = "Without arguments, this program serves the api." if program == _MODULE else None
    parser = argparse.ArgumentParser(prog=program, description=description, epilog=_EPILOG)
    kinds = parser.add_subparsers(required=True, metavar="user|token|access")
    _add_users(_kind(kinds, "user", "manage users, who sign in with a password"), UserCommands(environment))
    _add_tokens(_kind(kinds, "token", "manage tokens, which programs send"), TokenCommands(environment))
    _add_archives(
        _kind(kinds, "access", "save and restore users and tokens, and end sessions"), ArchiveCommands(environment)
    )
    return parser


def _add_users(verbs: Parsers, users: UserCommands) -> None:
    _verb(verbs, "add", "add a user").set_defaults(command=lambda options: users.add(options.name))
    _verb(verbs, "password", "change a user's password").set_defaults(
        command=lambda options: users.password(options.name)
    )
    _verb(verbs, "remove", "remove a user").set_defaults(command=lambda options: users.remove(options.name))
    _verb(verbs, "sign-out", "end all sessions of a user").set_defaults(
        command=lambda options: users.sign_out(options.name)
    )
    _verb(verbs, "list", "list the users", named=False).set_defaults(command=lambda options: users.list())
    patch = _verb(verbs, "patch", "for Kubernetes: print the patch that changes the Secret")
    patch.add_argument(
        "--remove", action="store_true", help="remove the user with the patch, and end the user's sessions immediately"
    )
    patch.set_defaults(command=lambda options: users.patch(options.name, options.remove))


def _add_tokens(verbs: Parsers, tokens: TokenCommands) -> None:
    add = _verb(verbs, "add", "create a token")
    _add_token_options(add)
    add.set_defaults(command=lambda options: tokens.add(options.name, options.scope or [READ], options.days))
    rotate = _verb(verbs, "rotate", "create a new token of the same name; the previous one stays valid for a while")
    overlap = rotate.add_mutually_exclusive_group()
    overlap.add_argument(
        "--hours",
        type=_hours,
        default=OVERLAP_HOURS,
        help=f"hours that the previous token stays valid; default: {OVERLAP_HOURS}",
    )
    overlap.add_argument(
        "--now", dest="hours", action="store_const", const=0, help="revoke the previous token immediately"
    )
    rotate.set_defaults(command=lambda options: tokens.rotate(options.name, options.hours))
    _verb(verbs, "remove", "remove a token").set_defaults(command=lambda options: tokens.remove(options.name))
    _verb(verbs, "list", "list the tokens", named=False).set_defaults(command=lambda options: tokens.list())
    patch = _verb(verbs, "patch", "for Kubernetes: print the patch that changes the Secret")
    _add_token_options(patch)
    patch.add_argument(
        "--remove", action="store_true", help="remove the token with the patch, and revoke it immediately"
    )

    def command(options: argparse.Namespace) -> None:
        if options.remove:
            tokens.patch_removal(options.name)
        else:
            tokens.patch(options.name, options.scope or [READ], options.days)

    patch.set_defaults(command=command)


def _add_archives(verbs: Parsers, archives: ArchiveCommands) -> None:
    for name, text, command in (
        ("save", "write users and tokens to standard output, as a tar archive", archives.save),
        ("check", "show what a restore of the archive on standard input would change", archives.check),
        ("restore", "show the changes, end all sessions, and restore the archive", archives.restore),
        (
            "revoked",
            "list revoked tokens whose file still exists; they become valid again if Redis loses its data",
            archives.revoked,
        ),
        ("end-sessions", "end all sessions of all users", archives.end_sessions),
    ):
        _verb(verbs, name, text, named=False).set_defaults(command=lambda _, command=command: command())
    rotate = _verb(verbs, "rotate-key", "sign sessions with a new key; existing sessions go on", named=False)
    rotate.add_argument("--now", action="store_true", help="end all sessions too: the previous key was stolen")
    rotate.set_defaults(command=lambda options: archives.rotate_key(is_immediate=options.now))


def _add_token_options(verb: argparse.ArgumentParser) -> None:
    known = ", ".join(SCOPES)
    scope = f"scope of the token, one of {known}; default: {READ}"
    verb.add_argument("--scope", action="append", type=_scope, metavar="SCOPE", help=scope)
    end = verb.add_mutually_exclusive_group()
    end.add_argument(
        "--days", type=_days, default=DEFAULT_DAYS, help=f"days that the token is valid; default: {DEFAULT_DAYS}"
    )
    end.add_argument(
        "--never-expires", dest="days", action="store_const", const=None, help="the token is valid until it is removed"
    )


def _kind(kinds: Parsers, name: str, text: str) -> Parsers:
    return kinds.add_parser(name, help=text, description=text).add_subparsers(required=True, metavar="command")


def _verb(verbs: Parsers, name: str, text: str, named: bool = True) -> argparse.ArgumentParser:
    parser = verbs.add_parser(name, help=text, description=text)
    if named:
        parser.add_argument("name", metavar="NAME")
    return parser


# Error messages use make's names for the options, in capitals: DAYS=90 is --days 90, and SCOPES=read is --scope read.


def _scope(text: str) -> str:
    if text not in SCOPES:
        raise argparse.ArgumentTypeError(f"SCOPES accepts {', '.join(SCOPES)}, not {quoted(text)}")
    return text


def _days(text: str) -> int:
    days = int(text) if text.isdecimal() else 0
    if not 1 <= days <= LONGEST_DAYS:
        raise argparse.ArgumentTypeError(f"DAYS takes a whole number from 1 to {LONGEST_DAYS}")
    return days


def _hours(text: str) -> int:
    hours = int(text) if text.isdecimal() else 0
    if not 1 <= hours <= LONGEST_OVERLAP_HOURS:
        raise argparse.ArgumentTypeError(f"HOURS takes a whole number from 1 to {LONGEST_OVERLAP_HOURS}")
    return hours
