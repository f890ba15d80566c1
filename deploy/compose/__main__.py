"""``python3 -m deploy.compose COMMAND``: the product as containers."""

from __future__ import annotations

import argparse
import os
import sys

from deploy.compose.backup import backup, restore
from deploy.compose.dialogue import ROOT, CommandFailed, call, say
from deploy.compose.distribution import bundle, push
from deploy.compose.docker import EVERYTHING, Docker
from deploy.compose.down import down, purge
from deploy.compose.preflight import require_engine
from deploy.compose.restart import restart
from deploy.compose.rotate import SECRETS, rotate
from deploy.compose.up import up
from deploy.compose.upgrade import upgrade


def parser() -> argparse.ArgumentParser:
    """The commands and their arguments."""
    made = argparse.ArgumentParser(prog="python3 -m deploy.compose", description="The product as containers.")
    commands = made.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def command(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")

    command("up", "check this machine, start everything, wait for data, say the URLs")
    command("down", "stop and remove the containers; the data stay")
    purging = command("purge", "remove the containers and, after asking, the data")
    purging.add_argument("--yes", action="store_true", help="do not ask")
    purging.add_argument("--images", action="store_true", help="remove the images of all versions too")
    logs = command("logs", "follow what the services say")
    logs.add_argument("service", nargs="?", default="", help="one of them only, for instance ws")
    command("ps", "which containers there are, and how they are")
    restarting = command("restart", "start the services again, one after the other, with settings that have changed")
    restarting.add_argument("service", nargs="?", default="", help="one of them only, for instance ws")
    rotating = command("rotate", "replace a secret by a new one, without a gap")
    rotating.add_argument("what", choices=SECRETS, help="the secret")
    rotating.add_argument("name", nargs="?", default="", help="of the token")
    rotating.add_argument("--now", action="store_true", help="the former key or token is worth nothing at once")
    command("backup", "copy the data into backups/")
    restoring = command("restore", "replace the data, after asking, by those of a backup")
    restoring.add_argument("file", nargs="?", default="", help="a file that backup made")
    restoring.add_argument("--yes", action="store_true", help="do not ask")
    command("upgrade", "copy the data, build or pull, replace the services in order, and say the way back")
    command(
        "bundle", "all images and what runs them as one archive in dist/; the environment's ARCH chooses another kind"
    )
    pushing = command("push", "all images to a registry, and the settings that take them from there")
    pushing.add_argument("registry", nargs="?", default="", help="HOST[:PORT][/PATH]")
    return made


def run(docker: Docker, options: argparse.Namespace) -> None:
    """Do what was asked.

    Raises:
        CommandFailed: it could not be done.
    """
    if options.command not in ("restart", "up", "upgrade"):  # which look at all of this machine
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
        docker.show(*EVERYTHING, "ps", "--all", failure="Compose does not list the containers; why is said above.")
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
    """Show the logs as they come, until Ctrl-C.

    Raises:
        CommandFailed: there are none.
    """
    words = (*EVERYTHING, "logs", "--follow", "--tail", "100", *([service] if service else []))
    docker.show(*words, failure="Compose shows no logs; why is said above.")


def main() -> int:
    """Return the exit code."""
    options = parser().parse_args()
    try:
        run(Docker(ROOT, os.environ), options)
    except CommandFailed as failure:
        print(f"{options.command}: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        if options.command != "logs":
            say(f"\n{options.command}: interrupted. What runs now: {call('ps')}")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
