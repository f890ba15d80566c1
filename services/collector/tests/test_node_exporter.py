import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.node_exporter import SERIES_LIMIT, ExpositionReader, NotNodeExporter, TooManySeries, parse_exposition
from collector.node_state import NodeState
from collector.sample import FILESYSTEMS_LIMIT, LARGEST
from collector.targets.target import Target
from contract.codec import encode
from contract.messages import Node


def read(raw):
    return parse_exposition(raw, monotonic_seconds=50.0, unix_seconds=1_795_470_325.0)


def test_sample_has_all_figures_when_only_needed_collectors_were_requested(exposition):
    sample = read(exposition("node_exporter_1.5.0_collect"))

    assert sample.monotonic_seconds == 50.0
    assert len(sample.cpu_seconds) == 16
    assert sample.cpu_seconds["1", "user"] == 74.18
    assert sample.load1 == 0.04
    assert (sample.memory_total_bytes, sample.memory_available_bytes) == (25276514304, 24956649472)
    assert sample.root is not None
    assert sample.root.size_bytes == 270553174016
    # df shows 13294632960 used and 84498661376 available bytes.
    assert sample.root.usage == pytest.approx(13.595, abs=0.001)
    assert [each.mountpoint for each in sample.filesystems] == ["/"]
    assert sample.filesystems[0].readonly is False
    assert sample.network_bytes == {"eth0": (545090452, 943972)}
    assert sample.disk_bytes == {"vda": (1702831104, 1826127872)}
    assert sample.boot_unix_seconds == 1795468789
    assert sample.clock_offset_seconds == pytest.approx(-1.013217, abs=1e-5)
    assert sample.host_name == "node6"
    assert sample.temperature is None


def test_sample_is_the_same_when_an_exporter_sends_all_collectors(exposition):
    sample, filtered = read(exposition("node_exporter_1.5.0")), read(exposition("node_exporter_1.5.0_collect"))

    assert sample.cpu_seconds.keys() == filtered.cpu_seconds.keys()
    assert sample.network_bytes.keys() == filtered.network_bytes.keys()
    assert sample.disk_bytes.keys() == filtered.disk_bytes.keys()
    assert sample.root is not None
    assert filtered.root is not None
    assert (sample.root.mountpoint, sample.root.size_bytes) == (filtered.root.mountpoint, filtered.root.size_bytes)


def test_sample_leaves_out_container_interfaces_and_mounts(exposition):
    sample = read(exposition("raspberry_pi"))

    assert sample.network_bytes == {"eth0": (545090452, 94397200), "wlan0": (1e6, 2e6)}
    assert sample.disk_bytes == {"mmcblk0": (702831104, 1826127872)}
    # The unconnected sensor reads 127.5 °C.
    assert sample.temperature == 51.608
    # Neither tmpfs nor NFS, each device once; a file system that could not be read has no figures.
    assert [(each.mountpoint, each.readonly) for each in sample.filesystems] == [
        ("/", False),
        ("/boot/firmware", True),
        ("/media/usb", None),
    ]
    assert sample.filesystems[2].usage is None


def test_swap_and_pressure_are_read_when_an_exporter_sends_all_collectors(exposition):
    sample = read(exposition("node_exporter_1.5.0"))

    assert (sample.swap_total_bytes, sample.swap_free_bytes) == (0, 0)
    assert (sample.io_waiting_seconds, sample.memory_waiting_seconds) == (5.917706, 0)
    assert read(exposition("node_exporter_1.5.0_collect")).io_waiting_seconds is None


def test_alarms_are_the_sensors_that_raise_one_when_a_board_has_some():
    # An alarm has the factor of its sensor's unit: 0.001, and 1e-06 of watt.
    sample = read(
        b"""node_hwmon_in_lcrit_alarm_volts{chip="soc:firmware_raspberrypi_hwmon",sensor="in0"} 0.001
node_hwmon_temp_crit_alarm_celsius{chip="platform_coretemp_0",sensor="temp2"} 0.001
node_hwmon_temp_crit_alarm_celsius{chip="platform_coretemp_0",sensor="temp1"} 0
node_hwmon_power_crit_alarm_watt{chip="i2c_1",sensor="power1"} 1e-06
node_hwmon_curr_crit_alarm_amps{chip="i2c_1",sensor="curr1"} 1
node_hwmon_in_crit_alarm_volts{chip="i2c_1",sensor="in1"} NaN
node_hwmon_temp_max_alarm_celsius{chip="nct6798",sensor="temp1"} 0.001
node_hwmon_in_alarm{chip="nct6798",sensor="in5"} 1
"""
    )

    assert sample.under_voltage == ("soc:firmware_raspberrypi_hwmon/in0",)
    assert sample.hardware_alarms == ("i2c_1/curr1", "i2c_1/power1", "platform_coretemp_0/temp2")


def test_alarms_are_empty_when_none_is_raised_and_unknown_when_a_board_has_none(exposition):
    quiet = read(b'node_hwmon_in_lcrit_alarm_volts{chip="a",sensor="in0"} 0')

    assert (quiet.under_voltage, quiet.hardware_alarms) == ((), None)
    assert read(exposition("raspberry_pi")).under_voltage is None


def test_alarms_are_limited_when_an_exporter_lists_very_many():
    lines = [f'node_hwmon_temp_crit_alarm_celsius{{chip="{"c" * (n % 300)}",sensor="{n}"}} 1' for n in range(3000)]

    sample = read("\n".join(lines).encode())

    assert len(sample.hardware_alarms) == 64
    assert max(map(len, sample.hardware_alarms)) <= 256


@pytest.mark.parametrize("raw", [b"", b"<html>", b"process_cpu_seconds_total 1\n", b"\x00\xff" * 1000, b"node_load1 x"])
def test_exposition_is_refused_when_it_is_not_node_exporters(raw):
    with pytest.raises(NotNodeExporter):
        read(raw)


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (b"node_load1 NaN", "load1"),
        (b"node_load1 -1", "load1"),
        (b"node_memory_MemTotal_bytes 1e300", "memory_total_bytes"),
        (b"node_boot_time_seconds 1e15", "boot_unix_seconds"),
        (b"node_boot_time_seconds 0", "boot_unix_seconds"),
        (b"node_time_seconds +Inf", "clock_offset_seconds"),
        (b'node_hwmon_temp_celsius{chip="a",sensor="b"} NaN', "temperature"),
        (b'node_thermal_zone_temp{zone="0",type="x"} -273.2', "temperature"),
        (b'node_thermal_zone_temp{zone="0",type="x"} 0', "temperature"),
    ],
)
def test_value_is_unknown_when_it_is_not_plausible(line, field):
    assert getattr(read(line), field) is None


def test_filesystems_are_limited_when_an_exporter_lists_very_many():
    lines = [
        f'node_filesystem_size_bytes{{device="d{number}",fstype="ext4",mountpoint="/{"m" * (number % 300)}{number}"}} 1'
        for number in range(3000)
    ]

    sample = read("\n".join(lines).encode())

    assert len(sample.filesystems) == FILESYSTEMS_LIMIT
    assert max(len(each.mountpoint) for each in sample.filesystems) < 20


def test_exposition_is_refused_when_it_has_more_series_than_any_machine():
    with pytest.raises(TooManySeries):
        read(b"node_load1 1\n" * (SERIES_LIMIT + 1))


@pytest.mark.parametrize("name", ["node_exporter_1.5.0", "node_exporter_1.5.0_collect", "raspberry_pi"])
@pytest.mark.parametrize("length", [1, 7, 4096])
def test_sample_is_the_same_when_the_exposition_comes_in_pieces(exposition, name, length):
    raw, reader = exposition(name), ExpositionReader()

    for start in range(0, len(raw), length):
        reader.feed(raw[start : start + length])

    assert reader.is_complete
    assert reader.sample(monotonic_seconds=50.0, unix_seconds=1_795_470_325.0) == read(raw)


def test_reader_skips_a_line_when_the_line_never_ends():
    reader = ExpositionReader()

    reader.feed(b"node_load1 1\nnode_time_seconds")
    for _ in range(1000):
        reader.feed(b"x" * 1000)
    # The text that looks like a series is the rest of that line.
    reader.feed(b"node_load1 2\nnode_memory_MemTotal_bytes 3\n")

    sample = reader.sample(monotonic_seconds=50.0, unix_seconds=1.0)
    assert (sample.load1, sample.memory_total_bytes, sample.clock_offset_seconds) == (1, 3, None)
    assert reader.is_complete


@pytest.mark.parametrize(
    "series",
    [
        'node_cpu_seconds_total{{cpu="{0}",mode="{long}"}}',
        'node_cpu_seconds_total{{cpu="{0}{long}",mode="idle"}}',
        'node_network_receive_bytes_total{{device="veth{0}{long}"}}',
        'node_filesystem_size_bytes{{device="{0}{long}",fstype="tmpfs",mountpoint="/a"}}',
        'node_filesystem_size_bytes{{device="{0}",fstype="ext4",mountpoint="/{long}"}}',
        'node_hwmon_temp_celsius{{chip="{0}{long}"}}',
        'node_hwmon_sensor_label{{chip="{0}",label="{long}",sensor="temp1"}}',
        'node_hwmon_chip_names{{chip="{0}",chip_name="{long}"}}',
        'node_hwmon_temp_fault{{chip="{0}{long}",sensor="temp1"}}',
        'node_network_info{{address="{0}{long}",device="eth{0}"}}',
        'node_network_iface_id{{device="eth{0}{long}"}}',
        'node_bonding_slaves{{master="bond{0}{long}"}}',
        'node_disk_read_bytes_total{{device="sd{0}{long}"}}',
        'node_exporter_build_info{{version="{0}{long}"}}',
        'node_memory_size_bytes{{a="{0}{long}"}}',
        'node_load1{{a="{0}{long}"}}',
    ],
)
def test_reader_keeps_no_series_that_no_machine_has(series):
    reader = ExpositionReader()

    reader.feed("".join(f"{series.format(number, long='x' * 400)} 1\n" for number in range(10_000)).encode())

    sample = reader.sample(monotonic_seconds=50.0, unix_seconds=1.0)
    assert (dict(sample.cpu_seconds), sample.network_bytes, sample.filesystems, sample.memory_bytes) == ({}, {}, (), 0)


def test_processors_counters_take_little_memory_when_there_are_very_many():
    modes = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
    raw = "".join(
        f'node_cpu_seconds_total{{cpu="{cpu}",mode="{mode}"}} {cpu}.5\n' for cpu in range(1024) for mode in modes
    )

    sample = read(raw.encode())

    assert len(sample.cpu_seconds) == 8192
    assert sample.cpu_seconds["1023", "softirq"] == 1023.5
    assert sample.memory_bytes < 100_000


_NUMBERS = st.one_of(
    st.floats(), st.floats(0, 1e6), st.sampled_from([0.0, -0.0, LARGEST, LARGEST - 1, 1e308, math.nan, math.inf])
)
_SERIES = st.sampled_from(
    [
        "node_boot_time_seconds",
        'node_cpu_seconds_total{cpu="0",mode="idle"}',
        'node_cpu_seconds_total{cpu="0",mode="user"}',
        "node_load1",
        "node_memory_MemAvailable_bytes",
        "node_memory_MemTotal_bytes",
        'node_filesystem_size_bytes{device="a",fstype="ext4",mountpoint="/"}',
        'node_filesystem_free_bytes{device="a",fstype="ext4",mountpoint="/"}',
        'node_filesystem_avail_bytes{device="a",fstype="ext4",mountpoint="/"}',
        'node_network_receive_bytes_total{device="eth0"}',
        'node_network_transmit_bytes_total{device="eth0"}',
        'node_thermal_zone_temp{zone="0"}',
        "node_time_seconds",
    ]
)
_EXPOSITIONS = st.lists(st.tuples(_SERIES, _NUMBERS), min_size=1).map(
    lambda series: "\n".join(f"{name} {value!r}" for name, value in series).encode()
)


@given(_EXPOSITIONS, _EXPOSITIONS)
def test_node_is_valid_when_an_exporter_sends_any_numbers(first, second):
    state = NodeState(Target("a", "a:9100", "worker", "a", 9100), unix_seconds=0.0, interval_seconds=2.0)
    for seconds, raw in enumerate((first, second)):
        try:
            sample = parse_exposition(raw, monotonic_seconds=seconds / 10, unix_seconds=1.0)
        except NotNodeExporter:
            continue
        state.update(sample, unix_seconds=1.0)

    node = state.as_node()

    assert msgspec.json.decode(encode(node), type=Node) == node


@pytest.mark.parametrize(
    ("mountpoint", "is_read"),
    [("/" + "m" * 255, True), ("/" + "m" * 256, False), ("/" + "é" * 127, True), ("/" + "é" * 128, False),
     ("/" + "\x01" * 42, True), ("/" + "\x01" * 43, False)],
)  # fmt: skip
def test_mount_point_is_left_out_when_it_takes_too_many_bytes_in_a_message(mountpoint, is_read):
    labels = f'{{device="a",fstype="ext4",mountpoint="{mountpoint}"}}'
    exposition = f"node_load1 1\nnode_filesystem_size_bytes{labels} 1\n".encode()
    sample = parse_exposition(exposition, monotonic_seconds=0, unix_seconds=0)
    assert [each.mountpoint for each in sample.filesystems] == [mountpoint] * is_read
