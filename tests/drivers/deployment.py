"""The product as containers: the very compose file that users have, as a project of its own on a free port."""

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import requests
from docker.models.containers import Container
from docker.models.networks import Network
from testcontainers.compose import DockerCompose

from tests.drivers.docker_engine import OWN_PROJECT_PREFIX, engine, execute
from tests.drivers.gateway_metrics import FETCH_METRICS, servers_up
from tests.drivers.installation import Installation
from tests.drivers.ports import free_port
from tests.drivers.process import ROOT
from tests.drivers.waiting import eventually

#: Seconds between two rounds.
INTERVAL_SECONDS = 0.5
#: Every service that is to run; the number of ws replicas is asked for with ``up``.
SERVICES = ("redis", "api", "ws", "collector", "gateway", "exporter")


class _Project(DockerCompose):
    name: str = ""

    @cached_property
    def compose_command_property(self) -> list[str]:
        return [*super().compose_command_property, "--project-name", self.name]


def data_in(folder: Path) -> str:
    """An override of the compose file: Redis keeps its data in that folder of the host."""
    return f'volumes: {{data: {{driver_opts: {{type: none, o: bind, device: "{folder}"}}}}}}\n'


class Deployment(Installation):
    """One compose project. ``variables`` are what a user would write into ``.env``."""

    REDIS = "redis"
    ROUND_WITHIN_SECONDS = 30.0
    origin: str = ""

    def __init__(
        self, replicas: int = 3, *, root: Path = ROOT, name: str = "", override: str | None = None, **variables: str
    ) -> None:
        self.name = name or OWN_PROJECT_PREFIX + secrets.token_hex(3)
        self.root = root
        self.replicas = replicas
        self.port = int(variables.pop("PORT", 0)) or free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        folder = Path(tempfile.mkdtemp(prefix="deployment-"))
        folder.chmod(0o755)
        self.config = folder / "config"
        self.config.mkdir()
        self.write_nodes(["local"])
        self.write_config("alerts.yaml", "node_down: {for_seconds: 1}\n")
        self.env_file = folder / "env"
        own = ROOT / ".env"
        self.variables = {
            "PORT": str(self.port),
            "CONFIG_DIR": str(self.config),
            "CLUSTER_NAME": "lab",
            "COLLECTOR_SCRAPE_INTERVAL_SECONDS": str(INTERVAL_SECONDS),
            "WS_REPLICAS": str(replicas),
            "WS_DRAIN_SECONDS": "1",
            **variables,
        }
        lines = [f"{name}={value}" for name, value in self.variables.items()]
        self.env_file.write_text((own.read_text() if own.exists() else "") + "\n".join(["", *lines]) + "\n")
        files: list[str] | None = None
        if override is not None:
            (folder / "override.yaml").write_text(override)
            files = ["deploy/compose/compose.yaml", str(folder / "override.yaml")]
        self._project = _Project(context=str(root), compose_file_name=files, env_file=str(self.env_file))
        self._project.name = self.name

    def set(self, name: str, value: str) -> None:
        """Set a variable as a user does, at the end of ``.env``; it counts from the next ``up``."""
        self.env_file.write_text(self.env_file.read_text() + f"{name}={value}\n")

    def compose(self, *arguments: str, input_text: str | None = None, check: bool = True, **variables: str) -> str:
        """Run ``docker compose`` on this project; return its standard output.

        ``variables`` are stronger than those of ``.env``, for this call alone.

        Raises:
            AssertionError: it failed; carries what it said.
        """
        given = None if input_text is None else input_text.encode()
        return self.compose_bytes(*arguments, input_bytes=given, check=check, **variables).decode()

    def compose_bytes(
        self, *arguments: str, input_bytes: bytes | None = None, check: bool = True, **variables: str
    ) -> bytes:
        """Run ``docker compose``; return its standard output, and of a failure that is no surprise all it said."""
        command = [*self._project.docker_compose_command(), *arguments]
        environment = {**os.environ, **variables}
        done = subprocess.run(
            command, cwd=self.root, env=environment, input=input_bytes, capture_output=True, timeout=300
        )
        if done.returncode != 0 and not check:
            return done.stdout + done.stderr
        if done.returncode != 0:
            services = self.compose("ps", "-a", check=False)
            logs = self.compose("logs", "--tail", "15", check=False)
            said = (done.stdout + done.stderr).decode(errors="replace")
            raise AssertionError(f"{arguments} failed:\n{said}\n{services}\n{logs}")
        return done.stdout

    @property
    def environment(self) -> dict[str, str]:
        """Variables for a process that is to work on this project."""
        return {
            **os.environ,
            **self.variables,
            "COMPOSE_PROJECT_NAME": self.name,
            "COMPOSE_ENV_FILES": str(self.env_file),
        }

    def command(self, *words: str) -> str:
        """Run a command of ``deploy.compose`` on this project; return what it says.

        Raises:
            AssertionError: it failed; carries what it said.
        """
        command = [sys.executable, "-B", "-m", "deploy.compose", *words]
        done = subprocess.run(command, cwd=self.root, env=self.environment, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def up(self, *services: str, ws: int | None = None, profile: str | None = None) -> None:
        """Bring the services to where they should be, and wait until they are healthy."""
        scale = ["--scale", f"ws={self.replicas if ws is None else ws}"]
        self.compose(
            *(["--profile", profile] if profile else []), "up", "-d", "--wait", "--no-build", *scale, *services
        )
        # Healthy to Docker is not yet known to the gateway, which looks once a second.
        wanted = self.replicas if ws is None else ws
        eventually(lambda: self.gateway_sees("ws") == wanted, what=f"the gateway sees {wanted} replicas")
        eventually(lambda: self.gateway_sees("api") == 1, what="the gateway sees the api")

    def is_whole(self) -> bool:
        """Whether every service runs, with all its replicas, and nothing is unhealthy."""
        for service in SERVICES:
            found = self.containers(service)
            if len(found) != (self.replicas if service == "ws" else 1):
                return False
            if any(one.attrs["State"].get("Health", {}).get("Status", "healthy") != "healthy" for one in found):
                return False
        return True

    def down(self) -> None:
        """Stop and remove the containers, and keep the data."""
        self.compose("--profile", "demo", "down")

    def close(self) -> None:
        """Remove everything of the project. Nothing of it is to be kept, so its containers get no time to end."""
        self.rest.close()
        self.compose("--profile", "demo", "down", "--volumes", "--timeout", "0")

    def containers(self, service: str) -> list[Container]:
        """The running containers of a service, by name."""
        labels = [f"com.docker.compose.project={self.name}", f"com.docker.compose.service={service}"]
        found = engine().containers.list(filters={"label": labels}, ignore_removed=True)
        return sorted(found, key=lambda container: str(container.name))

    def container(self, service: str) -> Container:
        """The one container of a service, or its first.

        Raises:
            AssertionError: none runs.
        """
        found = self.containers(service)
        assert found, f"no container of {service} runs"
        return found[0]

    def network(self, name: str) -> Network:
        """One of the project's networks."""
        return engine().networks.get(f"{self.name}_{name}")

    def address(self, service: str, network: str) -> str:
        """Address of a service's first container in one of the project's networks."""
        container = self.container(service)
        address: str = container.attrs["NetworkSettings"]["Networks"][f"{self.name}_{network}"]["IPAddress"]
        return address

    def execute(self, target: str, *command: str, input_text: str | None = None, check: bool = True) -> str:
        """Run a command in a service's container; return what it says."""
        if input_text is not None:
            return self.compose("exec", "-T", target, *command, input_text=input_text, check=check)
        # Asked so often that a process of compose each time would be felt.
        done = execute(self.container(target), *command)
        assert done.returncode == 0 or not check, f"{command} failed: {done}"
        return done.stdout if done.returncode == 0 else done.stdout + done.stderr

    def python(self, service: str, code: str) -> str:
        """Run Python code in a service's container."""
        return self.execute(service, "/opt/venv/bin/python", "-c", code)

    def kill(self, container: Container) -> None:
        """Kill the container's first process as the kernel would; whether it starts again is for its restart policy."""
        container.reload()
        pid = container.attrs["State"]["Pid"]
        os.kill(pid, signal.SIGKILL)

        def noticed() -> bool:
            container.reload()
            return bool(container.attrs["State"]["Pid"] != pid)

        # Until then everything looks whole.
        eventually(noticed, what="Docker notices")

    @contextmanager
    def paused(self, container: Container) -> Iterator[None]:
        """Stop a container without ending it; afterwards it goes on, and is waited for until it is healthy again."""
        container.pause()
        try:
            yield
        finally:
            container.unpause()

            def healthy() -> bool:
                container.reload()
                return bool(container.attrs["State"]["Health"]["Status"] == "healthy")

            eventually(healthy, within_seconds=60, what=f"{container.name} healthy again")

    @contextmanager
    def hung(self, container: Container) -> Iterator[None]:
        """Have a container's process stand still while its connections stay open, which the engine does not notice."""
        pid = container.attrs["State"]["Pid"]
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    @contextmanager
    def asked(self, path: str, verify: str | bool = True) -> Iterator[list[int]]:
        """Ask for a path all the while, by a connection each time; yields the status codes, 0 for no answer.

        ``verify``: the authority's file where it is not one of the system's.
        """
        codes: list[int] = []
        ended = threading.Event()

        def ask() -> None:
            while not ended.wait(0.05):
                try:
                    codes.append(requests.get(self.origin + path, timeout=30, verify=verify).status_code)
                except requests.RequestException:
                    codes.append(0)

        asking = threading.Thread(target=ask)
        asking.start()
        try:
            yield codes
        finally:
            ended.set()
            asking.join()

    def passwords(self) -> dict[str, str]:
        """By what Redis knows each service."""
        services = ("api", "ws", "collector")
        return {service: self.execute(service, "cat", f"/secrets/{service}/redis-password") for service in services}

    def gateway_sees(self, backend: str) -> int:
        """Servers of a backend that the gateway takes for well."""
        return servers_up(self.execute("gateway", *FETCH_METRICS), backend)

    def write_config(self, name: str, text: str) -> None:
        """Replace a file of the configuration as an editor does."""
        new = self.config / f"{name}.new"
        new.write_text(text)
        new.chmod(0o644)
        new.replace(self.config / name)

    def watch(self, workers: Sequence[object]) -> None:
        """See ``Installation``."""
        self.write_config("nodes.yaml", json.dumps({"workers": ["local", *workers]}))

    def write_nodes(self, workers: Iterable[str | Mapping[str, str]]) -> None:
        """Replace nodes.yaml."""
        self.write_config("nodes.yaml", json.dumps({"workers": list(workers)}))
