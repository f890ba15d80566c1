"""Whether the product can run here, said before anything is started."""

from __future__ import annotations

from deploy.compose.dialogue import say
from deploy.compose.docker import Docker
from deploy.compose.facts import Facts, gather
from deploy.compose.findings import judge
from deploy.compose.project import Project
from deploy.compose.trouble import Trouble


def preflight(docker: Docker, *, builds: bool = False) -> tuple[Project, Facts]:
    """Look at this machine and say what was found; ``builds``: images will be made whatever is here.

    Raises:
        Trouble: the product cannot start.
    """
    facts, project = gather(docker)
    findings = list(judge(facts, builds=builds))
    for finding in findings:
        if not finding.refuses:
            say(f"Note: {finding.text}")
    refusals = [finding.text for finding in findings if finding.refuses]
    if refusals or project is None:
        raise Trouble("\n".join(refusals) or "Compose does not say what the project is.")
    return project, facts


def require_engine(docker: Docker) -> None:
    """What every command stands on: docker, its engine and compose.

    Raises:
        Trouble: one of them is missing.
    """
    if not docker.is_installed():
        raise Trouble(next(judge(Facts(has_client=False))).text)
    version = docker.ask("version", "--format", "{{.Server.Version}}")
    compose = docker.ask("compose", "version", "--short")
    facts = Facts(
        engine_error="" if version.code == 0 else version.last_words(),
        compose_error="" if compose.code == 0 else compose.last_words(),
    )
    for finding in judge(facts):
        raise Trouble(finding.text)
