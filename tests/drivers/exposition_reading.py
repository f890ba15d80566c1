"""Read expositions as the collector does, and compare all that follows from them."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any, Final

import msgspec

from collector.collect_filter import ExpositionNotes
from collector.cpu_seconds import CpuSeconds
from collector.exposition_template import REPETITIONS, ExporterTemplate, Templates
from collector.interfaces import KnownInterfaces
from collector.node_exporter import ExpositionReader, NotNodeExporter, TooManySeries
from simulator.node import SimulatedNode
from simulator.profile import Profile

#: Start of the simulation, in Unix seconds.
STARTED: Final = 1_795_470_000.0
#: Series of all subjects, of a server with unusual parts.
SERVER: Final = b"""\
# HELP node_cpu_seconds_total Seconds the CPUs spent in each mode.
node_cpu_seconds_total{cpu="0",mode="idle"} 362812.78
node_cpu_seconds_total{cpu="0",mode="user"} 4163.46
node_cpu_seconds_total{cpu="1",mode="idle"} 362900.1
node_cpu_seconds_total{cpu="cpu1",mode="idle"} 362900.2
node_bonding_slaves{master="bond0"} 2
node_disk_read_bytes_total{device="sda"} 1.5e+09
node_disk_read_bytes_total{device="sda1"} 1.4e+09
node_disk_written_bytes_total{device="sda"} 3.25e+09
node_devstat_bytes_total{device="ada0",type="read"} 7
node_filesystem_avail_bytes{device="/dev/sda1",fstype="ext4",mountpoint="/"} 3.1e+09
node_filesystem_device_error{device="/dev/sdb1",fstype="xfs",mountpoint="/data"} 1
node_filesystem_free_bytes{device="/dev/sda1",fstype="ext4",mountpoint="/"} 4.1e+09
node_filesystem_readonly{device="/dev/sda1",fstype="ext4",mountpoint="/"} 0
node_filesystem_size_bytes{device="/dev/sda1",fstype="ext4",mountpoint="/"} 9.1e+09
node_filesystem_size_bytes{device="tmpfs",fstype="tmpfs",mountpoint="/run"} 8e+08
node_hwmon_chip_names{chip="platform_coretemp_0",chip_name="coretemp"} 1
node_hwmon_sensor_label{chip="platform_coretemp_0",label="Core 0",sensor="temp2"} 1
node_hwmon_temp_celsius{chip="platform_coretemp_0",sensor="temp1"} 48.5
node_hwmon_temp_celsius{chip="platform_coretemp_0",sensor="temp2"} 51
node_hwmon_temp_crit_alarm_celsius{chip="platform_coretemp_0",sensor="temp1"} 0
node_hwmon_temp_crit_alarm_celsius{chip="platform_coretemp_0",sensor="temp2"} 1
node_hwmon_temp_fault{chip="platform_coretemp_0",sensor="temp3"} 1
node_load1 0.21
node_load15 0.3
node_load5 0.25
node_memory_MemAvailable_bytes 3.1e+09
node_memory_MemFree_bytes 2.1e+09
node_memory_MemTotal_bytes 8.2e+09
node_memory_SwapFree_bytes 1e+09
node_memory_SwapTotal_bytes 2e+09
node_network_address_assign_type{device="eth0"} 0
node_network_flags{device="eth0"} 4163
node_network_iface_id{device="eth0"} 2
node_network_iface_link{device="eth0"} 2
node_network_info{address="52:54:00:aa:bb:cc",broadcast="ff:ff:ff:ff:ff:ff",device="eth0",operstate="up"} 1
node_network_info{address="52:54:00:aa:bb:cd",broadcast="ff:ff:ff:ff:ff:ff",device="eth1",operstate="up"} 1
node_network_receive_bytes_total{device="bond0"} 5.45e+08
node_network_receive_bytes_total{device="eth0"} 5.45090452e+08
node_network_receive_bytes_total{device="eth1"} 12
node_network_receive_bytes_total{device="veth1a2b3c4"} 77
node_network_transmit_bytes_total{device="eth0"} 943972
node_network_transmit_bytes_total{device="eth1"} 13
node_pressure_io_waiting_seconds_total 12.5
node_time_seconds 1.795470325e+09
node_boot_time_seconds 1.795468789e+09
node_uname_info{domainname="(none)",machine="x86_64",nodename="server-1",release="6.1.0",version="#1 SMP, 6.1"} 1
process_start_time_seconds 1.79546879e+09
"""


def node(name: str, *, is_full: bool = False) -> SimulatedNode:
    """Return a simulated node."""
    return SimulatedNode(Profile.draw(7, name), STARTED, has_full_exposition=is_full)


#: The exposition of a simulated node.
SIMULATED: Final = node("node-1").exposition(STARTED + 2)


class Exporter:
    """What the collector knows about one exporter."""

    def __init__(self, templates: Templates | None = None) -> None:
        """Without ``templates``, each exposition is read in full."""
        self.interfaces = KnownInterfaces()
        self.template = None if templates is None else ExporterTemplate(templates)
        self.has_followed = False

    def read(self, raw: bytes, cuts: Iterable[int] = (), *, has_end: bool = True) -> str:
        """Return all that an exposition leads to, as text, because NaN is not equal to itself.

        ``cuts`` are the ends of its pieces. ``has_end``: the response marks the end of the exposition.
        """
        notes = ExpositionNotes(is_thorough=True)
        reader = ExpositionReader(self.interfaces, notes.add, self.template)
        bounds = [0, *sorted(cuts), len(raw)]
        seen: list[Any] = []
        try:
            for start, end in pairwise(bounds):
                reader.feed(raw[start:end])
                seen.append(reader.memory_bytes)
            if has_end:
                reader.end()
            sample = reader.sample(monotonic_seconds=5.0, unix_seconds=STARTED, uncertainty_seconds=0.01)
            fields = msgspec.structs.asdict(sample)
            seen += [
                {name: dict(value) if isinstance(value, CpuSeconds) else value for name, value in fields.items()},
                sample.memory_bytes,
            ]
        except (NotNodeExporter, TooManySeries) as error:
            seen.append(error)
        self.has_followed = reader.follows_template
        seen += [reader.is_complete, notes.started, sorted(notes.families), sorted(notes.collectors)]
        return repr(seen)


def taught(page: bytes, templates: Templates | None = None) -> Exporter:
    """Return an exporter that has a template of ``page``."""
    exporter = Exporter(Templates() if templates is None else templates)
    for _ in range(REPETITIONS + 1):
        exporter.read(page)
    return exporter
