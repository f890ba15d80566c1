"""Whether live data flow: the api is asked in its container, and the page is asked for through the gateway."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from deploy.compose.dialogue import call
from deploy.compose.docker import Docker
from deploy.compose.project import Project
from deploy.compose.trouble import Trouble
from deploy.host.addresses import probe_host
from deploy.host.status import ASK, Status, why_no_page
from deploy.host.words import answering

_LOOK_SECONDS = 0.5
#: The Python of the images.
_PYTHON = "/opt/venv/bin/python"
#: What Python says in an image of a release before 0.4.
_TOO_OLD = "No module named api.status"


def look(docker: Docker, project: Project) -> Status:
    """Ask the api and, if it has live data, for the page."""
    answer = docker.ask("compose", "exec", "-T", "api", _PYTHON, *ASK)
    status = Status.read(answer.out or answer.last_words())
    if not status.is_live and _TOO_OLD not in status.missing:
        return status
    missing = why_no_page(probe_host(project.host), project.port, project.scheme)
    return replace(status, is_live=not missing, missing=missing)


def nodes_of(status: Status) -> str:
    """Say how many nodes answer."""
    if not status.epoch:
        return "the api is of a release that does not say how many nodes answer"
    return answering(status.nodes_online, status.nodes_total)


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
        Trouble: none come in time.
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
            raise Trouble(
                f"The page shows no new data after {within_seconds:g} s: {missing}. See: {call('ps')}, {call('logs')}"
            )
        sleep(_LOOK_SECONDS)
