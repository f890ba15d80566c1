"""``up``: from nothing to the page with data."""

from __future__ import annotations

import re
import time
from ipaddress import ip_address, ip_network

from deploy.compose import images
from deploy.compose.access import MAKE_USER, nobody_gets_in
from deploy.compose.dialogue import call, say
from deploy.compose.docker import Docker
from deploy.compose.live import await_live, look, nodes_of
from deploy.compose.preflight import preflight
from deploy.compose.project import Project
from deploy.compose.trouble import Trouble
from deploy.host.addresses import machine_addresses, urls
from deploy.host.status import Status
from deploy.host.words import about_nodes

#: Seconds that the slowest board gets from healthy containers to data.
READY_SECONDS = 90.0
#: How compose names the container that it gave up, and the service that others wait for.
_CONTAINER = re.compile(r"container (\S+) (?:is unhealthy|exited)")
_SERVICE = re.compile(r"service \"(\S+)\" didn't complete successfully")


def up(docker: Docker) -> None:
    """Start what does not run yet, wait for data, and say where they are.

    Raises:
        Trouble: something is in the way, or the page did not come.
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


def start(docker: Docker, *options: str) -> None:
    """Have compose bring everything to where the files say it should be.

    Raises:
        Trouble: a container does not start or does not become healthy.
    """
    try:
        docker.tell(
            *("compose", "up", "--detach", "--wait", *options),
            trouble=f"Not everything came up (see: {call('ps')}, {call('logs')})",
        )
    except Trouble as trouble:
        raise Trouble(f"{trouble}{last_words(docker, str(trouble))}") from None


def last_words(docker: Docker, trouble: str) -> str:
    """What the container that ``trouble`` names has said last; empty where it names none."""
    container, service = _CONTAINER.search(trouble), _SERVICE.search(trouble)
    if container:
        said = docker.ask("logs", "--tail", "3", container[1])
    elif service:
        said = docker.ask("compose", "logs", "--no-log-prefix", "--tail", "3", service[1])
    else:
        return ""
    return "".join(f"\n    {line}" for line in (said.out + said.err).strip().splitlines())


def greet(docker: Docker, project: Project, status: Status, elapsed_seconds: float) -> None:
    """Say where the pages are, and what is wrong with the nodes."""
    say(f"\nReady after {elapsed_seconds:.1f} s; {nodes_of(status)}. Open:\n")
    public = [project.public_url] if project.public_url else []
    for url in public + urls(project.host, project.port, bridge_addresses(docker), project.scheme):
        say(f"    {url}")
    for line in about_nodes(status.issues):
        say(line)
    if project.access == "closed":
        text = "Nobody can yet. A first user:" if nobody_gets_in(docker) else "One more user:"
        say(f"\nEverybody must sign in. {text} {MAKE_USER}")
    say(f"\nThe nodes are listed in {project.nodes}; a change takes effect by itself.")
    say(f"What runs: {call('ps')}. What it says: {call('logs')}. To end it: {call('down')}.\n")


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
