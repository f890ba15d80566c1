"""The published messages: the product's snapshots, of a chosen size."""

import random
from pathlib import Path
from typing import Final

import msgspec

from contract.codec import encode
from contract.messages import Node, Snapshot

_GOLDEN: Final = Path(__file__).parents[2] / "contract" / "golden" / "messages" / "metrics.json"


class Snapshots:
    """Snapshots of one cluster with changing values; a publication begins with its number."""

    def __init__(self, nodes: int, seed: int = 1) -> None:
        golden = msgspec.json.decode(_GOLDEN.read_bytes(), type=Snapshot)
        self._random = random.Random(seed)  # noqa: S311 (values, no secret)
        self._base = golden
        self._node = next(node for node in golden.nodes if node.status == "online")
        self._nodes = [self._moved(f"node{number:04}.lan") for number in range(nodes)]
        #: Timestamp of every snapshot.
        self.timestamp = golden.timestamp

    def publication(self, number: int) -> bytes:
        """Return the publication of this number, in which all nodes have changed."""
        return b'{"n":%d,' % number + self.snapshot(number + 1, moving=len(self._nodes))[1:]

    def snapshot(self, seq: int, *, moving: int) -> bytes:
        """Return a snapshot in which ``moving`` nodes have changed since the previous one."""
        for index in self._random.sample(range(len(self._nodes)), moving):
            self._nodes[index] = self._moved(self._nodes[index].node)
        return encode(msgspec.structs.replace(self._base, seq=seq, nodes=tuple(self._nodes)))

    def _moved(self, name: str) -> Node:
        draw = self._random
        return msgspec.structs.replace(
            self._node,
            node=name,
            address=f"{name}:9100",
            cpu_usage=round(draw.uniform(0, 100), 1),
            load1=round(draw.uniform(0, 4), 2),
            memory_usage=round(draw.uniform(20, 80), 1),
            temperature=round(draw.uniform(40, 70), 1),
            network_receive_bytes_per_second=draw.randrange(10**6),
            network_transmit_bytes_per_second=draw.randrange(10**6),
            disk_read_bytes_per_second=draw.randrange(10**6),
            disk_written_bytes_per_second=draw.randrange(10**6),
            iowait=round(draw.uniform(0, 10), 1),
            swap_usage=round(draw.uniform(0, 30), 1),
            pressure_io=draw.randrange(10),
            pressure_memory=draw.randrange(3),
        )


def of_bytes(size: int) -> Snapshots:
    """Return snapshots of about ``size`` bytes."""
    one, eleven = (len(Snapshots(nodes).publication(10)) for nodes in (1, 11))
    a_node = (eleven - one) / 10
    return Snapshots(max(1, round((size - one) / a_node) + 1))
