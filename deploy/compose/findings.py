"""What stands in the product's way on a machine: judges facts, and looks at nothing itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from deploy.compose.access import NO_CHOICE
from deploy.compose.facts import Facts
from deploy.compose.tls import USER

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


@dataclass(frozen=True)
class Finding:
    """Something about this machine that people should know."""

    text: str
    #: Whether the product cannot start because of it.
    refuses: bool = True


def judge(facts: Facts, *, builds: bool = False) -> Iterator[Finding]:
    """The findings, the gravest first. Where Docker itself is in the way, nothing else is judged."""
    blocking = _client(facts) or _engine_error(facts) or _compose_error(facts)
    if blocking:
        yield blocking
        return
    for finding in (
        _engine_version(facts),
        _compose_version(facts),
        _config(facts),
        _choice(facts),
        _tls(facts),
        _tls_readable(facts),
        _port(facts),
        _disk(facts, builds=builds or bool(facts.images_missing)),
        _memory(facts),
        _memory_limits(facts),
    ):
        if finding:
            yield finding


def numbers(version: str) -> tuple[int, ...]:
    """``(20, 10, 24)`` of ``20.10.24+dfsg1``; empty where it is no number, as in compose built from source."""
    found = re.match(r"v?(\d+(?:\.\d+)*)", version)
    return tuple(map(int, found[1].split("."))) if found else ()


def _older(version: str, oldest: tuple[int, ...]) -> bool:
    return bool(numbers(version)) and numbers(version) < oldest


def _client(facts: Facts) -> Finding | None:
    if facts.has_client:
        return None
    return Finding("The docker command is not installed: https://docs.docker.com/engine/install/")


def _engine_error(facts: Facts) -> Finding | None:
    said = facts.engine_error
    if not said:
        return None
    if "permission denied" in said.lower():
        return Finding(
            "You may not use the Docker engine. Add yourself to its group (sudo usermod -aG docker $USER, then log in "
            "again), or put sudo before the command."
        )
    if "too old" in said or "too new" in said:
        return Finding(f"The docker command and the engine do not understand each other; update the older one:\n{said}")
    return Finding(f"The Docker engine does not answer. Start it, for instance: sudo systemctl start docker\n{said}")


def _compose_error(facts: Facts) -> Finding | None:
    if not facts.compose_error:
        return None
    return Finding(
        "Docker has no compose. Install its plugin (docker-compose-plugin, or docker-compose-v2 where Docker is the "
        "system's docker.io): https://docs.docker.com/compose/install/linux/"
    )


def _engine_version(facts: Facts) -> Finding | None:
    if _older(facts.engine_version, OLDEST_ENGINE) or _older(facts.api_version, OLDEST_API):
        return Finding(
            f"The Docker engine is {facts.engine_version} (API {facts.api_version}), and 20.10 (API 1.41) or later is "
            "needed: https://docs.docker.com/engine/install/"
        )
    return None


def _compose_version(facts: Facts) -> Finding | None:
    if _older(facts.compose_version, OLDEST_COMPOSE):
        return Finding(
            f"Docker Compose is {facts.compose_version}, and 2.20 or later is needed: "
            "https://docs.docker.com/compose/install/linux/"
        )
    if numbers(facts.compose_version) == (5, 1, 0) and _older(facts.api_version, (1, 44)):
        return Finding(
            f"Docker Compose 5.1.0 does not talk to an engine as old as this ({facts.engine_version}). Take another "
            "version of it, for instance 5.0.2 or 5.1.1."
        )
    return None


def _config(facts: Facts) -> Finding | None:
    return Finding(facts.config_error) if facts.config_error else None


def _choice(facts: Facts) -> Finding | None:
    host = facts.host_without_choice
    return Finding(NO_CHOICE.format(host=host)) if host else None


def _tls(facts: Facts) -> Finding | None:
    return Finding(facts.tls_error) if facts.tls_error else None


def _tls_readable(facts: Facts) -> Finding | None:
    if not facts.tls_unreadable:
        return None
    return Finding(
        f"By owner and mode, user {USER}, as whom the gateway runs, cannot read {' and '.join(facts.tls_unreadable)}. "
        f"Give it a copy: sudo install -o {USER} -m 400 FILE COPY",
        refuses=False,
    )


def _port(facts: Facts) -> Finding | None:
    port = facts.port
    if port and port.error:
        return Finding(
            f"PUBLIC_HOST={port.host} is no address of this machine ({port.error}). 0.0.0.0 stands for all of them, "
            "127.0.0.1 for this machine alone."
        )
    if port and port.taken is not None:
        return Finding(
            f"Port {port.number} is taken{port.taken}. Choose another in .env, for instance PORT={port.other}."
        )
    return None


def _disk(facts: Facts, *, builds: bool) -> Finding | None:
    free = facts.disk_free_bytes
    if free is None or free >= DISK_BYTES:
        return None
    there = f"{free / _GB:.1f} GB are free where Docker keeps its data ({facts.docker_root})"
    if builds and free < DISK_TO_BUILD_BYTES:
        return Finding(f"Only {there}, too few to build images. docker system df says what takes the space.")
    return Finding(f"Only {there}. docker system df says what takes the space.", refuses=False)


def _memory(facts: Facts) -> Finding | None:
    available = facts.memory_available_bytes
    if available is None or available >= MEMORY_BYTES:
        return None
    return Finding(
        f"Only {available / _MB:.0f} MB of memory are available; the product likes {MEMORY_BYTES / _MB:.0f}. "
        "WS_REPLICAS=1 in .env saves some.",
        refuses=False,
    )


def _memory_limits(facts: Facts) -> Finding | None:
    if facts.limits_memory:
        return None
    return Finding(
        "The kernel's memory controller is off, so containers are not held to their memory limits. On Raspberry Pi OS: "
        "add cgroup_enable=memory cgroup_memory=1 to the one line of /boot/firmware/cmdline.txt and reboot.",
        refuses=False,
    )
