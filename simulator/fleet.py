"""All simulated nodes, and the targets file (``nodes.yaml``) that lists them for a collector."""

import asyncio
import json
import os
import ssl
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from simulator.exporter import Exporter
from simulator.node import SimulatedNode
from simulator.profile import Profile


def node_names(count: int) -> list[str]:
    """Return ``node01``, ``node02`` …, padded so that sorting keeps their order."""
    width = max(2, len(str(count)))
    return [f"node{number:0{width}}" for number in range(1, count + 1)]


class Fleet:
    """``count`` exporters. Node number i listens on ``port + i``, or on a free port if ``port`` is 0.

    ``advertise`` is the host under which others reach the nodes, ``host`` by default. ``has_full_expositions``: each
    exposition is as long as a real one. ``context``: all exporters speak HTTPS with this context.
    """

    def __init__(
        self,
        *,
        count: int,
        host: str,
        port: int,
        seed: int,
        advertise: str | None = None,
        has_full_expositions: bool = False,
        context: ssl.SSLContext | None = None,
    ) -> None:
        started = time.time()
        self._exporters = {
            name: Exporter(
                SimulatedNode(Profile.draw(seed, name), started, has_full_exposition=has_full_expositions),
                host,
                port + number if port else 0,
                advertise or host,
                context,
            )
            for number, name in enumerate(node_names(count), 1)
        }

    def __iter__(self) -> Iterator[Exporter]:
        """Iterate over the exporters in the order of their names."""
        return iter(self._exporters.values())

    def __len__(self) -> int:
        return len(self._exporters)

    def exporter(self, name: str) -> Exporter:
        """Return the exporter of the node with that name.

        Raises:
            LookupError: the node does not exist.
        """
        try:
            return self._exporters[name]
        except KeyError:
            names = list(self._exporters)
            raise LookupError(f"there is no node {name[:40]!r}; there are {names[0]} to {names[-1]}") from None

    async def start(self) -> None:
        """Start all exporters.

        Raises:
            OSError: a port is in use.
        """
        for exporter in self:
            await exporter.listen()

    async def stop(self) -> None:
        """Stop all exporters, and close open connections."""
        await asyncio.gather(*(exporter.close() for exporter in self))


def rack_labels(count: int, racks: int) -> list[str]:
    """Return the labels of ``count`` nodes in YAML: racks of equal size, in two rooms; empty texts without racks."""
    if racks == 0:
        return [""] * count
    numbers = [number * racks // count for number in range(count)]
    rooms = ["north" if 2 * number < racks else "south" for number in numbers]
    return [f', labels: {{rack: "{number + 1:02}", room: {room}}}' for number, room in zip(numbers, rooms, strict=True)]


def targets_text(fleet: Fleet, certificate: Path | None = None, *, is_demo: bool = False, racks: int = 0) -> str:
    """Return the text of ``nodes.yaml`` with every node of the fleet as a worker, with its name.

    With a ``certificate``, the collector's ``COLLECTOR_CREDENTIALS_DIR`` must be the certificate's folder. ``is_demo``:
    the file marks the nodes as simulated, and every page then shows this. ``racks``: number of racks, for labels.
    """
    # Every JSON string is a valid YAML string.
    options = "" if certificate is None else f", scheme: https, ca_file: {json.dumps(certificate.name)}"
    lines = [
        f"  - {{host: {json.dumps(node.address)}, name: {json.dumps(node.name)}{options}{labels}}}\n"
        for node, labels in zip(fleet, rack_labels(len(fleet), racks), strict=True)
    ]
    head = "# Simulated nodes. The simulator writes this file at its start and removes the file when it stops.\n"
    return head + ("simulated: true\n" if is_demo else "") + "workers:\n" + "".join(lines)


def write_targets(
    fleet: Fleet, path: Path, certificate: Path | None = None, *, is_demo: bool = False, racks: int = 0
) -> None:
    """Write ``targets_text`` to ``path`` atomically: a reader sees either the whole new file or the previous one.

    Raises:
        OSError: the file cannot be written.
    """
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(targets_text(fleet, certificate, is_demo=is_demo, racks=racks))
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
