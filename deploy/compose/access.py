"""Who gets in: whether that was said, who could, and a token for the minutes of a start."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address

from deploy.compose.docker import Docker
from deploy.compose.project import Project
from deploy.local.brief_token import BriefToken

MAKE_USER = "docker compose run --rm api user add NAME"
#: Where the api has the folders, in its container.
USERS, TOKENS = "/access/users", "/access/tokens"
#: What stands where nothing was said, with the address.
NO_CHOICE = (
    "PUBLIC_HOST={host} lets others reach the pages, and nothing says whether they must sign in. One of two lines in "
    f".env says it:\n  ACCESS=closed   # everybody signs in; make a first user with: {MAKE_USER}\n"
    "  ACCESS=open     # whoever reaches the port sees everything"
)
#: A file that others read is there whole or not at all.
_WRITE = 'umask 077; cat >"$0/.$1" && mv "$0/.$1" "$0/$1"'


def lacks_choice(project: Project) -> bool:
    """Whether others reach the pages, and nobody has said whether they must sign in."""
    return not project.access and not ip_address(project.host).is_loopback


def nobody_gets_in(docker: Docker) -> bool:
    """Whether there is neither a user nor a token."""
    answer = docker.ask("compose", "exec", "-T", "api", "sh", "-c", f"ls {USERS} && ls {TOKENS}")
    return answer.code == 0 and not answer.out.split()


@contextmanager
def credentials(docker: Docker, project: Project) -> Iterator[dict[str, str]]:
    """Headers that let their sender see the data for as long as the block lasts; the api must run.

    Raises:
        Trouble: the api does not take a token.
    """
    if project.access != "closed":
        yield {}
        return
    token = BriefToken.new()
    with tempfile.TemporaryFile() as file:
        file.write(token.file().encode())
        file.seek(0)
        docker.send(
            *(file, "compose", "exec", "-T", "api", "sh", "-c", _WRITE, TOKENS, token.name),
            trouble="The api takes no token to look at the data with",
        )
    try:
        yield token.headers
    finally:
        docker.ask("compose", "exec", "-T", "api", "rm", "-f", f"{TOKENS}/{token.name}")
