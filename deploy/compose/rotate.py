"""``rotate`` replaces a secret while the services that use it keep running."""

from __future__ import annotations

import time

from deploy.compose.backup import ACCESS
from deploy.compose.containers import project_containers
from deploy.compose.docker import Docker
from deploy.compose.project import GATEWAY, Project
from deploy.compose.restart import restart
from deploy.compose.terminal import CommandFailed, print_line, user_command

#: The secrets that can be rotated.
SECRETS = ("redis", "session-key", "token", "certificate")
#: The services with a Redis password, in the order of their restart.
REDIS_CLIENTS = ("api", "ws", "collector")
#: Seconds until the api signs cookies with a new key. Every replica reads the key within a second.
SETTLE_SECONDS = 10
_MAKE_SECRETS = ("compose", "run", "--rm", "--no-deps", "-T", "secrets", "make-secrets")


def rotate(docker: Docker, what: str, name: str = "", *, now: bool = False) -> None:
    """Replace ``what``, one of ``SECRETS``.

    Args:
        docker: the engine.
        what: the secret.
        name: the token's name.
        now: invalidate the previous session key or token immediately.

    Raises:
        CommandFailed: a step failed; the text names the step. The previous secret stays valid, and the command can be
            repeated.
    """
    if now and what not in ("session-key", "token"):
        raise CommandFailed(f"NOW applies to session-key and token only: {user_command('rotate', f'WHAT={what}')}")
    if what == "certificate":
        restart(docker, GATEWAY)
        return
    project = Project.read(docker)
    running = {container.service for container in project_containers(docker, project.name) if container.is_running}
    needed = ("redis", *REDIS_CLIENTS) if what == "redis" and project.has_own_redis else ("api",)
    missing = [service for service in needed if service not in running]
    if missing:
        raise CommandFailed(f"{', '.join(missing)} must run for that. To start: {user_command('up')}")
    if what == "redis":
        _rotate_redis_passwords(docker, project)
    elif what == "session-key":
        _rotate_session_key(docker, project, now=now)
    else:
        _rotate_token(docker, name, now=now)


def _rotate_redis_passwords(docker: Docker, project: Project) -> None:
    """Replace the passwords; each Redis user has two passwords until all services use the new one."""
    if not project.has_own_redis:
        raise CommandFailed(
            "The passwords belong to your own Redis (REDIS_URL). docs/data.md describes how to replace them."
        )
    print_line("adding a second password to each Redis user …")
    _make_secrets(docker, "next")
    _reload_redis_users(docker)
    _make_secrets(docker, "use")
    for service in REDIS_CLIENTS:
        restart(docker, service)
    print_line("removing the previous passwords …")
    _make_secrets(docker, "end")
    _reload_redis_users(docker)
    print_line("Every Redis user has a new password. The previous passwords are invalid.")


def _rotate_session_key(docker: Docker, project: Project, *, now: bool) -> None:
    if now:
        _make_secrets(docker, "key")
        docker.run_checked(
            *ACCESS, "end-sessions", failure="The session key is replaced, but the sessions have not ended"
        )
        print_line("The session key is replaced, and all sessions have ended: all users must sign in again.")
        return
    seconds = float(project.environments.get("api", {}).get("ACCESS_SESSION_SECONDS") or 604800)
    begins = int(time.time()) + SETTLE_SECONDS
    _make_secrets(docker, "key", str(begins + int(seconds)), str(begins))
    print_line(
        "The session key is replaced, and all users stay signed in. If the previous key was stolen: "
        + user_command("rotate", "WHAT=session-key", "NOW=1")
    )


def _rotate_token(docker: Docker, name: str, *, now: bool) -> None:
    if not name:
        raise CommandFailed(f"Which token? For instance: {user_command('rotate', 'WHAT=token', 'NAME=backup')}")
    words = ("compose", "exec", "-T", "api", "serve", "token", "rotate", name)
    docker.run_in_terminal(
        *words, *(("--now",) if now else ()), failure=f"The token {name} was not replaced. See the error above."
    )


def _make_secrets(docker: Docker, *words: str) -> None:
    docker.run_checked(*_MAKE_SECRETS, *words, failure="The secrets could not be made")


def _reload_redis_users(docker: Docker) -> None:
    reply = docker.run_checked(
        "compose", "exec", "-T", "redis", "operator", "acl", "load", failure="Redis does not answer"
    )
    if reply.strip() != "OK":  # redis-cli exits with 0 even after an error
        raise CommandFailed(
            f"Redis refuses the passwords: {reply.strip()}\n"
            f"Run {user_command('restart', 'SERVICE=redis')}, then repeat this command."
        )
