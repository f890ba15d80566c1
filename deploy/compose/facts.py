"""What there is to know about this machine before the product starts on it."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from deploy.compose.access import lacks_choice
from deploy.compose.docker import Docker
from deploy.compose.images import missing
from deploy.compose.project import GATEWAY, Project
from deploy.compose.trouble import Trouble
from deploy.local.listening import holder, is_free


@dataclass(frozen=True)
class Port:
    """The address that the pages are to be published on."""

    host: str
    number: int
    #: Who has it already, as `` by name``; ``None`` where it is free or our own gateway's.
    taken: str | None = None
    #: The next port that is free.
    other: int = 0
    #: Why nothing can listen there at all.
    error: str = ""


@dataclass(frozen=True)
class Facts:
    """Each fact is at its best until it is looked at; what is not known is ``None`` or empty, and in nobody's way."""

    has_client: bool = True
    #: Why the engine does not answer.
    engine_error: str = ""
    engine_version: str = ""
    api_version: str = ""
    compose_error: str = ""
    compose_version: str = ""
    config_error: str = ""
    #: The address at which others reach the pages, where nobody has said whether they must sign in.
    host_without_choice: str = ""
    #: Why the gateway cannot use the certificate or the key, and those files that its user cannot read.
    tls_error: str = ""
    tls_unreadable: tuple[str, ...] = field(default=())
    #: Whether the kernel can hold containers to a memory limit.
    limits_memory: bool = True
    memory_available_bytes: int | None = None
    #: Where Docker keeps images and volumes, and how much goes in.
    docker_root: str = ""
    disk_free_bytes: int | None = None
    #: Images that must come here first.
    images_missing: tuple[str, ...] = field(default=())
    port: Port | None = None


def gather(docker: Docker) -> tuple[Facts, Project | None]:
    """Look at everything that can be looked at; no project where compose does not resolve one."""
    facts = Facts(has_client=docker.is_installed())
    if not facts.has_client:
        return facts, None
    facts = _engine(docker, facts)
    answer = docker.ask("compose", "version", "--short")
    facts = replace(
        facts,
        compose_error="" if answer.code == 0 else answer.last_words(),
        compose_version=answer.out.strip().lstrip("v"),
    )
    if facts.engine_error or facts.compose_error:
        return facts, None
    try:
        project = Project.read(docker)
    except Trouble as trouble:
        return replace(facts, config_error=str(trouble)), None
    facts = replace(
        facts,
        host_without_choice=project.host if lacks_choice(project) else "",
        tls_error=project.tls.error(),
        tls_unreadable=tuple(map(str, project.tls.unreadable())),
        images_missing=tuple(missing(docker, project.images())),
        memory_available_bytes=memory_available_bytes(),
        port=port_of(docker, project),
    )
    return facts, project


def _engine(docker: Docker, facts: Facts) -> Facts:
    answer = docker.ask("version", "--format", "{{json .}}")
    server = _json(answer.out).get("Server") or {}
    if not server:
        return replace(facts, engine_error=answer.last_words())
    info = _json(docker.ask("info", "--format", "{{json .}}").out)
    root = info.get("DockerRootDir", "")
    try:
        free = shutil.disk_usage(root).free if root else None
    except OSError:  # the engine runs elsewhere, in a virtual machine for instance
        free = None
    return replace(
        facts,
        engine_version=server.get("Version", ""),
        api_version=server.get("ApiVersion", ""),
        limits_memory=bool(info.get("MemoryLimit", True)),
        docker_root=root,
        disk_free_bytes=free,
    )


def _json(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def memory_available_bytes(meminfo: Path = Path("/proc/meminfo")) -> int | None:
    """What programs could still have without swapping; ``None`` where the system does not tell."""
    try:
        found = re.search(r"^MemAvailable:\s+(\d+) kB$", meminfo.read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None


def port_of(docker: Docker, project: Project) -> Port:
    """The project's address, and whether it can be had."""
    port = Port(project.host, project.port)
    try:
        if is_free(project.port, project.host):
            return port
    except PermissionError:  # below 1024: the engine may what we may not
        return port
    except OSError as error:
        return replace(port, error=error.strerror or str(error))
    names = docker.ask(
        *("ps", "--filter", f"publish={project.port}", "--format"),
        '{{.Names}} {{.Label "com.docker.compose.project"}}/{{.Label "com.docker.compose.service"}}',
    )
    owners = [line.split() for line in names.out.splitlines() if line.strip()]
    if any(owner[1:] == [f"{project.name}/{GATEWAY}"] for owner in owners):
        return port
    return replace(
        port,
        taken=f" by the container {owners[0][0]}" if owners else holder(project.port),
        other=next((number for number in range(port.number + 1, 65536) if is_free(number, port.host)), port.number),
    )
