"""The product as processes on free ports: Valkey, simulator, collector, ws replicas, api."""

import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

import redis as redis_client

from tests.drivers.ports import free_port
from tests.drivers.process import ROOT, Process, python
from tests.drivers.rest import Rest
from tests.drivers.socket_client import SocketClient
from tests.drivers.valkey import Valkey
from tests.drivers.waiting import eventually

INTERVAL_SECONDS = 0.5
#: Most characters of a traceback in the message of a test.
TRACEBACK_LENGTH = 3000


StackT = TypeVar("StackT", bound="Stack")


class Stack:
    """Starts processes on request; ``close`` stops them."""

    #: A module that runs our modules, for tests with changed services.
    runner: Sequence[str] = ()

    def __init__(self, valkey: Valkey) -> None:
        self.valkey = valkey
        #: Folder of the release whose modules start next.
        self.root = ROOT
        self.folder = Path(tempfile.mkdtemp(prefix="stack-"))
        self.targets = self.folder / "nodes.yaml"
        self.processes: list[Process] = []
        self.replicas: list[Process] = []
        self._clients: list[SocketClient] = []
        self._rests: list[Rest] = []
        self.env = {
            "REDIS_URL": valkey.url,
            "CLUSTER_NAME": "lab",
            "COLLECTOR_TARGETS": str(self.targets),
            "COLLECTOR_SCRAPE_INTERVAL_SECONDS": str(INTERVAL_SECONDS),
        }

    def start(self, name: str, module: str, *arguments: str, **env: str) -> Process:
        """Start one of our modules."""
        process = python(name, *self.runner, module, *arguments, env={**self.env, **env}, root=self.root)
        self.processes.append(process)
        process.start()
        return process

    def rest(self, port: int) -> Rest:
        """Return a client of the HTTP server on ``port``."""
        rest = Rest(f"http://127.0.0.1:{port}")
        self._rests.append(rest)
        return rest

    def _ready(self, process: Process, port: int) -> Rest:
        rest = self.rest(port)

        def ready() -> bool:
            assert process.running, f"{process.name} ended:\n{process.log()}"
            return rest.status("/readyz") == 200

        eventually(ready, within_seconds=30, what=f"{process.name} ready")
        return rest

    def start_simulator(self, nodes: int, *arguments: str) -> Rest:
        """Start simulated nodes and list them in ``targets``; return a client of the simulator's control port."""
        control = free_port()
        process = self.start(
            "simulator", "simulator", "--nodes", str(nodes), "--port", "0", "--control-port", str(control),
            "--write-targets", str(self.targets), *arguments,
        )  # fmt: skip

        def written() -> bool:
            assert process.running, process.log()
            return self.targets.exists()

        eventually(written, what="the simulator's targets file")
        return self.rest(control)

    def start_collector(self, **env: str) -> Rest:
        """Start the collector; return a client of its probes."""
        port = free_port()
        self.collector = self.start("collector", "collector", COLLECTOR_PORT=str(port), **env)
        return self._ready(self.collector, port)

    def start_replica(self, **env: str) -> Rest:
        """Start a ws replica; return a client of its HTTP side."""
        port = free_port()
        replica = self.start(f"ws{len(self.replicas) + 1}", "ws", WS_PORT=str(port), **env)
        self.replicas.append(replica)
        return self._ready(replica, port)

    def start_api(self, **env: str) -> Rest:
        """Start the api; return its client."""
        port = free_port()
        self.api = self.start("api", "api", **{"API_PORT": str(port), "API_DRAIN_SECONDS": "0", **env})
        return self._ready(self.api, port)

    def client(
        self, replica: Rest, *namespaces: str, transport: str = "websocket", auth: object = None
    ) -> SocketClient:
        """Return a Socket.IO client of one replica."""
        client = SocketClient(replica.origin, *namespaces, transport=transport, auth=auth)
        self._clients.append(client)
        return client

    def redis(self) -> redis_client.Redis:
        """Return a client of Redis."""
        return self.valkey.client()

    def write_targets(self, hosts: Sequence[str]) -> None:
        """Replace the targets file as an editor does."""
        new = self.targets.with_suffix(".new")
        new.write_text("workers:\n" + "".join(f"  - {host}\n" for host in hosts))
        os.replace(new, self.targets)

    def write_rules(self, text: str) -> None:
        """Set the alert rules of the next collector."""
        rules = self.folder / "alerts.yaml"
        rules.write_text(text)
        self.env["COLLECTOR_RULES"] = str(rules)

    def tracebacks(self) -> list[str]:
        """Return the first Python traceback of each log, after the name of the process."""
        found = []
        for process in self.processes:
            log = process.log()
            start = re.search(r"^Traceback", log, re.MULTILINE)
            if start is not None:
                found.append(f"{process.name}: {log[start.start() :][:TRACEBACK_LENGTH]}")
        return found

    def close(self) -> None:
        """Stop every client and process of this stack."""
        for client in self._clients:
            client.close()
        for rest in self._rests:
            rest.close()
        for process in reversed(self.processes):
            process.kill()


@contextmanager
def clean(stack: StackT) -> Iterator[StackT]:
    """Close a stack at the end of the context.

    Raises:
        AssertionError: a service has printed a traceback.
    """
    with closing(stack):
        yield stack
    found = stack.tracebacks()
    assert not found, "\n".join(found)


@contextmanager
def own_stack() -> Iterator[Stack]:
    """Run an empty stack on its own Valkey; like ``clean``."""
    with Valkey() as valkey, clean(Stack(valkey)) as stack:
        yield stack
