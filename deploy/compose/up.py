"""``up`` starts the product and waits until the page shows live data, as the api reports in its container."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address, ip_network

from deploy.compose import images
from deploy.compose.docker import Docker
from deploy.compose.preflight import preflight
from deploy.compose.project import ADD_USER_COMMAND, Project
from deploy.compose.terminal import CommandFailed, print_line, user_command
from deploy.host.addresses import machine_addresses, probe_host, urls
from deploy.host.status import STATUS_ARGUMENTS, Status, node_issue_lines, nodes_answering, page_failure

#: Seconds from healthy containers to live data, on the slowest board.
READY_SECONDS = 90.0
#: How compose's errors name an unhealthy container, and a service that others wait for.
_CONTAINER = re.compile(r"container (\S+) (?:is unhealthy|exited)")
_SERVICE = re.compile(r"service \"(\S+)\" didn't complete successfully")
_POLL_SECONDS = 0.5
#: Python in the images.
_PYTHON = "/opt/venv/bin/python"
#: Python's error in an image of a release before 0.4.
_NO_STATUS_MODULE = "No module named api.status"
#: Folders of users and tokens in the api's container.
_USERS, _TOKENS = "/access/users", "/access/tokens"


def up(docker: Docker) -> None:
    """Start the product, wait for live data, and print the URLs.

    Raises:
        CommandFailed: the preflight failed, a container did not start, or the page shows no live data.
    """
    started = time.monotonic()
    project, machine = preflight(docker)
    if machine.images_missing:
        print_line(f"Building or pulling missing images, which takes minutes once: {', '.join(machine.images_missing)}")
        images.build_or_pull(docker, project, machine.images_missing)
    print_line(f"Starting {len(project.services)} services …")
    start(docker)
    status = await_live_data(lambda: check_status(docker, project), READY_SECONDS)
    print_welcome(docker, project, status, time.monotonic() - started)


def start(docker: Docker, *options: str, failure: str = "") -> None:
    """Have compose start all services, or those that ``options`` name, and wait until they are healthy.

    Raises:
        CommandFailed: a container does not start or does not become healthy; the text begins with ``failure``.
    """
    try:
        docker.run_checked(
            *("compose", "up", "--detach", "--wait", *options),
            failure=failure or f"Not all services started (see: {user_command('ps')}, {user_command('logs')})",
        )
    except CommandFailed as failed:
        raise CommandFailed(f"{failed}{container_log_end(docker, str(failed))}") from None


def container_log_end(docker: Docker, failure: str) -> str:
    """Return the last log lines of the container or service that ``failure`` names; empty if it names none."""
    container, service = _CONTAINER.search(failure), _SERVICE.search(failure)
    if container:
        log = docker.run("logs", "--tail", "3", container[1])
    elif service:
        log = docker.run("compose", "logs", "--no-log-prefix", "--tail", "3", service[1])
    else:
        return ""
    return "".join(f"\n    {line}" for line in (log.out + log.err).strip().splitlines())


def check_status(docker: Docker, project: Project) -> Status:
    """Ask the api for the status and, if data are live, request the page."""
    answer = docker.run("compose", "exec", "-T", "api", _PYTHON, *STATUS_ARGUMENTS)
    status = Status.parse(answer.out or answer.last_lines())
    if not status.is_live and _NO_STATUS_MODULE not in status.missing:
        return status
    missing = page_failure(probe_host(project.host), project.port, project.scheme)
    return replace(status, is_live=not missing, missing=missing)


def nodes_text(status: Status) -> str:
    """Return how many nodes answer, as text."""
    if not status.epoch:
        return "the api's release does not report how many nodes answer"
    return nodes_answering(status.nodes_online, status.nodes_total)


def await_live_data(
    read_status: Callable[[], Status],
    within_seconds: float,
    *,
    after: Status | None = None,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Status:
    """Wait for live data, newer than ``after`` if given.

    Raises:
        CommandFailed: no such data come in time.
    """
    deadline = monotonic() + within_seconds
    while True:
        status = read_status()
        missing = status.missing
        if status.is_live:
            # An api before 0.4 reports no round.
            if after is None or not status.epoch or (status.epoch, status.seq) > (after.epoch, after.seq):
                return status
            missing = f"the data are still those of round {status.seq}"
        if monotonic() >= deadline:
            raise CommandFailed(
                f"The page shows no new data after {within_seconds:g} s: {missing}. "
                f"See: {user_command('ps')}, {user_command('logs')}"
            )
        sleep(_POLL_SECONDS)


def print_welcome(docker: Docker, project: Project, status: Status, elapsed_seconds: float) -> None:
    """Print the URLs, the problems of the nodes, and the next commands."""
    print_line(f"\nReady after {elapsed_seconds:.1f} s; {nodes_text(status)}. Open:\n")
    public = [project.public_url] if project.public_url else []
    for url in public + urls(project.host, project.port, bridge_addresses(docker), project.scheme):
        print_line(f"    {url}")
    for line in node_issue_lines(status.issues):
        print_line(line)
    if project.access == "closed":
        hint = "There is no user yet. Add the first:" if has_no_account(docker) else "Add another user:"
        print_line(f"\nEverybody must sign in. {hint} {ADD_USER_COMMAND}")
    print_line(f"\nThe list of nodes is {project.nodes}. A change takes effect by itself.")
    print_line(
        f"State: {user_command('ps')}. Logs: {user_command('logs')}. To stop the product: {user_command('down')}.\n"
    )


def has_no_account(docker: Docker) -> bool:
    """Whether no user and no token exists; ``False`` if the api does not answer."""
    answer = docker.run("compose", "exec", "-T", "api", "sh", "-c", f"ls {_USERS} && ls {_TOKENS}")
    return answer.code == 0 and not answer.out.split()


def bridge_addresses(docker: Docker) -> set[str]:
    """Return this machine's addresses on Docker's own networks, which no other machine can reach."""
    networks = docker.run("network", "ls", "--quiet", "--filter", "driver=bridge").out.split()
    if not networks:
        return set()
    subnets = "{{range .IPAM.Config}}{{.Subnet}} {{end}}"
    inner = [
        ip_network(subnet) for subnet in docker.run("network", "inspect", "--format", subnets, *networks).out.split()
    ]
    return {
        address
        for address in machine_addresses(with_ipv6=True)
        if any(ip_address(address) in subnet for subnet in inner)
    }
