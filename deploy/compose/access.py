"""Who gets in: whether that was said, and who could."""

from __future__ import annotations

from ipaddress import ip_address

from deploy.compose.docker import Docker
from deploy.compose.project import Project

MAKE_USER = "docker compose run --rm api user add NAME"
#: Where the api has the folders, in its container.
USERS, TOKENS = "/access/users", "/access/tokens"
#: What stands where nothing was said, with the address.
NO_CHOICE = (
    "PUBLIC_HOST={host} lets others reach the pages, and nothing says whether they must sign in. One of two lines in "
    f".env says it:\n  ACCESS=closed   # everybody signs in; make a first user with: {MAKE_USER}\n"
    "  ACCESS=open     # whoever reaches the port sees everything"
)


def lacks_choice(project: Project) -> bool:
    """Whether others reach the pages, and nobody has said whether they must sign in."""
    return not project.access and not ip_address(project.host).is_loopback


def nobody_gets_in(docker: Docker) -> bool:
    """Whether there is neither a user nor a token."""
    answer = docker.ask("compose", "exec", "-T", "api", "sh", "-c", f"ls {USERS} && ls {TOKENS}")
    return answer.code == 0 and not answer.out.split()
