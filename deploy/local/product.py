"""What the local mode consists of: commands and variables of every part."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from deploy.local.child import Part
from deploy.local.commands import RESTORE, RUN, on
from deploy.local.data_dir import AccessDir
from deploy.local.ports import InnerPorts
from deploy.local.refusal import CannotStart
from deploy.local.settings import Settings
from deploy.local.valkey import (
    SAVE_REVOCATIONS,
    TIME_ZONE,
    Access,
    require_whole,
    valkey_binary,
    valkey_command,
    why_it_stays,
)


@dataclass(frozen=True)
class RedisPlace:
    """Where Redis is, and the folder that it saves to where that is ours."""

    url: str
    folder: Path | None = None


def python(*arguments: str) -> tuple[str, ...]:
    """A command of this virtual environment's Python."""
    # Not the modules of the folder where somebody happens to be.
    return (sys.executable, "-P", "-m", *arguments)


def valkey_part(access: Access, port: int, folder: Path) -> Part:
    """The embedded Valkey.

    Raises:
        CannotStart: there is none for this machine, or its data are damaged.
    """
    require_whole(folder, on(folder.parent, RESTORE))
    try:
        command = valkey_command(valkey_binary(), port=port, data_dir=folder, config=access.config)
    except LookupError as error:
        raise CannotStart(
            f"There is no embedded Valkey here ({error}). Use a Redis of your own: "
            "sudo apt-get install -y redis-server && REDIS_URL=redis://127.0.0.1:6379/0 " + RUN
        ) from None
    return Part(
        "valkey",
        tuple(command),
        TIME_ZONE,
        is_quiet=True,
        is_ground=True,
        why_it_stays=lambda lines: why_it_stays(lines, folder),
    )


def simulator_part(nodes: int, seed: int, targets: Path) -> Part:
    """Simulated nodes, a few of them in trouble, which write the targets file."""
    options = ["--nodes", str(nodes), "--port", "0", "--seed", str(seed), "--demo", "--write-targets", str(targets)]
    return Part("simulator", python("simulator", *options), is_ground=True)


def service_parts(
    settings: Settings, ports: InnerPorts, redis: RedisPlace, targets: Path, access_dir: AccessDir, cluster_name: str
) -> list[Part]:
    """Collector, api, and the gateway with the push replica."""
    shared = {"REDIS_URL": redis.url, "API_HOST": "127.0.0.1", "API_PORT": str(ports.api), "PUBLIC_HOST": settings.host}
    shared["CLUSTER_NAME"] = cluster_name
    # Threads of one process share their heap: a few megabytes less each, and nothing here allocates in a hurry.
    shared["MALLOC_ARENA_MAX"] = os.environ.get("MALLOC_ARENA_MAX", "2")
    collector = {"COLLECTOR_PORT": str(ports.collector), "COLLECTOR_TARGETS": str(targets)}
    if redis.folder is not None:
        collector["COLLECTOR_REDIS_DIR"] = str(redis.folder)
    # Who connects to the api is the gateway, which has replaced what its clients may not say.
    trusted = f"peer {os.environ.get('TRUSTED_PROXIES', '')}".strip()
    # ACCESS they find in the environment, as it was set or not: host names are checked where nobody has chosen.
    access = access_dir.variables()
    api = {**access, "ACCESS_USERS_DIR": str(access_dir.users), "TRUSTED_PROXIES": trusted}
    if redis.folder is not None:
        api |= SAVE_REVOCATIONS
    # There are no other replicas, to which clients could go one by one.
    drains = {name: os.environ.get(name, "0") for name in ("API_DRAIN_SECONDS", "WS_DRAIN_SECONDS")}
    api["API_DRAIN_SECONDS"] = drains["API_DRAIN_SECONDS"]
    gateway = {
        **access,
        "WS_DRAIN_SECONDS": drains["WS_DRAIN_SECONDS"],
        "WS_PORT": str(ports.ws),
        "PORT": str(settings.port),
    }
    return [
        Part("collector", python("collector"), {**shared, **collector}),
        Part("api", python("api"), {**shared, **api}),
        Part("gateway", python("deploy.local.gateway"), {**shared, **gateway}),
    ]
