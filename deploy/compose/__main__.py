"""``python3 -m deploy.compose COMMAND`` runs the product as containers."""

from __future__ import annotations

import argparse
import os
import sys

from deploy.compose.backup import backup, restore
from deploy.compose.distribution import bundle, push
from deploy.compose.docker import ALL_PROFILES, Docker
from deploy.compose.down import down, purge
from deploy.compose.preflight import require_engine
from deploy.compose.restart import restart
from deploy.compose.rotate import SECRETS, rotate
from deploy.compose.terminal import ROOT, CommandFailed, print_line, user_command
from deploy.compose.up import up
from deploy.compose.upgrade import upgrade


def argument_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = argparse.ArgumentParser(prog="python3 -m deploy.compose", description="Run the product as containers.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def command(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")

    command("up", "check this machine, start everything, wait for data, print the URLs")
    command("down", "stop and remove the containers; keep the data")
    purging = command("purge", "remove the containers and, after a confirmation, the data")
    purging.add_argument("--yes", action="store_true", help="do not ask")
    purging.add_argument("--images", action="store_true", help="also remove the images of all versions")
    logs = command("logs", "follow the logs of the services")
    logs.add_argument("service", nargs="?", default="", help="only this service, for instance ws")
    command("ps", "list the containers and their state")
    restarting = command("restart", "restart the services one after the other, with changed settings")
    restarting.add_argument("service", nargs="?", default="", help="only this service, for instance ws")
    rotating = command("rotate", "replace a secret while the product runs")
    rotating.add_argument("what", choices=SECRETS, help="the secret")
    rotating.add_argument("name", nargs="?", default="", help="the token's name")
    rotating.add_argument("--now", action="store_true", help="invalidate the previous key or token immediately")
    command("backup", "copy the data into backups/")
    restoring = command("restore", "replace the data with a backup, after a confirmation")
    restoring.add_argument("file", nargs="?", default="", help="a file that backup wrote")
    restoring.add_argument("--yes", action="store_true", help="do not ask")
    command(
        "upgrade", "back up the data, build or pull images, replace the services in order, and print how to roll back"
    )
    command(
        "bundle",
        "write all images and the files that run them to one archive in dist/; the variable ARCH selects another "
        "architecture",
    )
    pushing = command("push", "push all images to a registry and print the settings that use them")
    pushing.add_argument("registry", nargs="?", default="", help="HOST[:PORT][/PATH]")
    return parser


def run(docker: Docker, options: argparse.Namespace) -> None:
    """Run the command that ``options`` name.

    Raises:
        CommandFailed: the command failed.
    """
    if options.command not in ("restart", "up", "upgrade"):  # these run the whole preflight
        require_engine(docker)
    if options.command == "up":
        up(docker)
    elif options.command == "down":
        down(docker)
    elif options.command == "purge":
        purge(docker, yes=options.yes, images=options.images)
    elif options.command == "logs":
        follow(docker, options.service)
    elif options.command == "ps":
        docker.run_in_terminal(
            *ALL_PROFILES, "ps", "--all", failure="Compose cannot list the containers. See the error above."
        )
    elif options.command == "restart":
        restart(docker, options.service)
    elif options.command == "rotate":
        rotate(docker, options.what, options.name, now=options.now)
    elif options.command == "backup":
        backup(docker)
    elif options.command == "restore":
        restore(docker, options.file, yes=options.yes)
    elif options.command == "upgrade":
        upgrade(docker)
    elif options.command == "bundle":
        bundle(docker, docker.variables.get("ARCH", ""))
    elif options.command == "push":
        push(docker, options.registry)


def follow(docker: Docker, service: str) -> None:
    """Print the logs as they come, until Ctrl-C.

    Raises:
        CommandFailed: compose cannot print the logs.
    """
    words = (*ALL_PROFILES, "logs", "--follow", "--tail", "100", *([service] if service else []))
    docker.run_in_terminal(*words, failure="Compose cannot print the logs. See the error above.")


def main() -> int:
    """Run the command; return the exit code."""
    options = argument_parser().parse_args()
    try:
        run(Docker(ROOT, os.environ), options)
    except CommandFailed as failure:
        print(f"{options.command}: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        if options.command != "logs":
            print_line(f"\n{options.command}: interrupted. To see the containers: {user_command('ps')}")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
