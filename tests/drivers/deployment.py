"""The product as containers: the users' compose file, as a separate project on a free port."""

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
#: All services; ``up`` sets the number of ws replicas.
SERVICES = ("redis", "api", "ws", "collector", "gateway", "exporter")
#: Settings of the test process that every deployment gets.
INHERITED = ("WS_LOOP",)


class _Project(DockerCompose):
    name: str = ""

    @cached_property
    def compose_command_property(self) -> list[str]:
        return [*super().compose_command_property, "--project-name", self.name]


def data_in(folder: Path) -> str:
    """Return an override of the compose file with Redis's data in ``folder`` on the host."""
    return f'volumes: {{data: {{driver_opts: {{type: none, o: bind, device: "{folder}"}}}}}}\n'


class Deployment(Installation):
    """One compose project; ``variables`` are settings as in ``.env``."""

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
            **{name: os.environ[name] for name in INHERITED if name in os.environ},
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
        """Set a variable at the end of ``.env``; the next ``up`` applies it."""
        self.env_file.write_text(self.env_file.read_text() + f"{name}={value}\n")

    def compose(self, *arguments: str, input_text: str | None = None, check: bool = True, **variables: str) -> str:
        """Run ``docker compose`` on this project; return its standard output.

        ``variables`` override those of ``.env`` in this call.

        Raises:
            AssertionError: the command failed; the text has its output.
        """
        given = None if input_text is None else input_text.encode()
        return self.compose_bytes(*arguments, input_bytes=given, check=check, **variables).decode()

    def compose_bytes(
        self, *arguments: str, input_bytes: bytes | None = None, check: bool = True, **variables: str
    ) -> bytes:
        """Run ``docker compose``; return its standard output. With ``check=False``, a failure returns both outputs."""
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
            output = (done.stdout + done.stderr).decode(errors="replace")
            raise AssertionError(f"{arguments} failed:\n{output}\n{services}\n{logs}")
        return done.stdout

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables for a process that uses this project."""
        return {
            **os.environ,
            **self.variables,
            "COMPOSE_PROJECT_NAME": self.name,
            "COMPOSE_ENV_FILES": str(self.env_file),
        }

    def command(self, *words: str) -> str:
        """Run a command of ``deploy.compose`` on this project; return its output.

        Raises:
            AssertionError: the command failed; the text has its output.
        """
        command = [sys.executable, "-B", "-m", "deploy.compose", *words]
        done = subprocess.run(command, cwd=self.root, env=self.environment, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def up(self, *services: str, ws: int | None = None, profile: str | None = None, **variables: str) -> None:
        """Start the services and wait until they are healthy; ``variables`` override those of ``.env`` in this call."""
        scale = ["--scale", f"ws={self.replicas if ws is None else ws}"]
        arguments = ["up", "-d", "--wait", "--no-build", *scale, *services]
        arguments = [*(["--profile", profile] if profile else []), *arguments]
        self.compose(*arguments, input_text=None, check=True, **variables)
        # The gateway checks the health of new servers once a second, after Docker has found them healthy.
        wanted = self.replicas if ws is None else ws
        eventually(lambda: self.healthy_servers("ws") == wanted, what=f"the gateway sees {wanted} replicas")
        eventually(lambda: self.healthy_servers("api") == 1, what="the gateway sees the api")

    def is_healthy(self) -> bool:
        """Whether every service runs with all its replicas, and no container is unhealthy."""
        for service in SERVICES:
            found = self.containers(service)
            if len(found) != (self.replicas if service == "ws" else 1):
                return False
            if any(one.attrs["State"].get("Health", {}).get("Status", "healthy") != "healthy" for one in found):
                return False
        return True

    def down(self) -> None:
        """Remove the containers and keep the data."""
        self.compose("--profile", "demo", "down")

    def close(self) -> None:
        """Remove the project with its data; the containers get no time to stop."""
        self.rest.close()
        self.compose("--profile", "demo", "down", "--volumes", "--timeout", "0")

    def containers(self, service: str) -> list[Container]:
        """Return the running containers of a service, sorted by name."""
        labels = [f"com.docker.compose.project={self.name}", f"com.docker.compose.service={service}"]
        found = engine().containers.list(filters={"label": labels}, ignore_removed=True)
        return sorted(found, key=lambda container: str(container.name))

    def container(self, service: str) -> Container:
        """Return the first running container of a service.

        Raises:
            AssertionError: no container runs.
        """
        found = self.containers(service)
        assert found, f"no container of {service} runs"
        return found[0]

    def network(self, name: str) -> Network:
        """Return a network of the project."""
        return engine().networks.get(f"{self.name}_{name}")

    def address(self, service: str, network: str) -> str:
        """Return the address of a service's first container in a network of the project."""
        container = self.container(service)
        address: str = container.attrs["NetworkSettings"]["Networks"][f"{self.name}_{network}"]["IPAddress"]
        return address

    def execute(self, target: str, *command: str, input_text: str | None = None, check: bool = True) -> str:
        """Run a command in a service's container; return its output."""
        if input_text is not None:
            return self.compose("exec", "-T", target, *command, input_text=input_text, check=check)
        # Frequent calls: not through compose, which is a slow process.
        done = execute(self.container(target), *command)
        assert done.returncode == 0 or not check, f"{command} failed: {done}"
        return done.stdout if done.returncode == 0 else done.stdout + done.stderr

    def python(self, service: str, code: str) -> str:
        """Run Python code in a service's container."""
        return self.execute(service, "/opt/venv/bin/python", "-c", code)

    def kill(self, container: Container) -> None:
        """Kill the container's first process, as the kernel does; the restart policy applies."""
        container.reload()
        pid = container.attrs["State"]["Pid"]
        os.kill(pid, signal.SIGKILL)

        def noticed() -> bool:
            container.reload()
            return bool(container.attrs["State"]["Pid"] != pid)

        # Until then, every container counts as healthy.
        eventually(noticed, what="Docker notices")

    @contextmanager
    def paused(self, container: Container) -> Iterator[None]:
        """Pause a container; afterwards resume it and wait until it is healthy."""
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
        """Stop a container's process with SIGSTOP; its connections stay open, and the engine does not notice."""
        pid = container.attrs["State"]["Pid"]
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    @contextmanager
    def requesting(self, path: str, verify: str | bool = True) -> Iterator[list[int]]:
        """Request a path continuously, on new connections; yield the list of status codes, 0 without an answer.

        ``verify``: file of the CA certificate, if it is not among the system's.
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
        """Return the Redis password of each service."""
        services = ("api", "ws", "collector")
        return {service: self.execute(service, "cat", f"/secrets/{service}/redis-password") for service in services}

    def healthy_servers(self, backend: str) -> int:
        """Return the number of healthy servers in a backend of the gateway."""
        return servers_up(self.execute("gateway", *FETCH_METRICS), backend)

    def write_config(self, name: str, text: str) -> None:
        """Replace a file of the configuration with a new file, as an editor does."""
        new = self.config / f"{name}.new"
        new.write_text(text)
        new.chmod(0o644)
        new.replace(self.config / name)

    def set_nodes(self, workers: Sequence[object]) -> None:
        self.write_config("nodes.yaml", json.dumps({"workers": ["local", *workers]}))

    def write_nodes(self, workers: Iterable[str | Mapping[str, str]]) -> None:
        """Replace nodes.yaml."""
        self.write_config("nodes.yaml", json.dumps({"workers": list(workers)}))
