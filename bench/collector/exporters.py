"""Serve the expositions of many nodes from one process, with as little work for a request as possible.

``python -m bench.collector.exporters --nodes 1000 --size 31 --port 9100 --control-port 9099 --write-targets FILE``.
Each node has an address of its own in 127.0.0.0/8. A request gets the whole exposition, whatever its ``collect[]`` is.
``GET /stats`` at the control port returns a ``Stats``, and begins the next period; ``GET /reset`` also forgets the
scrapes.
"""

import argparse
import asyncio
import os
import resource
import socket
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, cast

import msgspec

from bench.collector.expositions import KINDS, SIZES, Kind

try:
    from uvloop import run
except ImportError:  # a machine without a wheel of uvloop
    from asyncio import run  # type: ignore[assignment]

#: Each exposition is rendered once in this time.
RENDER_SECONDS: Final = 1.0
#: Pause between two measurements of the loop's lateness.
TICK_SECONDS: Final = 0.02
_HEAD_END: Final = b"\r\n\r\n"
_BACKLOG: Final = 16


class Stats(msgspec.Struct, frozen=True):
    """What the server did."""

    #: Answered requests of all nodes since the reset, and of the node with the fewest.
    answers: int
    fewest: int
    #: Lateness of the server's loop in this period: 99th percentile, ms.
    late_ms: float
    #: CPU time of the process since its start.
    cpu_seconds: float


class Exporters:
    """The expositions and counts of all nodes."""

    def __init__(self, count: int, size: str) -> None:
        started = time.time()
        self._kinds = [Kind(number, size, started) for number in range(KINDS)]
        self._expositions = [kind.at(started) for kind in self._kinds]
        self._answers = [0] * count
        self._late_seconds = [0.0]

    def answer(self, node: int, _request: bytes) -> bytes:
        """Return the response to a request to this node, and count the request."""
        self._answers[node] += 1
        return self._expositions[node % KINDS].response(node)

    def stats(self) -> Stats:
        """Return what the server did, and begin the next period."""
        ordered = sorted(self._late_seconds)
        self._late_seconds = [0.0]
        return Stats(
            answers=sum(self._answers),
            fewest=min(self._answers),
            late_ms=1000 * ordered[len(ordered) * 99 // 100],
            cpu_seconds=time.process_time(),
        )

    def control(self, request: bytes) -> bytes:
        """Return the response to a request to the control port."""
        if request.startswith(b"GET /reset "):
            self._answers = [0] * len(self._answers)
        body = msgspec.json.encode(self.stats())
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)

    async def render(self) -> None:
        """Render the expositions in turn, while the process that started this one runs."""
        parent, number = os.getppid(), 0
        while os.getppid() == parent:
            await asyncio.sleep(RENDER_SECONDS / KINDS)
            self._expositions[number] = self._kinds[number].at(time.time())
            number = (number + 1) % KINDS

    async def measure_lateness(self) -> None:
        """Measure how late the loop runs a timer, without end."""
        while True:
            due = time.monotonic() + TICK_SECONDS
            await asyncio.sleep(TICK_SECONDS)
            self._late_seconds.append(max(0.0, time.monotonic() - due))


class Connection(asyncio.Protocol):
    """A connection, which gets an answer to each request."""

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        """``answer``: returns the response to the head of a request."""
        self._answer = answer
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See ``asyncio.Protocol``."""
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """See ``asyncio.Protocol``."""
        *requests, self._rest = (self._rest + data).split(_HEAD_END)
        for request in requests:
            self._transport.write(self._answer(request))


def address(node: int) -> str:
    """Return the address of the node with this number."""
    return f"127.{1 + node // 62_500}.{node // 250 % 250}.{node % 250 + 1}"


def targets(count: int, port: int) -> str:
    """Return the text of a ``nodes.yaml`` with all nodes as workers."""
    lines = (f'  - {{host: "{address(node)}:{port}", name: node{node:04}}}\n' for node in range(count))
    return "workers:\n" + "".join(lines)


async def serve(count: int, size: str, port: int, control_port: int, targets_file: Path) -> None:
    """Serve until the process is killed, or the process that started this one ends.

    Raises:
        OSError: a port is in use.
    """
    server, loop = Exporters(count, size), asyncio.get_running_loop()
    for node in range(count):
        listener = socket.create_server((address(node), port), backlog=_BACKLOG)
        connection = partial(Connection, partial(server.answer, node))
        await loop.create_server(connection, sock=listener, backlog=_BACKLOG)
    await loop.create_server(partial(Connection, server.control), "127.0.0.1", control_port)
    lateness = asyncio.create_task(server.measure_lateness())
    partial_file = targets_file.with_suffix(".partial")
    partial_file.write_text(targets(count, port))
    partial_file.replace(targets_file)
    await server.render()
    lateness.cancel()


def main() -> int:
    """Run the server; return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, required=True)
    parser.add_argument("--size", choices=SIZES, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--control-port", type=int, required=True)
    parser.add_argument("--write-targets", type=Path, required=True)
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    run(serve(options.nodes, options.size, options.port, options.control_port, options.write_targets))
    return 0


if __name__ == "__main__":
    sys.exit(main())
