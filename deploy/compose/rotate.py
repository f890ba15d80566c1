"""``rotate``: a secret is replaced by a new one, and what uses it goes on."""

from __future__ import annotations

import time

from deploy.compose.backup import ACCESS
from deploy.compose.containers import of_project
from deploy.compose.dialogue import CommandFailed, call, say
from deploy.compose.docker import Docker
from deploy.compose.project import GATEWAY, Project
from deploy.compose.restart import restart

#: What can be rotated.
SECRETS = ("redis", "session-key", "token", "certificate")
#: The services that have a password of Redis, in the order in which they start again.
USERS = ("api", "ws", "collector")
#: Seconds after which cookies are signed with a new key: by then every replica has read it, which takes a second.
SETTLE_SECONDS = 10
_MAKE = ("compose", "run", "--rm", "--no-deps", "-T", "secrets", "make-secrets")


def rotate(docker: Docker, what: str, name: str = "", *, now: bool = False) -> None:
    """Replace ``what``, one of ``SECRETS``.

    Args:
        docker: the engine.
        what: the secret.
        name: of the token.
        now: the former key of sessions, or the former token, is worth nothing at once.

    Raises:
        CommandFailed: a step failed, which is said. The former secret is good, and the command can be called again.
    """
    if now and what not in ("session-key", "token"):
        raise CommandFailed(f"NOW is for session-key and token: {call('rotate', f'WHAT={what}')}")
    if what == "certificate":
        restart(docker, GATEWAY)
        return
    project = Project.read(docker)
    running = {container.service for container in of_project(docker, project.name) if container.is_running}
    needed = ("redis", *USERS) if what == "redis" and project.has_own_redis else ("api",)
    missing = [service for service in needed if service not in running]
    if missing:
        raise CommandFailed(f"{', '.join(missing)} must run for that. {call('up')} starts it.")
    if what == "redis":
        _redis(docker, project)
    elif what == "session-key":
        _session_key(docker, project, now=now)
    else:
        _token(docker, name, now=now)


def _redis(docker: Docker, project: Project) -> None:
    """Redis has two passwords a user while the services change from one to the other."""
    if not project.has_own_redis:
        raise CommandFailed("The passwords are those of a Redis of your own (REDIS_URL): docs/data.md says how.")
    say("Redis takes a further password for each user …")
    _make(docker, "next")
    _reload_users(docker)
    _make(docker, "use")
    for service in USERS:
        restart(docker, service)
    say("Redis forgets the former passwords …")
    _make(docker, "end")
    _reload_users(docker)
    say("Every user of Redis has a new password, and the former ones are worth nothing.")


def _session_key(docker: Docker, project: Project, *, now: bool) -> None:
    if now:
        _make(docker, "key")
        docker.tell(*ACCESS, "end-sessions", failure="The key is new, but the sessions have not ended")
        say("There is a new key, and all sessions have ended; all users must sign in again.")
        return
    seconds = float(project.environments.get("api", {}).get("ACCESS_SESSION_SECONDS") or 604800)
    begins = int(time.time()) + SETTLE_SECONDS
    _make(docker, "key", str(begins + int(seconds)), str(begins))
    say("There is a new key, and everybody stays signed in. Was the former one stolen? " + call("rotate", *_STOLEN))


_STOLEN = ("WHAT=session-key", "NOW=1")


def _token(docker: Docker, name: str, *, now: bool) -> None:
    if not name:
        raise CommandFailed(f"Which token? For instance: {call('rotate', 'WHAT=token', 'NAME=backup')}")
    words = ("compose", "exec", "-T", "api", "serve", "token", "rotate", name)
    docker.show(*words, *(("--now",) if now else ()), failure=f"The token {name} was not replaced; why is said above.")


def _make(docker: Docker, *words: str) -> None:
    docker.tell(*_MAKE, *words, failure="The secrets could not be made")


def _reload_users(docker: Docker) -> None:
    said = docker.tell("compose", "exec", "-T", "redis", "operator", "acl", "load", failure="Redis does not answer")
    if said.strip() != "OK":  # which the client says with exit code 0
        raise CommandFailed(
            f"Redis does not take the passwords: {said.strip()}\n"
            f"{call('restart', 'SERVICE=redis')} has it read its users; then the same again."
        )
