"""Preflight: check this machine and the settings before a command starts anything."""

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

from deploy.compose.docker import NOT_INSTALLED, Docker
from deploy.compose.env_file import read_env_file
from deploy.compose.images import missing
from deploy.compose.project import GATEWAY, Project
from deploy.compose.terminal import CommandFailed, print_line
from deploy.compose.tls import GATEWAY_UID
from deploy.host.listening import is_free, listener_name, next_free_port
from runtime.catalogue import CONTAINERS, REDIS_MAXMEMORY, SETTINGS
from runtime.setting import SettingError
from runtime.settings_check import SettingsReport, check

_GB = 10**9
_MB = 10**6
OLDEST_ENGINE = (20, 10)
OLDEST_API = (1, 41)
#: The first version with ``include``.
OLDEST_COMPOSE = (2, 20)
MEMORY_BYTES = 600 * _MB
#: Free space below which the preflight refuses to build images, and below which it prints a note.
DISK_TO_BUILD_BYTES = _GB
DISK_BYTES = 2 * _GB
#: Seconds that the engine may take to release the port of a removed container.
RELEASE_SECONDS = 5.0
_POLL_SECONDS = 0.5
#: The engine's program that listens on published ports, as ``holder`` names it.
_PROXY = " by docker-proxy"


@dataclass(frozen=True)
class PublishedPort:
    """The address on which the gateway publishes the pages."""

    host: str
    number: int
    #: The program that listens on the port already, as `` by name``; ``None`` if the port is free or our gateway's.
    holder: str | None = None
    #: The next free port.
    next_free: int = 0
    #: Why no program can listen on the address.
    error: str = ""


@dataclass(frozen=True)
class MachineState:
    """The state of this machine and of the settings. An unknown value has its default and causes no problem."""

    has_client: bool = True
    #: Why the engine does not answer.
    engine_error: str = ""
    engine_version: str = ""
    api_version: str = ""
    compose_error: str = ""
    compose_version: str = ""
    config_error: str = ""
    #: How to set ACCESS, where other machines reach the pages and ACCESS is not set.
    access_mode_error: str = ""
    #: Why the gateway cannot use the certificate or the key, and the files that its user cannot read.
    tls_error: str = ""
    tls_unreadable: tuple[str, ...] = ()
    #: Whether the kernel can limit the memory of containers.
    can_limit_memory: bool = True
    memory_available_bytes: int | None = None
    #: Folder in which Docker keeps images and volumes, and its free space.
    docker_root: str = ""
    disk_free_bytes: int | None = None
    #: Images that must be built or pulled first.
    images_missing: tuple[str, ...] = ()
    port: PublishedPort | None = None
    #: Errors and notes about the settings.
    settings: SettingsReport = field(default_factory=SettingsReport)
    #: Missing files and folders that the settings name, as sentences.
    files_missing: tuple[str, ...] = ()
    #: Memory of the engine's machine.
    memory_bytes: int | None = None
    #: Bytes above which Redis refuses writes that may be shed.
    redis_maxmemory: int = 0


@dataclass(frozen=True)
class PreflightProblem:
    """A problem of this machine or of the settings, as a sentence with the remedy."""

    text: str
    #: Whether the problem keeps the product from starting. Others are printed as notes.
    is_blocking: bool = True


def preflight(docker: Docker, *, builds: bool = False) -> tuple[Project, MachineState]:
    """Check this machine and print notes; ``builds``: the command builds images even if none is missing.

    Raises:
        CommandFailed: the product cannot start.
    """
    machine, project = inspect_machine(docker)
    problems = list(find_problems(machine, builds=builds))
    for problem in problems:
        if not problem.is_blocking:
            print_line(f"Note: {problem.text}")
    errors = [problem.text for problem in problems if problem.is_blocking]
    if errors or project is None:
        raise CommandFailed("\n".join(errors) or "Compose cannot read the project.")
    return project, machine


def require_engine(docker: Docker) -> None:
    """Check that docker, its engine and compose work, as every command needs them.

    Raises:
        CommandFailed: docker, its engine or compose is missing.
    """
    if not docker.is_installed():
        raise CommandFailed(NOT_INSTALLED)
    version = docker.run("version", "--format", "{{.Server.Version}}")
    compose = docker.run("compose", "version", "--short")
    machine = MachineState(
        engine_error="" if version.code == 0 else version.last_lines(),
        compose_error="" if compose.code == 0 else compose.last_lines(),
    )
    for problem in find_problems(machine):
        raise CommandFailed(problem.text)


def inspect_machine(docker: Docker) -> tuple[MachineState, Project | None]:
    """Collect the facts; the project is ``None`` if compose cannot read it."""
    machine = MachineState(has_client=docker.is_installed())
    if not machine.has_client:
        return machine, None
    machine = _engine(docker, machine)
    answer = docker.run("compose", "version", "--short")
    machine = replace(
        machine,
        compose_error="" if answer.code == 0 else answer.last_lines(),
        compose_version=answer.out.strip().lstrip("v"),
    )
    if machine.engine_error or machine.compose_error:
        return machine, None
    machine = replace(machine, settings=settings_of(docker), redis_maxmemory=redis_maxmemory(docker))
    try:
        project = Project.read(docker)
    except CommandFailed as failure:
        # The settings' errors already name the setting that compose rejects.
        return replace(machine, config_error="" if machine.settings.faults else str(failure)), None
    machine = replace(
        machine,
        access_mode_error=project.access_mode_error(),
        tls_error=project.tls.error(),
        tls_unreadable=tuple(map(str, project.tls.unreadable())),
        images_missing=tuple(missing(docker, project.images())),
        memory_available_bytes=memory_available_bytes(),
        port=check_port(docker, project),
        settings=_with_overrides(machine.settings, project),
        files_missing=tuple(files_missing(project)),
    )
    return machine, project


def _engine(docker: Docker, machine: MachineState) -> MachineState:
    answer = docker.run("version", "--format", "{{json .}}")
    server = _json_object(answer.out).get("Server") or {}
    if not server:
        return replace(machine, engine_error=answer.last_lines())
    info = _json_object(docker.run("info", "--format", "{{json .}}").out)
    root = info.get("DockerRootDir", "")
    try:
        free = shutil.disk_usage(root).free if root else None
    except OSError:  # the engine runs on another system, for instance in a virtual machine
        free = None
    return replace(
        machine,
        engine_version=server.get("Version", ""),
        api_version=server.get("ApiVersion", ""),
        can_limit_memory=bool(info.get("MemoryLimit", True)),
        memory_bytes=info.get("MemTotal") or None,
        docker_root=root,
        disk_free_bytes=free,
    )


def settings_of(docker: Docker) -> SettingsReport:
    """Return the errors and notes about the settings in ``.env`` and the environment."""
    written = read_env_file(docker.folder, docker.variables)
    return check({**written, **docker.variables}, CONTAINERS, written)


def redis_maxmemory(docker: Docker) -> int:
    """Return the bytes above which Redis refuses writes that may be shed; 0 without a valid limit."""
    text = REDIS_MAXMEMORY.text_in({**read_env_file(docker.folder, docker.variables), **docker.variables})
    try:
        return REDIS_MAXMEMORY.read(text or REDIS_MAXMEMORY.default)
    except SettingError:
        return 0


def _with_overrides(report: SettingsReport, project: Project) -> SettingsReport:
    """Return the report with the errors in the variables that a compose file of the user sets."""
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
    """Yield a sentence for each missing file or folder that the settings name. No command creates them."""
    for name, path in project.mounted_paths.items():
        kind = "folder" if name.endswith("_DIR") else "file"
        try:
            is_kind = stat.S_ISDIR if kind == "folder" else stat.S_ISREG
            missing = "" if is_kind(path.stat().st_mode) else f"is no {kind}"
        except PermissionError:  # the engine may have access
            missing = ""
        except OSError:
            missing = "does not exist"
        if missing:
            yield f"{name}={path} {missing}. {name} takes the path of a {kind} on this machine."


def _json_object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def memory_available_bytes(meminfo: Path = Path("/proc/meminfo")) -> int | None:
    """Return the memory that programs can use without swapping; ``None`` if the system does not report it."""
    try:
        found = re.search(r"^MemAvailable:\s+(\d+) kB$", meminfo.read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None


def check_port(docker: Docker, project: Project, sleep: Callable[[float], None] = time.sleep) -> PublishedPort:
    """Return the address of the pages, and the program that listens on its port already.

    The port counts as free if one of our gateway's containers publishes it, running or not: a container that crashes
    in a loop or is being replaced has the port only part of the time.
    """
    port = PublishedPort(project.host, project.port)
    left = RELEASE_SECONDS
    while True:
        try:
            if is_free(project.port, project.host):
                return port
        except PermissionError:  # below 1024: the engine may listen, we may not
            return port
        except OSError as error:
            return replace(port, error=error.strerror or str(error))
        owners = _containers_publishing(docker, project.port)
        others = [name for name, label in owners if label != f"{project.name}/{GATEWAY}"]
        taken = f" by the container {others[0]}" if others else "" if owners else listener_name(project.port)
        is_engines = not taken or taken.startswith(_PROXY)
        if is_engines and (owners or project.port in _ports_of_gateway(docker, project)):
            return port
        # If the engine has the port for no container, a container was removed a moment ago.
        if not taken.startswith(_PROXY) or left <= 0:
            return replace(port, holder=taken, next_free=next_free_port(port.number, port.host))
        sleep(_POLL_SECONDS)
        left -= _POLL_SECONDS


def _containers_publishing(docker: Docker, port: int) -> list[tuple[str, str]]:
    """Return the name and ``project/service`` of the running containers that publish the port."""
    names = docker.run(
        *("ps", "--filter", f"publish={port}", "--format"),
        '{{.Names}} {{.Label "com.docker.compose.project"}}/{{.Label "com.docker.compose.service"}}',
    )
    return [(name, label) for name, _, label in (line.partition(" ") for line in names.out.splitlines()) if name]


def _ports_of_gateway(docker: Docker, project: Project) -> set[int]:
    """Return the ports that our gateway's containers publish, running or not."""
    label = "label=com.docker.compose"
    filters = ("--filter", f"{label}.project={project.name}", "--filter", f"{label}.service={GATEWAY}")
    listed = docker.run("ps", "--all", "--quiet", *filters).out.split()
    if not listed:
        return set()
    found: set[int] = set()
    for line in docker.run("inspect", "--format", "{{json .HostConfig.PortBindings}}", *listed).out.splitlines():
        for bindings in _json_object(line).values():
            found.update(int(one["HostPort"]) for one in bindings or () if str(one.get("HostPort", "")).isdigit())
    return found


def find_problems(machine: MachineState, *, builds: bool = False) -> Iterator[PreflightProblem]:
    """Yield the problems, blocking ones first. A problem of Docker itself is the only one."""
    blocking = ("" if machine.has_client else NOT_INSTALLED) or _engine_error(machine) or _compose_error(machine)
    if blocking:
        yield PreflightProblem(blocking)
        return
    is_disk_full, disk = _disk(machine, builds=builds or bool(machine.images_missing))
    errors = (
        _engine_version(machine),
        _compose_version(machine),
        *machine.settings.faults,
        *machine.files_missing,
        machine.config_error,
        machine.access_mode_error,
        machine.tls_error,
        _port(machine),
        disk if is_disk_full else "",
    )
    notes = (
        "" if is_disk_full else disk,
        _tls_readable(machine),
        _memory(machine),
        _memory_limits(machine),
        _redis_memory(machine),
        *machine.settings.notes,
    )
    yield from map(PreflightProblem, filter(None, errors))
    yield from (PreflightProblem(text, is_blocking=False) for text in notes if text)


def version_numbers(version: str) -> tuple[int, ...]:
    """Return ``(20, 10, 24)`` for ``20.10.24+dfsg1``; empty without a number, as in compose built from source."""
    found = re.match(r"v?(\d+(?:\.\d+)*)", version)
    return tuple(map(int, found[1].split("."))) if found else ()


def _is_older(version: str, oldest: tuple[int, ...]) -> bool:
    return bool(version_numbers(version)) and version_numbers(version) < oldest


# Each function below returns a problem as a sentence, or an empty text.


def _engine_error(machine: MachineState) -> str:
    error = machine.engine_error
    if "permission denied" in error.lower():
        return (
            "You have no permission to use the Docker engine. Add yourself to its group (sudo usermod -aG docker "
            "$USER, then log in again), or run the command with sudo."
        )
    if "too old" in error or "too new" in error:
        return f"The versions of the docker command and the engine do not match; update the older one:\n{error}"
    return error and f"The Docker engine does not answer. Start it, for instance: sudo systemctl start docker\n{error}"


def _compose_error(machine: MachineState) -> str:
    return machine.compose_error and (
        "Docker has no compose. Install its plugin: docker-compose-plugin, or docker-compose-v2 if Docker is the "
        "system's docker.io. See https://docs.docker.com/compose/install/linux/"
    )


def _engine_version(machine: MachineState) -> str:
    if not _is_older(machine.engine_version, OLDEST_ENGINE) and not _is_older(machine.api_version, OLDEST_API):
        return ""
    return (
        f"The Docker engine is {machine.engine_version} (API {machine.api_version}). The product needs 20.10 (API "
        "1.41) or later: https://docs.docker.com/engine/install/"
    )


def _compose_version(machine: MachineState) -> str:
    if _is_older(machine.compose_version, OLDEST_COMPOSE):
        return (
            f"Docker Compose is {machine.compose_version}. The product needs 2.20 or later: "
            "https://docs.docker.com/compose/install/linux/"
        )
    if version_numbers(machine.compose_version) == (5, 1, 0) and _is_older(machine.api_version, (1, 44)):
        return (
            f"Docker Compose 5.1.0 does not support an engine as old as {machine.engine_version}. Install another "
            "version of Compose, for instance 5.0.2 or 5.1.1."
        )
    return ""


def _tls_readable(machine: MachineState) -> str:
    if not machine.tls_unreadable:
        return ""
    return (
        f"By owner and mode, the gateway's system user {GATEWAY_UID} cannot read "
        f"{' and '.join(machine.tls_unreadable)}. Make a copy for it: sudo install -o {GATEWAY_UID} -m 400 FILE COPY"
    )


def _port(machine: MachineState) -> str:
    port = machine.port
    if port and port.error:
        return (
            f"PUBLIC_HOST={port.host} is no address of this machine ({port.error}). 0.0.0.0 publishes on all its "
            "addresses, 127.0.0.1 only for this machine."
        )
    if port and port.holder is not None:
        return f"Port {port.number} is taken{port.holder}. Choose another in .env, for instance PORT={port.next_free}."
    return ""


def _disk(machine: MachineState, *, builds: bool) -> tuple[bool, str]:
    """Return whether the free space is too small to build images, and the problem."""
    free = machine.disk_free_bytes
    if free is None or free >= DISK_BYTES:
        return False, ""
    is_too_little = builds and free < DISK_TO_BUILD_BYTES
    return is_too_little, (
        f"Only {free / _GB:.1f} GB are free where Docker keeps its data ({machine.docker_root})"
        f"{', too few to build images' if is_too_little else ''}. To see what uses the space: docker system df"
    )


def _memory(machine: MachineState) -> str:
    available = machine.memory_available_bytes
    if available is None or available >= MEMORY_BYTES:
        return ""
    return (
        f"Only {available / _MB:.0f} MB of memory are available; the product should have {MEMORY_BYTES / _MB:.0f} MB. "
        "WS_REPLICAS=1 in .env saves memory."
    )


def _redis_memory(machine: MachineState) -> str:
    if machine.memory_bytes is None or machine.redis_maxmemory <= machine.memory_bytes:
        return ""
    return (
        f"REDIS_MAXMEMORY is {machine.redis_maxmemory / _MB:.0f} MB, but the engine's machine has only "
        f"{machine.memory_bytes / _MB:.0f} MB."
    )


def _memory_limits(machine: MachineState) -> str:
    if machine.can_limit_memory:
        return ""
    return (
        "The kernel's memory controller is off, so the memory limits of the containers have no effect. On Raspberry Pi "
        "OS, add cgroup_enable=memory cgroup_memory=1 to the one line of /boot/firmware/cmdline.txt and reboot."
    )
