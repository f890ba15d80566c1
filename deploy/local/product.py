"""The processes of the local mode: the command and the environment variables of each."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from deploy.local.child import ProcessSpec
from deploy.local.commands import RESTORE, RUN, with_data_dir
from deploy.local.data_dir import AccessDir
from deploy.local.ports import InternalPorts
from deploy.local.refusal import CannotStart
from deploy.local.settings import Settings
from deploy.local.valkey import (
    SAVE_REVOCATIONS,
    TIME_ZONE,
    ValkeyCredentials,
    require_undamaged,
    stop_obstacle,
    valkey_binary,
    valkey_command,
)


@dataclass(frozen=True)
class RedisLocation:
    """URL of Redis, and its data folder if it is the embedded Valkey."""

    url: str
    folder: Path | None = None


def python_command(*arguments: str) -> tuple[str, ...]:
    """Return a command of this virtual environment's Python."""
    # -P: the current folder does not count as a source of modules.
    return (sys.executable, "-P", "-m", *arguments)


def valkey_process(credentials: ValkeyCredentials, port: int, folder: Path) -> ProcessSpec:
    """Return the embedded Valkey.

    Raises:
        CannotStart: there is no Valkey for this machine, or its data are damaged.
    """
    require_undamaged(folder, with_data_dir(folder.parent, RESTORE))
    try:
        command = valkey_command(valkey_binary(), port=port, data_dir=folder, config=credentials.config)
    except LookupError as error:
        raise CannotStart(
            f"There is no embedded Valkey for this machine ({error}). Use a Redis of your own: "
            "sudo apt-get install -y redis-server && REDIS_URL=redis://127.0.0.1:6379/0 " + RUN
        ) from None
    return ProcessSpec(
        "valkey",
        tuple(command),
        TIME_ZONE,
        is_quiet=True,
        stops_last=True,
        stop_obstacle=lambda lines: stop_obstacle(lines, folder),
    )


def simulator_process(nodes: int, seed: int, targets: Path) -> ProcessSpec:
    """Return the simulator. A few of its nodes have problems; it writes the targets file."""
    options = ["--nodes", str(nodes), "--port", "0", "--seed", str(seed), "--demo", "--write-targets", str(targets)]
    return ProcessSpec("simulator", python_command("simulator", *options), stops_last=True)


def service_processes(
    settings: Settings,
    ports: InternalPorts,
    redis: RedisLocation,
    targets: Path,
    access_dir: AccessDir,
    cluster_name: str,
) -> list[ProcessSpec]:
    """Return the collector, the api, and the gateway with the ws replica."""
    shared = {"REDIS_URL": redis.url, "API_HOST": "127.0.0.1", "API_PORT": str(ports.api), "PUBLIC_HOST": settings.host}
    shared["CLUSTER_NAME"] = cluster_name
    # Fewer heaps per process save a few megabytes each; no service here needs fast allocation.
    shared["MALLOC_ARENA_MAX"] = os.environ.get("MALLOC_ARENA_MAX", "2")
    collector = {"COLLECTOR_PORT": str(ports.collector), "COLLECTOR_TARGETS": str(targets)}
    if redis.folder is not None:
        collector["COLLECTOR_REDIS_DIR"] = str(redis.folder)
    # Only the gateway connects to the api, and the gateway has replaced the headers that its clients must not set.
    trusted = f"peer {os.environ.get('TRUSTED_PROXIES', '')}".strip()
    # ACCESS is inherited, set or not: the services check host names where it is not set.
    access = access_dir.variables()
    api = {**access, "ACCESS_USERS_DIR": str(access_dir.users), "TRUSTED_PROXIES": trusted}
    if redis.folder is not None:
        api |= SAVE_REVOCATIONS
    # A drain is of no use here: there are no other replicas that clients could move to.
    drains = {name: os.environ.get(name, "0") for name in ("API_DRAIN_SECONDS", "WS_DRAIN_SECONDS")}
    api["API_DRAIN_SECONDS"] = drains["API_DRAIN_SECONDS"]
    gateway = {
        **access,
        "WS_DRAIN_SECONDS": drains["WS_DRAIN_SECONDS"],
        "WS_PORT": str(ports.ws),
        "PORT": str(settings.port),
    }
    return [
        ProcessSpec("collector", python_command("collector"), {**shared, **collector}),
        ProcessSpec("api", python_command("api"), {**shared, **api}),
        ProcessSpec("gateway", python_command("deploy.local.gateway"), {**shared, **gateway}),
    ]
