"""The result of a scrape: a sample, or the reason of the failure."""

from dataclasses import dataclass
from typing import Final, Literal

from msgspec import Struct, field

from collector.cpu_seconds import COUNTER_BYTES, CpuSeconds
from collector.sensors import Sensor
from collector.sentences.sentence import english
from contract.messages import Coded

#: Counters of one device in bytes: received and transmitted, or read and written. ``None`` is a counter that could not
#: be read.
InOut = tuple[float | None, float | None]

Reason = Literal["name", "connect", "timeout", "tls", "credentials", "http", "page", "limit", "internal"]
#: Most file systems of one node that are kept, the shortest mount points first.
FILESYSTEMS_LIMIT: Final = 64
#: Approximate memory of a value that is stored under a name, in bytes.
NAMED_BYTES: Final = 300
#: Largest published number: whole numbers up to this one are exact in JSON.
LARGEST: Final = 2.0**53


class Filesystem(Struct, frozen=True):
    """A file system; unknown fields are ``None``."""

    mountpoint: str
    size_bytes: float | None
    free_bytes: float | None
    available_bytes: float | None
    #: Whether all mounts of its device are read-only.
    readonly: bool | None
    #: Type and device, which together identify the file system on its node.
    identity: str = ""
    #: Whether an earlier scrape found the file system writable.
    was_writable: bool = True
    #: Whether this is a container's mount of the host's file system, which may be read-only although the host writes.
    is_of_host: bool = False

    @property
    def can_fill_up(self) -> bool:
        """Whether the file system is probably written."""
        return not self.readonly or (self.is_of_host and not self.was_writable)

    @property
    def usage(self) -> float | None:
        """Percent in use as ``df`` computes it: of the bytes that unprivileged users may use."""
        if self.size_bytes is None or self.free_bytes is None or self.available_bytes is None:
            return None
        used = self.size_bytes - self.free_bytes
        usable = used + self.available_bytes
        return 100 * used / usable if used >= 0 and usable > 0 else None


class Sample(Struct, frozen=True, kw_only=True, weakref=True):
    """One scrape of a node. Counters start at boot; unknown values are ``None`` or empty."""

    #: Time of the scrape by this process's monotonic clock.
    monotonic_seconds: float
    #: Uncertainty of that time: the node was read at some time between the request and the response.
    uncertainty_seconds: float = 0.0
    #: Time of the scrape by the node's clock.
    node_unix_seconds: float | None = None
    cpu_seconds: CpuSeconds = field(default_factory=CpuSeconds)
    load1: float | None = None
    memory_total_bytes: float | None = None
    memory_available_bytes: float | None = None
    swap_total_bytes: float | None = None
    swap_free_bytes: float | None = None
    #: Seconds in which some task waited for a disk, and for memory.
    io_waiting_seconds: float | None = None
    memory_waiting_seconds: float | None = None
    #: The machine's disk: the file system at ``/``, unless that is an image.
    root: Filesystem | None = None
    #: Local file systems, one for each device, sorted by mount point.
    filesystems: tuple[Filesystem, ...] = ()
    #: Temperature of the hottest sensor, °C.
    temperature: float | None = None
    #: Temperature sensors that count, the hottest first.
    sensors: tuple[Sensor, ...] = ()
    #: Sensors that raise an alarm, as ``chip/sensor``; ``None``: the node has no such alarm.
    under_voltage: tuple[str, ...] | None = None
    hardware_alarms: tuple[str, ...] | None = None
    #: Counters of the interfaces that count, by name.
    network_bytes: dict[str, InOut] = field(default_factory=dict)
    #: Counters of the whole disks, by name.
    disk_bytes: dict[str, InOut] = field(default_factory=dict)
    boot_unix_seconds: float | None = None
    #: Seconds by which the node's clock is certainly ahead of this machine's; negative: behind.
    clock_offset_seconds: float | None = None
    #: The collector of node_exporter that the scrape left out because the exporter hangs with it.
    hung_collector: str | None = None
    #: The node's own host name.
    host_name: str | None = None
    #: Sentences that name uncertain choices of interfaces and disks.
    remarks: tuple[str, ...] = ()
    #: Why the sample has no figures, if known.
    missing_reason: Coded | None = None

    @property
    def memory_bytes(self) -> int:
        """Approximate memory in bytes that the sample takes beyond the fixed part of every sample."""
        named = len(self.network_bytes) + len(self.disk_bytes) + 2 * len(self.filesystems) + len(self.sensors)
        named += len(self.under_voltage or ()) + len(self.hardware_alarms or ())
        return COUNTER_BYTES * len(self.cpu_seconds) + NAMED_BYTES * named


@dataclass(frozen=True, slots=True)
class ScrapeFailed:
    """Why a scrape failed: the reason for the metric's label, and the sentence for users."""

    reason: Reason
    why: Coded

    @property
    def sentence(self) -> str:
        """The sentence in English."""
        return english(self.why)


def certain_part(distance: float, uncertainty: float) -> float:
    """Return the part of ``distance`` that is certain."""
    return distance - max(-uncertainty, min(distance, uncertainty))


def missing_figures(sample: Sample) -> str:
    """Return the main figures that the sample lacks, as words separated by spaces."""
    is_known = {
        "cpu": len(sample.cpu_seconds) > 0,
        "memory": sample.memory_total_bytes is not None and sample.memory_available_bytes is not None,
        "disk": sample.root is not None,
    }
    return " ".join(name for name, known in is_known.items() if not known)
