import asyncio
import os
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from collector import local_scraper
from collector.interfaces import Interface
from collector.local_scraper import LocalScraper, partial_mounts, read_alarms, read_this_machine, waiting_seconds
from collector.sample import Sample, ScrapeFailed
from collector.sensors import Sensor
from collector.sentences import failures


def test_local_sample_agrees_with_proc_and_statvfs_when_this_machine_is_scraped():
    sample = read_this_machine()

    with open("/proc/meminfo") as file:
        meminfo = dict(line.split(":", 1) for line in file)
    with open("/proc/stat") as file:
        stat = [line.split() for line in file]
    boot = next(int(fields[1]) for fields in stat if fields[0] == "btime")
    cpus = [fields for fields in stat if fields[0].startswith("cpu") and fields[0] != "cpu"]
    assert sample.memory_total_bytes == 1024 * int(meminfo["MemTotal"].split()[0])
    assert {cpu for cpu, _ in sample.cpu_seconds} == {fields[0][3:] for fields in cpus}
    user = int(cpus[0][1]) / os.sysconf("SC_CLK_TCK")
    assert sample.cpu_seconds["0", "user"] == pytest.approx(user, abs=30)
    assert sample.boot_unix_seconds == pytest.approx(boot, abs=2)
    size = os.statvfs("/")
    assert sample.root is not None
    assert sample.root.size_bytes == size.f_blocks * size.f_frsize
    assert "lo" not in sample.network_bytes
    assert sample.clock_offset_seconds == 0.0


def test_local_sample_has_the_kernels_swap_and_pressure():
    sample = read_this_machine()

    with open("/proc/meminfo") as file:
        meminfo = dict(line.split(":", 1) for line in file)
    assert sample.swap_total_bytes == 1024 * int(meminfo["SwapTotal"].split()[0])
    pressure = Path("/proc/pressure/io")
    try:
        total = float(pressure.read_text().split("\n")[0].rpartition("=")[2]) / 1e6
    except OSError:
        assert sample.io_waiting_seconds is None
    else:
        assert sample.io_waiting_seconds == pytest.approx(total, abs=10)


def test_local_scraper_returns_a_sample():
    result = asyncio.run(LocalScraper(30.0).scrape())

    assert isinstance(result, Sample)
    assert {mode for _, mode in result.cpu_seconds} >= {"user", "system", "idle", "iowait"}


def test_local_scraper_starts_no_second_read_when_the_first_one_hangs(monkeypatch):
    release, begun = threading.Event(), []

    def hang():
        begun.append(1)
        release.wait(60)
        return Sample(monotonic_seconds=0.0)

    monkeypatch.setattr("collector.local_scraper.read_this_machine", hang)

    async def scrapes():
        scraper = LocalScraper(0.05)
        results = [await scraper.scrape(), await scraper.scrape()]
        release.set()
        return results

    assert asyncio.run(scrapes()) == [ScrapeFailed("timeout", failures.no_answer_within(0.05))] * 2
    assert begun == [1]


def test_local_scraper_names_the_reason_when_this_machine_cannot_be_read(monkeypatch):
    def fail():
        raise PermissionError(13, "Permission denied", "/proc/stat")

    monkeypatch.setattr("collector.local_scraper.read_this_machine", fail)

    result = asyncio.run(LocalScraper(30.0).scrape())

    assert isinstance(result, ScrapeFailed)
    assert "Permission denied" in result.sentence


def test_partial_mounts_are_those_of_directories_and_files_of_a_file_system() -> None:
    mountinfo = (
        "22 1 0:20 / / rw - overlay overlay rw\n"
        "23 22 254:1 /var/lib/kubelet/pods/x/volumes/config /config ro,relatime - ext4 /dev/vda1 rw\n"
        "24 22 254:1 /hosts /etc/my\\040hosts rw - ext4 /dev/vda1 rw\n"
        "25 22 254:2 / /data rw - ext4 /dev/vdb rw\n"
        "26 22 0:30 /@home /home rw - btrfs /dev/vdc rw\n"
        "27 22 254:3 /pictures /srv rw shared:1 - ext4 /dev/vdd rw\n"
    )
    assert partial_mounts(mountinfo) == {"/config", "/etc/my hosts", "/srv"}


@pytest.fixture
def sys(tmp_path):
    """Return a function that writes files below a temporary /sys, and returns that folder."""

    def write(**folders):
        for folder, files in folders.items():
            for name, text in files.items():
                path = tmp_path / "class" / folder.replace("__", "/") / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(f"{text}\n")
        return tmp_path

    return write


def test_interfaces_have_the_exporters_description_when_they_are_read_from_sys(sys):
    files = {"ifindex": 2, "iflink": 2, "flags": "0x1003", "type": 1, "address": "d8:3a:dd:11:22:33"}
    root = sys(
        net__eth0=files | {"addr_assign_type": 0, "name_assign_type": 4},
        net__bond0=files | {"ifindex": 3, "iflink": 3, "addr_assign_type": 3, "bonding/mode": "active-backup 1"},
    )

    eth, bond, gone = local_scraper.read_interfaces(["eth0", "bond0", "eth7"], root)

    assert eth == Interface("eth0", 2, 2, 0x1003, 1, "d8:3a:dd:11:22:33", 0, name_kind=4)
    assert (bond.number, bond.is_bond) == (3, True)
    assert gone == Interface("eth7")


def test_sensors_have_labels_and_exclude_faulty_ones_when_they_are_read_from_sys(sys):
    root = sys(
        hwmon__hwmon0={"name": "k10temp", "temp1_input": 77000, "temp1_label": "Tctl", "temp2_input": 50000}
        | {"temp2_label": "Tdie", "temp3_input": 0, "temp4_input": "none"},
        hwmon__hwmon1={
            "name": "nct6775",
            "temp7_input": 96500,
            "temp7_fault": 1,
            "temp8_input": 38000,
            "temp8_fault": 0,
        },
        thermal__thermal_zone0={"type": "cpu-thermal", "temp": 45250},
    )

    assert local_scraper.read_temperatures(root) == (
        Sensor(50.0, "hwmon0", "k10temp", "Tdie"),
        Sensor(45.25, "cpu-thermal", "", "zone0"),
        Sensor(38.0, "hwmon1", "nct6775", "temp8"),
    )


def test_disk_is_the_one_mounted_last_when_several_are_mounted_at_the_root(monkeypatch):
    def partition(device, fstype, mountpoint, opts="rw"):
        return SimpleNamespace(device=device, fstype=fstype, mountpoint=mountpoint, opts=opts)

    mounts = [
        partition("rootfs", "rootfs", "/"),
        partition("/dev/sda1", "ext4", "/", "ro"),
        partition("/dev/sda2", "btrfs", "/", "ro,subvol=/snapshots/1"),
        partition("/dev/sda2", "btrfs", "/var"),
        partition("/dev/sdb1", "ext4", "/srv"),
        partition("tmpfs", "tmpfs", "/srv"),
    ]
    monkeypatch.setattr("psutil.disk_partitions", lambda all: mounts)
    monkeypatch.setattr("collector.local_scraper._MOUNTS", Path("/nonexistent"))

    sample = read_this_machine()

    assert sample.root is not None
    assert sample.root.identity == "btrfs /dev/sda2"
    # Hidden mounts do not count. A device is writable if one of its mounts is.
    assert [(each.mountpoint, each.readonly) for each in sample.filesystems] == [("/", False)]


PRESSURE = "some avg10=5.09 avg60=2.65 avg300=1.36 total=8047665\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n"


def test_waiting_seconds_are_those_in_which_some_task_waited(tmp_path):
    (tmp_path / "io").write_text(PRESSURE)

    assert waiting_seconds("io", tmp_path) == 8.047665


@pytest.mark.parametrize("text", [None, "", "full avg10=0.00 total=7\n", "some total=\n"])
def test_waiting_seconds_are_unknown_when_the_kernel_lacks_them(tmp_path, text):
    if text is not None:
        (tmp_path / "io").write_text(text)

    assert waiting_seconds("io", tmp_path) is None


def test_alarms_are_those_of_the_chips_in_sysfs(sys):
    root = sys(
        hwmon__hwmon0={"name": "rpi_volt", "in0_lcrit_alarm": 1},
        hwmon__hwmon1={"name": "coretemp", "temp1_crit_alarm": 0, "temp2_crit_alarm": 1, "temp2_max_alarm": 1},
        hwmon__hwmon2={"temp1_crit_alarm": 1},
        # The second sensor is not connected.
        hwmon__hwmon3={"name": "lm90", "temp1_crit_alarm": 1, "temp1_fault": 0, "temp2_crit_alarm": 1}
        | {"temp2_fault": 1},
    )

    alarms = read_alarms(root)

    assert alarms.raised("under_voltage") == ("rpi_volt/in0",)
    assert alarms.raised("hardware_alarm") == ("coretemp/temp2", "lm90/temp1")


def test_alarms_are_unknown_when_a_machine_has_none(tmp_path):
    assert read_alarms(tmp_path).raised("hardware_alarm") is None
