"""``restart`` restarts services one by one; new replicas of ws and api serve before the previous ones stop."""

from __future__ import annotations

from deploy.compose.containers import (
    LOCAL_IMAGES_ONLY,
    SHORT_TIMEOUT,
    project_containers,
    replace_replicas,
    service_containers,
)
from deploy.compose.docker import Docker
from deploy.compose.gateway import reload
from deploy.compose.preflight import preflight
from deploy.compose.project import GATEWAY, Project
from deploy.compose.terminal import CommandFailed, print_line, user_command
from deploy.compose.up import READY_SECONDS, await_live_data, check_status, nodes_text, start
from deploy.compose.upgrade import REPLICATED, SECRETS_SERVICE, replacement_order


def restart(docker: Docker, service: str = "") -> None:
    """Restart ``service``, or all running services; changed settings take effect.

    Raises:
        CommandFailed: the service does not run, or a step failed; the text names the step.
    """
    preflight(docker)
    project = Project.read(docker, all_profiles=True)
    running = {container.service for container in project_containers(docker, project.name) if container.is_running}
    names = [name for name in replacement_order(list(project.services)) if name in running]
    if service and service not in (*names, SECRETS_SERVICE):
        raise CommandFailed(f"{service} does not run here. Running services: {', '.join(names) or 'none'}.")
    if service == SECRETS_SERVICE:
        raise CommandFailed(f"{SECRETS_SERVICE} runs once, before the other services. To run it: {user_command('up')}")
    if not names:
        raise CommandFailed(f"No service runs here. To start them: {user_command('up')}")
    for name in [service] if service else names:
        print_line(f"{name} …")
        if name in REPLICATED:
            replace_replicas(docker, project, name, include_current=True)
        elif name == GATEWAY:
            _restart_gateway(docker, project)
        else:
            _start_service(docker, name, "--force-recreate")
    status = await_live_data(lambda: check_status(docker, project), READY_SECONDS)
    print_line(f"Restarted. Data are live (round {status.seq}, {nodes_text(status)}).")


def _restart_gateway(docker: Docker, project: Project) -> None:
    """Restart the gateway; without refused connections, unless its settings have changed."""
    before = service_containers(docker, project.name, GATEWAY)
    _start_service(docker, GATEWAY, *SHORT_TIMEOUT)
    if service_containers(docker, project.name, GATEWAY) == before:
        try:
            reload(docker, project.tls)
        except PermissionError:
            print_line(
                "This user cannot read TLS_KEY. The restart closes every connection; with sudo, the gateway reloads."
            )
            _start_service(docker, GATEWAY, "--force-recreate", *SHORT_TIMEOUT)


def _start_service(docker: Docker, name: str, *options: str) -> None:
    start(docker, "--no-deps", *options, *LOCAL_IMAGES_ONLY, name, failure=f"{name} does not become healthy")
