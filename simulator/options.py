"""The simulator's command line."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from simulator.faults import Fault, fault_named


@dataclass(frozen=True)
class Options:
    """What the command line asks for. A port of 0 means free ports; ``control_port`` ``None`` means no control."""

    nodes: int
    host: str
    #: Host under which others reach the nodes; ``None``: ``host``.
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

    @classmethod
    def parse(cls, arguments: Sequence[str]) -> Self:
        """Read the command line.

        Raises:
            SystemExit: it is not valid (a sentence was printed), or help was asked for.
        """
        parser = argparse.ArgumentParser("simulator", description="A fleet of simulated node_exporters.")
        parser.add_argument("--nodes", type=int, default=50, help="how many (default 50)")
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
        parser.add_argument("--advertise", metavar="HOST", help="host in the targets file (default: that of --host)")
        parser.add_argument("--port", type=int, default=19100, help="node 1 listens on PORT + 1 …; 0: free ports")
        parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same nodes (default 1)")
        parser.add_argument(
            "--control-port", type=int, metavar="PORT", help="port of GET /nodes, PUT /nodes/NAME/fault"
        )
        parser.add_argument(
            "--write-targets",
            type=Path,
            metavar="FILE",
            help="write a nodes.yaml once all listen, and remove it at the end",
        )
        parser.add_argument("--demo", action="store_true", help="trouble a few nodes, and say that all are simulated")
        parser.add_argument(
            "--fault",
            action="append",
            default=[],
            type=_fault,
            metavar="NODE=FAULT",
            help="start with this fault: " + ", ".join(Fault),
        )
        parser.add_argument("--full-page", action="store_true", help="pages of 31 KB, as long as real ones")
        parser.add_argument(
            "--certificate",
            type=Path,
            metavar="FILE",
            help="speak HTTPS with this certificate and its key, in one PEM file",
        )
        given = parser.parse_args(arguments)
        if not 1 <= given.nodes <= 10_000:
            parser.error("--nodes takes a number from 1 to 10000")
        if not 0 <= given.port <= 65535 or (given.port and given.port + given.nodes > 65535):
            parser.error(f"--port {given.port} leaves no room for {given.nodes} ports up to 65535")
        if given.control_port is not None and not 0 <= given.control_port <= 65535:
            parser.error("--control-port takes a port")
        return cls(
            nodes=given.nodes,
            host=given.host,
            advertise=given.advertise,
            port=given.port,
            seed=given.seed,
            control_port=given.control_port,
            write_targets=given.write_targets,
            demo=given.demo,
            faults=tuple(given.fault),
            has_full_expositions=given.full_page,
            certificate=given.certificate,
        )


def _fault(text: str) -> tuple[str, Fault]:
    name, equals, fault = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r:.80} is not NODE=FAULT")
    try:
        return name, fault_named(fault)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
