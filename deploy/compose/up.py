"""``up``: from nothing to the page with data; the api is asked, in its container, whether data flow."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address, ip_network

from deploy.compose import images
from deploy.compose.dialogue import CommandFailed, call, say
from deploy.compose.docker import Docker
from deploy.compose.preflight import preflight
from deploy.compose.project import MAKE_USER, Project
from deploy.host.addresses import machine_addresses, probe_host, urls
from deploy.host.status import STATUS_ARGUMENTS, Status, node_issue_lines, nodes_answering, page_failure

#: Seconds that the slowest board gets from healthy containers to data.
READY_SECONDS = 90.0
#: How compose names the container that it gave up, and the service that others wait for.
_CONTAINER = re.compile(r"container (\S+) (?:is unhealthy|exited)")
_SERVICE = re.compile(r"service \"(\S+)\" didn't complete successfully")
_LOOK_SECONDS = 0.5
#: The Python of the images.
_PYTHON = "/opt/venv/bin/python"
#: What Python says in an image of a release before 0.4.
_TOO_OLD = "No module named api.status"
#: Where the api has the folders, in its container.
_USERS, _TOKENS = "/access/users", "/access/tokens"


def up(docker: Docker) -> None:
    """Start what does not run yet, wait for data, and say where they are.

    Raises:
        CommandFailed: something is in the way, or the page did not come.
    """
    started = time.monotonic()
    project, facts = preflight(docker)
    if facts.images_missing:
        say(f"Images to make first, which takes minutes once: {', '.join(facts.images_missing)}")
        images.bring(docker, project, facts.images_missing)
    say(f"Starting {len(project.services)} services …")
    start(docker)
    status = await_live(lambda: look(docker, project), READY_SECONDS)
    greet(docker, project, status, time.monotonic() - started)


def start(docker: Docker, *options: str, failure: str = "") -> None:
    """Have compose bring everything, or the services that ``options`` name, to where the files say they should be.

    Raises:
        CommandFailed: a container does not start or does not become healthy; the text begins with ``failure``.
    """
    try:
        docker.tell(
            *("compose", "up", "--detach", "--wait", *options),
            failure=failure or f"Not everything came up (see: {call('ps')}, {call('logs')})",
        )
    except CommandFailed as failed:
        raise CommandFailed(f"{failed}{last_words(docker, str(failed))}") from None


def last_words(docker: Docker, failure: str) -> str:
    """What the container that ``failure`` names has said last; empty where it names none."""
    container, service = _CONTAINER.search(failure), _SERVICE.search(failure)
    if container:
        said = docker.ask("logs", "--tail", "3", container[1])
    elif service:
        said = docker.ask("compose", "logs", "--no-log-prefix", "--tail", "3", service[1])
    else:
        return ""
    return "".join(f"\n    {line}" for line in (said.out + said.err).strip().splitlines())


def look(docker: Docker, project: Project) -> Status:
    """Ask the api and, if it has live data, for the page."""
    answer = docker.ask("compose", "exec", "-T", "api", _PYTHON, *STATUS_ARGUMENTS)
    status = Status.parse(answer.out or answer.last_words())
    if not status.is_live and _TOO_OLD not in status.missing:
        return status
    missing = page_failure(probe_host(project.host), project.port, project.scheme)
    return replace(status, is_live=not missing, missing=missing)


def nodes_of(status: Status) -> str:
    """Say how many nodes answer."""
    if not status.epoch:
        return "the api is of a release that does not say how many nodes answer"
    return nodes_answering(status.nodes_online, status.nodes_total)


def await_live(
    look_once: Callable[[], Status],
    within_seconds: float,
    *,
    after: Status | None = None,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Status:
    """Wait for live data; newer ones than ``after``, where given.

    Raises:
        CommandFailed: none come in time.
    """
    deadline = monotonic() + within_seconds
    while True:
        status = look_once()
        missing = status.missing
        if status.is_live:
            # An api that is too old for the question tells of no round.
            if after is None or not status.epoch or (status.epoch, status.seq) > (after.epoch, after.seq):
                return status
            missing = f"the data stay those of round {status.seq}"
        if monotonic() >= deadline:
            raise CommandFailed(
                f"The page shows no new data after {within_seconds:g} s: {missing}. See: {call('ps')}, {call('logs')}"
            )
        sleep(_LOOK_SECONDS)


def greet(docker: Docker, project: Project, status: Status, elapsed_seconds: float) -> None:
    """Say where the pages are, and what is wrong with the nodes."""
    say(f"\nReady after {elapsed_seconds:.1f} s; {nodes_of(status)}. Open:\n")
    public = [project.public_url] if project.public_url else []
    for url in public + urls(project.host, project.port, bridge_addresses(docker), project.scheme):
        say(f"    {url}")
    for line in node_issue_lines(status.issues):
        say(line)
    if project.access == "closed":
        text = "Nobody can yet. A first user:" if nobody_gets_in(docker) else "One more user:"
        say(f"\nEverybody must sign in. {text} {MAKE_USER}")
    say(f"\nThe nodes are listed in {project.nodes}; a change takes effect by itself.")
    say(f"What runs: {call('ps')}. What it says: {call('logs')}. To end it: {call('down')}.\n")


def nobody_gets_in(docker: Docker) -> bool:
    """Whether there is neither a user nor a token."""
    answer = docker.ask("compose", "exec", "-T", "api", "sh", "-c", f"ls {_USERS} && ls {_TOKENS}")
    return answer.code == 0 and not answer.out.split()


def bridge_addresses(docker: Docker) -> set[str]:
    """Addresses of this machine on Docker's own networks, which nobody else reaches."""
    networks = docker.ask("network", "ls", "--quiet", "--filter", "driver=bridge").out.split()
    if not networks:
        return set()
    subnets = "{{range .IPAM.Config}}{{.Subnet}} {{end}}"
    inner = [
        ip_network(subnet) for subnet in docker.ask("network", "inspect", "--format", subnets, *networks).out.split()
    ]
    return {
        address
        for address in machine_addresses(with_ipv6=True)
        if any(ip_address(address) in subnet for subnet in inner)
    }
