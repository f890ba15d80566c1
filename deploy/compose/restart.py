"""``restart``: services start again one by one; of what has replicas, new ones are there before the former end."""

from __future__ import annotations

from deploy.compose.containers import AS_IT_IS, of_project, roll
from deploy.compose.dialogue import CommandFailed, call, say
from deploy.compose.docker import Docker
from deploy.compose.preflight import preflight
from deploy.compose.project import Project
from deploy.compose.up import READY_SECONDS, await_live, last_words, look, nodes_of
from deploy.compose.upgrade import ONE_SHOT, REPLICATED, order


def restart(docker: Docker, service: str = "") -> None:
    """Start ``service`` again, or all that run; settings that have changed take effect.

    Raises:
        CommandFailed: there is no such service, or a step failed, which is said.
    """
    preflight(docker)
    project = Project.read(docker, everything=True)
    running = {container.service for container in of_project(docker, project.name) if container.is_running}
    names = [name for name in order(list(project.services)) if name in running]
    if service and service not in (*names, ONE_SHOT):
        raise CommandFailed(f"{service} does not run here. What runs: {', '.join(names) or 'nothing'}.")
    if service == ONE_SHOT:
        raise CommandFailed(f"{ONE_SHOT} runs before the others and ends; {call('up')} runs it.")
    if not names:
        raise CommandFailed(f"Nothing runs here. To start it: {call('up')}")
    for name in [service] if service else names:
        say(f"{name} …")
        if name in REPLICATED:
            roll(docker, project, name, everyone=True)
        else:
            _anew(docker, name)
    newer = await_live(lambda: look(docker, project), READY_SECONDS)
    say(f"Restarted; the data are live (round {newer.seq}, {nodes_of(newer)}).")


def _anew(docker: Docker, name: str) -> None:
    words = ("compose", "up", "--detach", "--wait", "--no-deps", "--force-recreate", *AS_IT_IS, name)
    try:
        docker.tell(*words, failure=f"{name} does not become healthy")
    except CommandFailed as failure:
        raise CommandFailed(f"{failure}{last_words(docker, str(failure))}") from None
