"""Expositions of three lengths, rendered before a collector requests them.

Nodes of one kind share an exposition, which is rendered anew every second, so that counters grow as real ones do. Four
parts are the node's own and are filled in at the request: its identity (in the host name, and in the names of a
Kubernetes node's pods), the address of its card, its clock, and the stamp.

The stamp is the time of the answer in the last digits of ``node_memory_MemTotal_bytes``. The collector publishes this
value unchanged, so that a reader of a snapshot knows the age of each node's values.
"""

import re
import time
from typing import Final

from simulator.exposition import CONTENT_TYPE, KNOWN_COLLECTORS
from simulator.node import SimulatedNode
from simulator.profile import Profile

#: The lengths of expositions in KB (10³ bytes).
SIZES: Final = ("5.5", "31", "104")
#: Different expositions at the same time.
KINDS: Final = 16
#: The stamp is the monotonic clock of this machine in ms, modulo this number.
STAMP_END: Final = 10**8
#: Stands for a node's identity in an exposition, and has the same length: 8 hex digits.
_IDENTITY: Final = b"@@node@@"
#: Address of the card in a full exposition, and its part that differs between nodes.
_CARD_ADDRESS: Final = b'"dc:a6:32:00:00:01"'
_OWN_ADDRESS: Final = b"00:00:01"
#: File systems and interfaces of pods on a Kubernetes node, beside the two of the machine.
_POD_MOUNTS: Final = 42
_POD_INTERFACES: Final = 16

#: Families that a board without swap and without a voltage sensor lacks.
_LEFT_OUT: Final = re.compile(rb"# HELP (\S*(?:Swap|alarm)\S*) .*\n# TYPE .*\n(?:\1.*\n)+")
_OWN_VALUES: Final = re.compile(
    rb"(.*\nnode_time_seconds )\S+(\n.*\nnode_memory_MemTotal_bytes )(\S+)(\n.*)", re.DOTALL
)
_ROOT_MOUNT: Final = re.compile(rb'(node_filesystem_\w+)\{[^}]*mountpoint="/"\} (\S+)\n')
_CARD: Final = re.compile(rb'node_network_\w+\{[^}]*device="eth0"[^}]*\} \S+\n')


class Exposition:
    """The exposition of one kind of nodes at one time."""

    def __init__(self, exposition: bytes) -> None:
        found = _OWN_VALUES.fullmatch(exposition)
        assert found is not None
        self._parts = found[1], found[2], found[4]
        self._memory_bytes = int(float(found[3])) // STAMP_END * STAMP_END

    def text(self, node: int) -> bytes:
        """Return the text of the node with this number now; the texts of all nodes have the same length."""
        before, between, after = self._parts
        total = self._memory_bytes + int(1000 * time.monotonic()) % STAMP_END
        text = b"%b%.12e%b%.12e%b" % (before, time.time(), between, total, after)
        address = b"%02x:%02x:%02x" % (node >> 16, node >> 8 & 0xFF, node & 0xFF)
        text = text.replace(_CARD_ADDRESS, _CARD_ADDRESS.replace(_OWN_ADDRESS, address))
        return text.replace(_IDENTITY, b"%08x" % node)

    def response(self, node: int) -> bytes:
        """Return the text as an HTTP response."""
        text = self.text(node)
        return b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b" % (
            CONTENT_TYPE.encode(), len(text), text,
        )  # fmt: skip


class Kind:
    """Nodes that share their exposition."""

    def __init__(self, number: int, size: str, started: float) -> None:
        """``size``: one of ``SIZES``; ``started``: the exporters' start in Unix seconds."""
        name = f"kind{number:02}-{_IDENTITY.decode()}"
        self._size = size
        self._node = SimulatedNode(Profile.draw(1, name), started, has_full_exposition=size != "5.5")

    def at(self, now: float) -> Exposition:
        """Return the exposition at that time in Unix seconds, which must not go back."""
        if self._size == "5.5":
            # Without the kernel's pressure figures, which Raspberry Pi OS switches off.
            return Exposition(_LEFT_OUT.sub(b"", self._node.exposition(now, KNOWN_COLLECTORS - {"pressure"})))
        exposition = self._node.exposition(now)
        return Exposition(exposition if self._size == "31" else _with_pods(exposition))


def age_seconds(memory_total_bytes: int) -> float:
    """Return the time since an exposition with this value was written, on the same machine."""
    return (1000 * time.monotonic() - memory_total_bytes) % STAMP_END / 1000


def _with_pods(exposition: bytes) -> bytes:
    """Return the exposition of a Kubernetes node: 44 file systems and 18 interfaces. No other node has its names."""
    exposition = _CARD.sub(_with_pod_interfaces, exposition)
    exposition = _ROOT_MOUNT.sub(_with_pod_mounts, exposition)
    further = [
        b"# HELP node_filesystem_%b %b\n# TYPE node_filesystem_%b gauge\n" % (name, text, name)
        + b'node_filesystem_%b{device="/dev/mmcblk0p1",fstype="vfat",mountpoint="/boot"} 0\n' % name
        + _ROOT_MOUNT.sub(
            _with_pod_mounts,
            b'node_filesystem_%b{device="/dev/mmcblk0p2",fstype="ext4",mountpoint="/"} %b\n' % (name, value),
        )
        for name, text, value in (
            (b"device_error", b"Whether an error occurred while getting statistics for the given device.", b"0"),
            (b"files", b"Filesystem total file nodes.", b"7.602176e+06"),
            (b"files_free", b"Filesystem total free file nodes.", b"7.381924e+06"),
        )
    ]
    return exposition + b"".join(further)


def _with_pod_interfaces(line: re.Match[bytes]) -> bytes:
    # The host's end of a pod's interface: "cali" and 11 digits.
    copies = (line[0].replace(b"eth0", b"cali%03x%b" % (number, _IDENTITY)) for number in range(_POD_INTERFACES))
    return line[0] + b"".join(copies)


def _with_pod_mounts(line: re.Match[bytes]) -> bytes:
    family, value = line[1], line[2]
    return line[0] + b"".join(b"%b{%b} %b\n" % (family, labels, value) for labels in _POD_LABELS)


def _pod_labels() -> list[bytes]:
    """Return the labels of the mounts of pods: of containerd's containers and sandboxes, and of kubelet's volumes."""
    labels = []
    for number in range(_POD_MOUNTS):
        identity = b"%016x%b" % (number * 0x9E3779B97F4A7C15 % 2**64, _IDENTITY)
        match number % 3:
            case 0:
                place = b"/run/containerd/io.containerd.runtime.v2.task/k8s.io/%b/rootfs" % (identity + identity[:4])
                labels.append(b'device="overlay",fstype="overlay",mountpoint="%b"' % place)
            case 1:
                place = b"/run/containerd/io.containerd.grpc.v1.cri/sandboxes/%b/shm" % (identity + identity[:4])
                labels.append(b'device="shm",fstype="tmpfs",mountpoint="%b"' % place)
            case _:
                place = b"/var/lib/kubelet/pods/%b/volumes/kubernetes.io~projected/kube-api-access" % identity
                labels.append(b'device="tmpfs",fstype="tmpfs",mountpoint="%b"' % place)
    return labels


_POD_LABELS: Final = _pod_labels()
