"""Who gets in: whether that was said, and who could."""

from __future__ import annotations

from access.choice import how_to_choose, lacks_choice
from deploy.compose.docker import Docker
from deploy.compose.project import Project

MAKE_USER = "docker compose run --rm api user add NAME"
#: Where the api has the folders, in its container.
USERS, TOKENS = "/access/users", "/access/tokens"


def choice_error(project: Project) -> str:
    """How to say whether people must sign in; empty where that was said, or only this machine reaches the pages."""
    if not lacks_choice(project.host, project.access):
        return ""
    return how_to_choose(project.host, MAKE_USER, place=" in .env")


def nobody_gets_in(docker: Docker) -> bool:
    """Whether there is neither a user nor a token."""
    answer = docker.ask("compose", "exec", "-T", "api", "sh", "-c", f"ls {USERS} && ls {TOKENS}")
    return answer.code == 0 and not answer.out.split()
