"""The exposition of a simulated node: the families of node_exporter 1.5 (Debian 12) that a collector reads.

A full exposition has all families, about 31 KB.

The constant text is made once for each node; a scrape only fills in the changing values.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from simulator.profile import CPU_COUNT

#: Name of a collector, and its part of the exposition.
Section = tuple[str, str]
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

#: CPU modes in node_exporter's order, with the share of each mode in idle time or in busy time.
_IDLE_MODES: Final = {"idle": 0.985, "iowait": 0.015}
_BUSY_MODES: Final = {"irq": 0.0, "nice": 0.02, "softirq": 0.02, "steal": 0.0, "system": 0.14, "user": 0.82}

_ROOT: Final = '{device="/dev/mmcblk0p2",fstype="ext4",mountpoint="/"}'
_BOOT: Final = '{device="/dev/mmcblk0p1",fstype="vfat",mountpoint="/boot"}'
_BOOT_BYTES: Final = 534_765_568
_BOOT_FREE_BYTES: Final = 469_762_048
#: Share of the blocks that ext4 reserves for root.
_ROOT_RESERVED_SHARE: Final = 0.05

#: Size of the swap space on Raspberry Pi OS.
_SWAP_BYTES: Final = 536_866_816
_SWAP_USED_BYTES: Final = 41_943_040
#: Constant value of the counters of time that tasks waited for disks and for memory.
_WAITED_SECONDS: Final = 12.5

#: Format of large numbers in Go's client library.
_LARGE: Final = "%.12e"

_DEFAULT: Final = (
    "arp bcache bonding btrfs conntrack cpu cpufreq diskstats dmi edac entropy fibrechannel filefd filesystem hwmon "
    "infiniband ipvs loadavg mdadm meminfo netclass netdev netstat nfs nfsd nvme os powersupplyclass pressure rapl "
    "schedstat selinux sockstat softnet stat tapestats textfile thermal_zone time timex udp_queues uname vmstat xfs zfs"
)
#: The default collectors of node_exporter 1.5. A request for another collector gets status 400.
KNOWN_COLLECTORS: Final = frozenset(_DEFAULT.split())
#: Name of the exporter's own section, which every exposition contains.
EXPORTER_SECTION: Final = ""
_FULL_EXPOSITION: Final = Path(__file__).with_name("full_exposition.txt")
_SECONDS_OF_A_COLLECTOR: Final = 0.0002


def family(name: str, kind: str, text: str, samples: Iterable[tuple[str, str]]) -> str:
    """Return the text of a metric family; ``samples`` are (labels, value or placeholder)."""
    head = f"# HELP {name} {text}\n# TYPE {name} {kind}\n"
    return head + "".join(f"{name}{labels} {value}\n" for labels, value in samples)


def sections(*, name: str, memory_bytes: int, disk_bytes: int, boot_time: float) -> list[Section]:
    """Return the sections of a node's exposition, with ``%`` placeholders for the changing values."""
    modes = [*_IDLE_MODES, *_BUSY_MODES]
    cpu = [(f'{{cpu="{n}",mode="{mode}"}}', "%.2f") for n in range(CPU_COUNT) for mode in modes]
    uname = (
        f'{{domainname="(none)",machine="aarch64",nodename="{name}",release="6.6.51+rpt-rpi-v8",sysname="Linux",'
        'version="#1 SMP PREEMPT Debian 1:6.6.51-1+rpt3 (2024-10-08)"}'
    )
    disk, partition = '{device="mmcblk0"}', '{device="mmcblk0p2"}'
    return [
        ("cpu", family("node_cpu_seconds_total", "counter", "Seconds the CPUs spent in each mode.", cpu)),
        ("loadavg", family("node_load1", "gauge", "1m load average.", [("", "%.2f")])),
        ("time", family("node_time_seconds", "gauge", "System time in seconds since epoch (1970).", [("", _LARGE)])),
        ("meminfo", "".join(_memory(memory_bytes))),
        ("pressure", "".join(_pressure())),
        ("filesystem", "".join(_filesystems(disk_bytes))),
        (
            "netdev",
            _traffic("node_network_receive_bytes_total", "Network device statistic receive_bytes.")
            + _traffic("node_network_transmit_bytes_total", "Network device statistic transmit_bytes."),
        ),
        (
            "diskstats",
            family(
                "node_disk_read_bytes_total",
                "counter",
                "The total number of bytes read successfully.",
                [(disk, _LARGE), (partition, _LARGE)],
            )
            + family(
                "node_disk_written_bytes_total",
                "counter",
                "The total number of bytes written successfully.",
                [(disk, _LARGE), (partition, _LARGE)],
            ),
        ),
        (
            "hwmon",
            family(
                "node_hwmon_temp_celsius",
                "gauge",
                "Hardware monitor for temperature (input)",
                [('{chip="thermal_thermal_zone0",sensor="temp0"}', "%.3f")],
            )
            + family(
                "node_hwmon_in_lcrit_alarm_volts",
                "gauge",
                "Hardware monitor for voltage (lcrit_alarm)",
                [('{chip="soc:firmware_raspberrypi_hwmon",sensor="in0"}', "0")],
            ),
        ),
        (
            "thermal_zone",
            family(
                "node_thermal_zone_temp",
                "gauge",
                "Zone temperature in Celsius",
                [('{type="cpu-thermal",zone="0"}', "%.3f")],
            ),
        ),
        ("stat", family("node_boot_time_seconds", "gauge", "Node boot time, in unixtime.", [("", _LARGE % boot_time)])),
        (
            "uname",
            family(
                "node_uname_info",
                "gauge",
                "Labeled system information as provided by the uname system call.",
                [(uname.replace("%", "%%"), "1")],
            ),
        ),
    ]


def _memory(total_bytes: int) -> list[str]:
    values = {
        "MemTotal": _LARGE % total_bytes,
        "MemFree": _LARGE,
        "MemAvailable": _LARGE,
        "SwapFree": _LARGE % (_SWAP_BYTES - _SWAP_USED_BYTES),
        "SwapTotal": _LARGE % _SWAP_BYTES,
    }
    return [
        family(f"node_memory_{field}_bytes", "gauge", f"Memory information field {field}_bytes.", [("", value)])
        for field, value in values.items()
    ]


def _pressure() -> list[str]:
    texts = {"io": "due to IO congestion", "memory": "for memory"}
    return [
        family(
            f"node_pressure_{resource}_waiting_seconds_total",
            "counter",
            f"Total time in seconds that processes have waited {text}",
            [("", str(_WAITED_SECONDS))],
        )
        for resource, text in texts.items()
    ]


def _filesystems(disk_bytes: int) -> list[str]:
    free = _LARGE % _BOOT_FREE_BYTES
    families = [
        ("size_bytes", "Filesystem size in bytes.", _LARGE % _BOOT_BYTES, _LARGE % disk_bytes),
        ("free_bytes", "Filesystem free space in bytes.", free, _LARGE),
        ("avail_bytes", "Filesystem space available to non-root users in bytes.", free, _LARGE),
        ("readonly", "Filesystem read-only status.", "0", "%d"),
    ]
    return [
        family(f"node_filesystem_{suffix}", "gauge", text, [(_BOOT, boot), (_ROOT, root)])
        for suffix, text, boot, root in families
    ]


def _traffic(name: str, text: str) -> str:
    return family(name, "counter", text, [('{device="eth0"}', _LARGE), ('{device="lo"}', _LARGE)])


def cpu_seconds(elapsed_seconds: float, busy_seconds: Sequence[float]) -> list[float]:
    """Return the seconds of each CPU in each mode since boot, in the order of the exposition."""
    values: list[float] = []
    for busy in busy_seconds:
        idle = elapsed_seconds - busy
        values += [share * idle for share in _IDLE_MODES.values()]
        values += [share * busy for share in _BUSY_MODES.values()]
    return values


def disk_free_bytes(disk_bytes: int, used_share: float) -> tuple[float, float]:
    """Return free and available bytes for which ``df`` shows ``used_share``: used / (used + available)."""
    reserved = _ROOT_RESERVED_SHARE * disk_bytes
    available = (1 - used_share) * (disk_bytes - reserved)
    return available + reserved, available


def full_sections(started: float) -> list[Section]:
    """Return the further sections of a full exposition; their values are constant."""
    return [(collector, text.replace("@STARTED@", f"{started:.12e}")) for collector, text in _read_sections()]


def scrape_families(collectors: Iterable[str]) -> str:
    """Return the exporter's families about the scrape of each collector."""
    labels = [f'{{collector="{name}"}}' for name in sorted(collectors)]
    duration, success = "node_scrape_collector_duration_seconds", "node_scrape_collector_success"
    seconds = [(label, f"{_SECONDS_OF_A_COLLECTOR}") for label in labels]
    return family(duration, "gauge", "node_exporter: Duration of a collector scrape.", seconds) + family(
        success, "gauge", "node_exporter: Whether a collector succeeded.", [(label, "1") for label in labels]
    )


@cache
def _read_sections() -> tuple[Section, ...]:
    return tuple(_parse_sections(_FULL_EXPOSITION.read_text()))


def _parse_sections(text: str) -> Iterator[Section]:
    # The text before the first section is a comment.
    for section in text.split("\n@")[1:]:
        collector, _, families = section.partition("\n")
        yield collector, families.rstrip("\n").replace("%", "%%") + "\n"
