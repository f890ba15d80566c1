"""The simulator's command line."""

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from simulator.faults import Fault, fault_named

#: Nodes in a rack of the demo.
DEMO_RACK_NODES: Final = 10


@dataclass(frozen=True)
class Options:
    """The options. A port of 0 selects free ports; with ``control_port`` ``None``, there is no control endpoint."""

    nodes: int
    host: str
    #: Host of the nodes in the targets file; ``None``: ``host``.
    advertise: str | None
    port: int
    seed: int
    control_port: int | None
    write_targets: Path | None
    demo: bool
    faults: tuple[tuple[str, Fault], ...]
    has_full_expositions: bool = False
    #: A PEM file with a certificate and its key, with which the nodes speak HTTPS.
    certificate: Path | None = None
    #: Number of racks in the labels of the targets file; 0 for a file without labels.
    racks: int = 0

    @classmethod
    def parse(cls, arguments: Sequence[str]) -> Self:
        """Parse the command line.

        Raises:
            SystemExit: an argument is invalid (a message was printed), or the help was printed.
        """
        parser = argparse.ArgumentParser("simulator", description="A fleet of simulated node_exporters.")
        parser.add_argument("--nodes", type=int, default=50, help="number of nodes (default 50)")
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
        parser.add_argument("--advertise", metavar="HOST", help="host in the targets file (default: that of --host)")
        parser.add_argument("--port", type=int, default=19100, help="node number N listens on PORT + N; 0: free ports")
        parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same nodes (default 1)")
        parser.add_argument(
            "--control-port", type=int, metavar="PORT", help="port of GET /nodes and PUT /nodes/NAME/fault"
        )
        parser.add_argument(
            "--write-targets",
            type=Path,
            metavar="FILE",
            help="write a nodes.yaml when all nodes listen, and remove the file at the end",
        )
        parser.add_argument(
            "--racks",
            type=int,
            metavar="COUNT",
            help="racks of the nodes in the targets file, as labels (default: racks of ten with --demo, else none)",
        )
        parser.add_argument("--demo", action="store_true", help="set faults of a few nodes, and mark all as simulated")
        parser.add_argument(
            "--fault",
            action="append",
            default=[],
            type=_fault,
            metavar="NODE=FAULT",
            help="fault of a node at the start: " + ", ".join(Fault),
        )
        parser.add_argument("--full-page", action="store_true", help="expositions of 31 KB, as long as real ones")
        parser.add_argument(
            "--certificate",
            type=Path,
            metavar="FILE",
            help="serve HTTPS with the certificate and key in this PEM file",
        )
        parsed = parser.parse_args(arguments)
        if not 1 <= parsed.nodes <= 10_000:
            parser.error("--nodes takes a number from 1 to 10000")
        if not 0 <= parsed.port <= 65535 or (parsed.port and parsed.port + parsed.nodes > 65535):
            parser.error(f"--port {parsed.port} leaves no room for {parsed.nodes} ports up to 65535")
        if parsed.control_port is not None and not 0 <= parsed.control_port <= 65535:
            parser.error("--control-port takes a port")
        racks = (
            (math.ceil(parsed.nodes / DEMO_RACK_NODES) if parsed.demo else 0) if parsed.racks is None else parsed.racks
        )
        if not 0 <= racks <= parsed.nodes:
            parser.error("--racks takes a number from 0 to the number of nodes")
        return cls(
            nodes=parsed.nodes,
            host=parsed.host,
            advertise=parsed.advertise,
            port=parsed.port,
            seed=parsed.seed,
            control_port=parsed.control_port,
            write_targets=parsed.write_targets,
            demo=parsed.demo,
            faults=tuple(parsed.fault),
            has_full_expositions=parsed.full_page,
            certificate=parsed.certificate,
            racks=racks,
        )


def _fault(text: str) -> tuple[str, Fault]:
    name, equals, fault = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r:.80} is not NODE=FAULT")
    try:
        return name, fault_named(fault)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
