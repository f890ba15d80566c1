"""What one scrape of a node gives, by whatever means: a sample, or the reason why there is none."""

from dataclasses import dataclass
from typing import Final, Literal

from msgspec import Struct, field

from collector.cpu_seconds import COUNTER_BYTES, CpuSeconds
from collector.sensors import Sensor
from collector.sentences.sentence import english
from contract.messages import Coded

#: Bytes in and out of one device since it exists: received and transmitted, or read and written. ``None`` is a counter
#: that could not be read.
InOut = tuple[float | None, float | None]

Reason = Literal["name", "connect", "timeout", "tls", "credentials", "http", "page", "limit", "internal"]
#: File systems of one node that are kept, those with the shortest mount points first.
FILESYSTEMS_LIMIT: Final = 64
#: About how much memory a value takes that is kept by a name, in bytes.
NAMED_BYTES: Final = 300
#: Whole numbers up to here are exact in JSON: what is published is bounded by it, and nothing that is read.
LARGEST: Final = 2.0**53


class Filesystem(Struct, frozen=True):
    """A file system; what the node could not tell of it just now is ``None``."""

    mountpoint: str
    size_bytes: float | None
    free_bytes: float | None
    available_bytes: float | None
    #: All mounts of its device are.
    readonly: bool | None
    #: Type and device, which together tell it from others.
    identity: str = ""
    #: Whether the collector has seen that it could be written.
    was_writable: bool = True
    #: Whether it is seen as a container mounts it, which is often read-only where the machine writes.
    is_of_host: bool = False

    @property
    def can_fill_up(self) -> bool:
        """Whether somebody writes it, as far as can be told."""
        return not self.readonly or (self.is_of_host and not self.was_writable)

    @property
    def usage(self) -> float | None:
        """Percent in use as ``df`` computes it: of what unprivileged users may use."""
        if self.size_bytes is None or self.free_bytes is None or self.available_bytes is None:
            return None
        used = self.size_bytes - self.free_bytes
        usable = used + self.available_bytes
        return 100 * used / usable if used >= 0 and usable > 0 else None


class Sample(Struct, frozen=True, kw_only=True, weakref=True):
    """One scrape of a node. Counters are since boot; what the node does not tell is ``None`` or empty."""

    #: When, by this process's monotonic clock.
    monotonic_seconds: float
    #: How much earlier or later that may have been: the node was read between its being asked and its having answered.
    uncertainty_seconds: float = 0.0
    #: When, by the node's clock.
    node_unix_seconds: float | None = None
    #: Seconds that each processor spent in each mode.
    cpu_seconds: CpuSeconds = field(default_factory=CpuSeconds)
    load1: float | None = None
    memory_total_bytes: float | None = None
    memory_available_bytes: float | None = None
    swap_total_bytes: float | None = None
    swap_free_bytes: float | None = None
    #: For how long some task waited for a disk, and for memory.
    io_waiting_seconds: float | None = None
    memory_waiting_seconds: float | None = None
    #: The one that is the machine's disk: at ``/``, local or not, unless that is an image.
    root: Filesystem | None = None
    #: Local ones, each device once, by mount point.
    filesystems: tuple[Filesystem, ...] = ()
    #: Of the hottest sensor, °C.
    temperature: float | None = None
    #: Temperature sensors whose readings count, the hottest first.
    sensors: tuple[Sensor, ...] = ()
    #: Sensors that raise an alarm, as ``chip/sensor``; ``None``: the node has no such alarm.
    under_voltage: tuple[str, ...] | None = None
    hardware_alarms: tuple[str, ...] | None = None
    #: By interface that counts.
    network_bytes: dict[str, InOut] = field(default_factory=dict)
    #: By whole disk.
    disk_bytes: dict[str, InOut] = field(default_factory=dict)
    boot_unix_seconds: float | None = None
    #: How far the node's clock is ahead of this machine's, at least; negative: behind.
    clock_offset_seconds: float | None = None
    #: The collector of node_exporter that was left out because the exporter hangs with it.
    hung_collector: str | None = None
    #: What the node calls itself.
    host_name: str | None = None
    #: Sentences that name what was chosen, where what the node tells does not make it certain.
    remarks: tuple[str, ...] = ()
    #: Why there are no figures, where that is known.
    lack: Coded | None = None

    @property
    def held_bytes(self) -> int:
        """About how much memory a sample of an exporter takes beyond what each takes."""
        named = len(self.network_bytes) + len(self.disk_bytes) + 2 * len(self.filesystems) + len(self.sensors)
        named += len(self.under_voltage or ()) + len(self.hardware_alarms or ())
        return COUNTER_BYTES * len(self.cpu_seconds) + NAMED_BYTES * named


@dataclass(frozen=True, slots=True)
class ScrapeFailed:
    """Why a scrape failed: a kind to count by, and what people are told."""

    reason: Reason
    why: Coded

    @property
    def sentence(self) -> str:
        """What people are told, in English."""
        return english(self.why)


def beyond(distance: float, uncertainty: float) -> float:
    """How much of a distance is certain."""
    return distance - max(-uncertainty, min(distance, uncertainty))


def missing_figures(sample: Sample) -> str:
    """Return which of the main figures a node does not tell, as words with spaces between them; empty if none."""
    told = {
        "cpu": len(sample.cpu_seconds) > 0,
        "memory": sample.memory_total_bytes is not None and sample.memory_available_bytes is not None,
        "disk": sample.root is not None,
    }
    return " ".join(name for name, is_told in told.items() if not is_told)
