"""All simulated nodes together, and the targets file (``nodes.yaml``) that makes a collector scrape them."""

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
    """``node01``, ``node02`` …, padded so that they sort as they count."""
    width = max(2, len(str(count)))
    return [f"node{number:0{width}}" for number in range(1, count + 1)]


class Fleet:
    """``count`` exporters; node number i listens on ``port + i``, or on a free port if ``port`` is 0.

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
        """The exporters, in the order of their names."""
        return iter(self._exporters.values())

    def __len__(self) -> int:
        return len(self._exporters)

    def exporter(self, name: str) -> Exporter:
        """The exporter of the node of that name.

        Raises:
            LookupError: there is no such node.
        """
        try:
            return self._exporters[name]
        except KeyError:
            names = list(self._exporters)
            raise LookupError(f"there is no node {name[:40]!r}; there are {names[0]} to {names[-1]}") from None

    async def start(self) -> None:
        """Let every node listen.

        Raises:
            OSError: a port is taken.
        """
        for exporter in self:
            await exporter.listen()

    async def stop(self) -> None:
        """Let no node listen, and end open connections."""
        await asyncio.gather(*(exporter.close() for exporter in self))


def targets_text(fleet: Fleet, certificate: Path | None = None, *, is_demo: bool = False) -> str:
    """``nodes.yaml`` with every node of the fleet as a worker, under its name.

    With a ``certificate``, its folder is to be the collector's ``COLLECTOR_CREDENTIALS_DIR``. ``is_demo``: the file
    says that the nodes are simulated, so that every page does.
    """
    # A JSON string is a YAML string, whatever an address or a name consists of.
    how = "" if certificate is None else f", scheme: https, ca_file: {json.dumps(certificate.name)}"
    lines = [f"  - {{host: {json.dumps(node.address)}, name: {json.dumps(node.name)}{how}}}\n" for node in fleet]
    head = "# Simulated nodes; written when the simulator starts, removed when it ends.\n"
    return head + ("simulated: true\n" if is_demo else "") + "workers:\n" + "".join(lines)


def write_targets(fleet: Fleet, path: Path, certificate: Path | None = None, *, is_demo: bool = False) -> None:
    """Write ``targets_text`` to ``path`` so that a reader sees either all of it or the file that was there before.

    Raises:
        OSError: it cannot be written.
    """
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(targets_text(fleet, certificate, is_demo=is_demo))
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
