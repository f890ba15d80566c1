"""Whether the product can run here, said before anything is started: this machine is looked at, and then judged."""

from __future__ import annotations

import json
import re
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from deploy.compose.dialogue import CommandFailed, say
from deploy.compose.docker import NOT_INSTALLED, Docker
from deploy.compose.env_file import written_in
from deploy.compose.images import missing
from deploy.compose.project import GATEWAY, Project
from deploy.compose.tls import USER
from deploy.host.listening import is_free, listener_name, next_free_port
from runtime.catalogue import CONTAINERS, REDIS_MAXMEMORY, SETTINGS
from runtime.setting import SettingError
from runtime.settings_check import SettingsReport, check

_GB = 10**9
_MB = 10**6
OLDEST_ENGINE = (20, 10)
OLDEST_API = (1, 41)
#: The first that knows ``include``.
OLDEST_COMPOSE = (2, 20)
MEMORY_BYTES = 600 * _MB
#: Free space below which images are not built, and below which it is said.
DISK_TO_BUILD_BYTES = _GB
DISK_BYTES = 2 * _GB
#: Seconds that the engine may take to give up the port of a container that is gone.
RELEASE_SECONDS = 5.0
_LOOK_SECONDS = 0.5
#: The engine's program that holds a published port.
_PROXY = " by docker-proxy"


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
    #: What to say where others reach the pages, and nobody has said whether they must sign in.
    choice_error: str = ""
    #: Why the gateway cannot use the certificate or the key, and those files that its user cannot read.
    tls_error: str = ""
    tls_unreadable: tuple[str, ...] = ()
    #: Whether the kernel can hold containers to a memory limit.
    limits_memory: bool = True
    memory_available_bytes: int | None = None
    #: Where Docker keeps images and volumes, and how much goes in.
    docker_root: str = ""
    disk_free_bytes: int | None = None
    #: Images that must come here first.
    images_missing: tuple[str, ...] = ()
    port: Port | None = None
    #: What the settings say.
    settings: SettingsReport = field(default_factory=SettingsReport)
    #: What of this machine the settings name and is not there, as sentences.
    files_missing: tuple[str, ...] = ()
    #: Of the engine's machine.
    memory_bytes: int | None = None
    #: Above which Redis refuses what may be shed.
    redis_maxmemory: int = 0


@dataclass(frozen=True)
class Finding:
    """Something about this machine that people should know."""

    text: str
    #: Whether the product cannot start because of it.
    refuses: bool = True


def preflight(docker: Docker, *, builds: bool = False) -> tuple[Project, Facts]:
    """Look at this machine and say what was found; ``builds``: images will be made whatever is here.

    Raises:
        CommandFailed: the product cannot start.
    """
    facts, project = gather(docker)
    findings = list(judge(facts, builds=builds))
    for finding in findings:
        if not finding.refuses:
            say(f"Note: {finding.text}")
    refusals = [finding.text for finding in findings if finding.refuses]
    if refusals or project is None:
        raise CommandFailed("\n".join(refusals) or "Compose does not say what the project is.")
    return project, facts


def require_engine(docker: Docker) -> None:
    """What every command stands on: docker, its engine and compose.

    Raises:
        CommandFailed: one of them is missing.
    """
    if not docker.is_installed():
        raise CommandFailed(NOT_INSTALLED)
    version = docker.ask("version", "--format", "{{.Server.Version}}")
    compose = docker.ask("compose", "version", "--short")
    facts = Facts(
        engine_error="" if version.code == 0 else version.last_words(),
        compose_error="" if compose.code == 0 else compose.last_words(),
    )
    for finding in judge(facts):
        raise CommandFailed(finding.text)


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
    facts = replace(facts, settings=settings_of(docker), redis_maxmemory=redis_maxmemory(docker))
    try:
        project = Project.read(docker)
    except CommandFailed as failure:
        # What compose says of a value has been said already, and by name.
        return replace(facts, config_error="" if facts.settings.faults else str(failure)), None
    facts = replace(
        facts,
        choice_error=project.choice_error(),
        tls_error=project.tls.error(),
        tls_unreadable=tuple(map(str, project.tls.unreadable())),
        images_missing=tuple(missing(docker, project.images())),
        memory_available_bytes=memory_available_bytes(),
        port=port_of(docker, project),
        settings=_with_overrides(facts.settings, project),
        files_missing=tuple(files_missing(project)),
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
        memory_bytes=info.get("MemTotal") or None,
        docker_root=root,
        disk_free_bytes=free,
    )


def settings_of(docker: Docker) -> SettingsReport:
    """What is wrong with ``.env`` and the environment, each setting by its name."""
    written = written_in(docker.folder, docker.variables)
    return check({**written, **docker.variables}, CONTAINERS, written)


def redis_maxmemory(docker: Docker) -> int:
    """Bytes above which Redis is to refuse what may be shed; 0 where there is no bound, or no valid one."""
    text = REDIS_MAXMEMORY.text_in({**written_in(docker.folder, docker.variables), **docker.variables})
    try:
        return REDIS_MAXMEMORY.read(text or REDIS_MAXMEMORY.default)
    except SettingError:
        return 0


def _with_overrides(report: SettingsReport, project: Project) -> SettingsReport:
    """The report, with what a compose file of somebody's own sets wrongly."""
    faults = list(report.faults)
    for service, variables in project.environments.items():
        for name, value in variables.items():
            setting = SETTINGS.get(name)
            if setting is None or service not in setting.read_by.split() or not value or "$" in value:
                continue
            try:
                setting.read(value.strip())
            except SettingError as error:
                if not any(fault.startswith(f"{name}=") for fault in faults):
                    faults.append(str(error))
    return replace(report, faults=tuple(faults))


def files_missing(project: Project) -> Iterator[str]:
    """What the settings name and is not there, as sentences. Nothing is made for them."""
    for name, path in project.given.items():
        kind = "folder" if name.endswith("_DIR") else "file"
        try:
            is_it = stat.S_ISDIR if kind == "folder" else stat.S_ISREG
            missing = "" if is_it(path.stat().st_mode) else f"is no {kind}"
        except PermissionError:  # the engine may see what we may not
            missing = ""
        except OSError:
            missing = "is not there"
        if missing:
            yield f"{name}={path} {missing}. It takes the path of a {kind} of this machine."


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


def port_of(docker: Docker, project: Project, sleep: Callable[[float], None] = time.sleep) -> Port:
    """The project's address, and whether it can be had.

    It is ours where a container of our gateway asks for it, which need not run just now: one that ends again and again,
    or is being replaced, has the port at one moment and not at the next.
    """
    port = Port(project.host, project.port)
    left = RELEASE_SECONDS
    while True:
        try:
            if is_free(project.port, project.host):
                return port
        except PermissionError:  # below 1024: the engine may what we may not
            return port
        except OSError as error:
            return replace(port, error=error.strerror or str(error))
        owners = _publishers(docker, project.port)
        others = [name for name, label in owners if label != f"{project.name}/{GATEWAY}"]
        taken = f" by the container {others[0]}" if others else "" if owners else listener_name(project.port)
        is_engines = not taken or taken.startswith(_PROXY)
        if is_engines and (owners or project.port in _ports_of_gateway(docker, project)):
            return port
        # A port that the engine holds for no container is one of a container that has just gone.
        if not taken.startswith(_PROXY) or left <= 0:
            return replace(port, taken=taken, other=next_free_port(port.number, port.host))
        sleep(_LOOK_SECONDS)
        left -= _LOOK_SECONDS


def _publishers(docker: Docker, port: int) -> list[tuple[str, str]]:
    """Name, and project/service, of the running containers that have the port."""
    names = docker.ask(
        *("ps", "--filter", f"publish={port}", "--format"),
        '{{.Names}} {{.Label "com.docker.compose.project"}}/{{.Label "com.docker.compose.service"}}',
    )
    return [(name, label) for name, _, label in (line.partition(" ") for line in names.out.splitlines()) if name]


def _ports_of_gateway(docker: Docker, project: Project) -> set[int]:
    """The ports that our gateway's containers ask for, whether they run or not."""
    label = "label=com.docker.compose"
    filters = ("--filter", f"{label}.project={project.name}", "--filter", f"{label}.service={GATEWAY}")
    listed = docker.ask("ps", "--all", "--quiet", *filters).out.split()
    if not listed:
        return set()
    found: set[int] = set()
    for line in docker.ask("inspect", "--format", "{{json .HostConfig.PortBindings}}", *listed).out.splitlines():
        for bindings in _json(line).values():
            found.update(int(one["HostPort"]) for one in bindings or () if str(one.get("HostPort", "")).isdigit())
    return found


def judge(facts: Facts, *, builds: bool = False) -> Iterator[Finding]:
    """The findings, the gravest first. Where Docker itself is in the way, nothing else is judged."""
    blocking = ("" if facts.has_client else NOT_INSTALLED) or _engine_error(facts) or _compose_error(facts)
    if blocking:
        yield Finding(blocking)
        return
    little_disk, disk = _disk(facts, builds=builds or bool(facts.images_missing))
    refusals = (
        _engine_version(facts),
        _compose_version(facts),
        *facts.settings.faults,
        *facts.files_missing,
        facts.config_error,
        facts.choice_error,
        facts.tls_error,
        _port(facts),
        disk if little_disk else "",
    )
    notes = (
        "" if little_disk else disk,
        _tls_readable(facts),
        _memory(facts),
        _memory_limits(facts),
        _redis_memory(facts),
        *facts.settings.notes,
    )
    yield from map(Finding, filter(None, refusals))
    yield from (Finding(text, refuses=False) for text in notes if text)


def numbers(version: str) -> tuple[int, ...]:
    """``(20, 10, 24)`` of ``20.10.24+dfsg1``; empty where it is no number, as in compose built from source."""
    found = re.match(r"v?(\d+(?:\.\d+)*)", version)
    return tuple(map(int, found[1].split("."))) if found else ()


def _older(version: str, oldest: tuple[int, ...]) -> bool:
    return bool(numbers(version)) and numbers(version) < oldest


# What follows returns a sentence, or nothing where all is well.


def _engine_error(facts: Facts) -> str:
    said = facts.engine_error
    if "permission denied" in said.lower():
        return (
            "You may not use the Docker engine. Add yourself to its group (sudo usermod -aG docker $USER, then log in "
            "again), or put sudo before the command."
        )
    if "too old" in said or "too new" in said:
        return f"The docker command and the engine do not understand each other; update the older one:\n{said}"
    return said and f"The Docker engine does not answer. Start it, for instance: sudo systemctl start docker\n{said}"


def _compose_error(facts: Facts) -> str:
    return facts.compose_error and (
        "Docker has no compose. Install its plugin (docker-compose-plugin, or docker-compose-v2 where Docker is the "
        "system's docker.io): https://docs.docker.com/compose/install/linux/"
    )


def _engine_version(facts: Facts) -> str:
    if not _older(facts.engine_version, OLDEST_ENGINE) and not _older(facts.api_version, OLDEST_API):
        return ""
    return (
        f"The Docker engine is {facts.engine_version} (API {facts.api_version}), and 20.10 (API 1.41) or later is "
        "needed: https://docs.docker.com/engine/install/"
    )


def _compose_version(facts: Facts) -> str:
    if _older(facts.compose_version, OLDEST_COMPOSE):
        return (
            f"Docker Compose is {facts.compose_version}, and 2.20 or later is needed: "
            "https://docs.docker.com/compose/install/linux/"
        )
    if numbers(facts.compose_version) == (5, 1, 0) and _older(facts.api_version, (1, 44)):
        return (
            f"Docker Compose 5.1.0 does not talk to an engine as old as this ({facts.engine_version}). Take another "
            "version of it, for instance 5.0.2 or 5.1.1."
        )
    return ""


def _tls_readable(facts: Facts) -> str:
    if not facts.tls_unreadable:
        return ""
    return (
        f"By owner and mode, user {USER}, as whom the gateway runs, cannot read {' and '.join(facts.tls_unreadable)}. "
        f"Give it a copy: sudo install -o {USER} -m 400 FILE COPY"
    )


def _port(facts: Facts) -> str:
    port = facts.port
    if port and port.error:
        return (
            f"PUBLIC_HOST={port.host} is no address of this machine ({port.error}). 0.0.0.0 stands for all of them, "
            "127.0.0.1 for this machine alone."
        )
    if port and port.taken is not None:
        return f"Port {port.number} is taken{port.taken}. Choose another in .env, for instance PORT={port.other}."
    return ""


def _disk(facts: Facts, *, builds: bool) -> tuple[bool, str]:
    """Whether there is too little to build images, and what to say."""
    free = facts.disk_free_bytes
    if free is None or free >= DISK_BYTES:
        return False, ""
    is_too_little = builds and free < DISK_TO_BUILD_BYTES
    return is_too_little, (
        f"Only {free / _GB:.1f} GB are free where Docker keeps its data ({facts.docker_root})"
        f"{', too few to build images' if is_too_little else ''}. docker system df says what takes the space."
    )


def _memory(facts: Facts) -> str:
    available = facts.memory_available_bytes
    if available is None or available >= MEMORY_BYTES:
        return ""
    return (
        f"Only {available / _MB:.0f} MB of memory are available; the product likes {MEMORY_BYTES / _MB:.0f}. "
        "WS_REPLICAS=1 in .env saves some."
    )


def _redis_memory(facts: Facts) -> str:
    if facts.memory_bytes is None or facts.redis_maxmemory <= facts.memory_bytes:
        return ""
    return (
        f"REDIS_MAXMEMORY is {facts.redis_maxmemory / _MB:.0f} MB, and the engine's machine has no more than "
        f"{facts.memory_bytes / _MB:.0f} MB."
    )


def _memory_limits(facts: Facts) -> str:
    if facts.limits_memory:
        return ""
    return (
        "The kernel's memory controller is off, so containers are not held to their memory limits. On Raspberry Pi OS: "
        "add cgroup_enable=memory cgroup_memory=1 to the one line of /boot/firmware/cmdline.txt and reboot."
    )
