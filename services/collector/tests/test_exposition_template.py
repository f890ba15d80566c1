import gc
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector import node_exporter
from collector.collect_filter import ExpositionNotes
from collector.cpu_seconds import CpuSeconds
from collector.exposition_shape import ExpositionShape
from collector.exposition_template import (
    LONGEST_PAUSE,
    NODE_LABELS_LIMIT,
    REPETITIONS,
    TEMPLATE_BYTES,
    WORTHWHILE,
    ExporterTemplate,
    Templates,
)
from collector.interfaces import KnownInterfaces
from collector.node_exporter import SERIES_LIMIT, ExpositionReader, NotNodeExporter, TooManySeries
from simulator.node import SimulatedNode
from simulator.profile import Profile
from tests.drivers.raw_exporter import answer

STARTED = 1_795_470_000.0
#: Series of all subjects, of a server with unusual parts.
SERVER = b"""\
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


def node(name, *, is_full=False):
    return SimulatedNode(Profile.draw(7, name), STARTED, has_full_exposition=is_full)


SIMULATED = node("node-1").exposition(STARTED + 2)
PAGES = (SERVER, SIMULATED)


class Exporter:
    """What the collector knows about one exporter."""

    def __init__(self, templates=None):
        self.interfaces = KnownInterfaces()
        self.template = None if templates is None else ExporterTemplate(templates)
        self.has_followed = False

    def read(self, raw, cuts=(), *, has_end=True):
        """Return all that an exposition in pieces leads to, as text: NaN is not equal to itself."""
        notes = ExpositionNotes(is_thorough=True)
        reader = ExpositionReader(self.interfaces, notes.add, self.template)
        bounds = [0, *sorted(cuts), len(raw)]
        seen = []
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


def taught(page, templates=None):
    """Return an exporter that has a template of a page."""
    exporter = Exporter(Templates() if templates is None else templates)
    for _ in range(REPETITIONS + 1):
        exporter.read(page)
    return exporter


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("cuts", [(), (100, 1000, 1001, 3000), range(1, 3000)])
def test_only_values_are_read_when_an_exposition_has_the_same_series(page, cuts):
    exporter = taught(page)
    other = page.replace(b" 1.", b" 3.").replace(b'nodename="', b'nodename="the-other-').replace(b"aa:bb", b"11:22")

    result = exporter.read(other, cuts)

    assert exporter.has_followed
    assert result == Exporter().read(other)[:0] + Exporter().read(other, cuts)


@pytest.mark.parametrize("name", ["node_exporter_0.16.0", "node_exporter_1.0.1", "node_exporter_1.12.0",
                                  "node_exporter_1.5.0", "node_exporter_1.5.0_collect", "raspberry_pi"])  # fmt: skip
def test_stored_exposition_follows_a_template_when_it_repeats(exposition, name):
    exporter = taught(exposition(name))

    assert exporter.read(exposition(name)) == Exporter().read(exposition(name))
    assert exporter.has_followed


_BYTES = st.sampled_from([bytes([n]) for n in b'0123456789.+-eE{}"\\=,_ \t\r\n#aNx\x00\xc3\xa9\xff'])
_VALUES = st.sampled_from(
    [b"NaN", b"+Inf", b"-Inf", b"inf", b"nan", b"1e400", b"-1e400", b"1_0", b"0x10", "١".encode(), b"-0", b"-1", b"0",
     b"1,2", b"[1", b"1]", b'"1"', b"null", b"true", b"one", b"", b"1e", b".5", b"5.", b"01", b"+1", b"1" * 64,
     b"1" * 65, b"9007199254740993",
     b"18446744073709551616", b"1e-400", b"1 1795470325000", b"1\r", b"125.5", b"128"]
)  # fmt: skip
_LINES = st.sampled_from(
    [b"node_load1 7", b"node_load1{} 7", b'node_load1{a="b"} 7', b"node_load1  7", b"node_time_seconds 5", b"x" * 9000,
     b'node_uname_info{nodename="x"} 1', b'node_uname_info{nodename="a",nodename="b"} 1', b"node_uname_info 1",
     b'node_uname_info{nodename="a\\"b"} 1', b'node_network_info{device="eth0"} 1', b"node_cpu_seconds_total{ 1",
     b'node_network_info{address="00",device="eth0"} 1', b'node_cpu_seconds_total{cpu="0",mode="idle"} 1',
     b'node_filesystem_size_bytes{device="a",fstype="ext4",mountpoint="/"} 0', b"", b"# EOF", b"node_load1 1",
     b'node_hwmon_temp_fault{chip="platform_coretemp_0",sensor="temp1"} 1', b"process_start_time_seconds 1e9"]
)  # fmt: skip


def change(page, kind, first, second, byte, value, line):
    """Return a page with one change."""
    lines, at = page.split(b"\n"), first % len(page)
    i, j = first % len(lines), second % len(lines)
    match kind:
        case "byte":
            return page[:at] + byte + page[at + 1 :]
        case "insert byte":
            return page[:at] + byte + page[at:]
        case "truncate":
            return page[:at]
        case "swap":
            lines[i], lines[j] = lines[j], lines[i]
        case "duplicate":
            lines.insert(j, lines[i])
        case "remove":
            del lines[i]
        case "value":
            lines[i] = lines[i].rpartition(b" ")[0] + b" " + value
        case "line":
            lines.insert(i, line)
    return b"\n".join(lines)


_KINDS = ("value", "byte", "insert byte", "truncate", "swap", "duplicate", "remove", "line")
_CHANGES = st.lists(
    st.tuples(
        st.sampled_from(_KINDS), st.integers(0, 10_000), st.integers(0, 10_000), _BYTES, _VALUES, _LINES
    ),
    max_size=4,
)  # fmt: skip


@given(
    st.sampled_from(PAGES), st.sampled_from(PAGES), _CHANGES, st.lists(st.integers(0, 7000), max_size=4), st.booleans()
)
def test_sample_is_the_same_when_an_exposition_follows_a_template_only_in_part(page, learnt, changes, cuts, has_end):
    exporter, other = taught(learnt), Exporter()
    template = exporter.template.current
    for _ in range(REPETITIONS + 1):
        other.read(learnt)
    changed = page
    for each in changes:
        changed = change(changed, *each) or b"\n"

    for raw in (changed, page, changed, learnt):
        exporter.template.follow(template)
        assert exporter.read(raw, cuts, has_end=has_end) == other.read(raw, cuts, has_end=has_end)


_MOUNTS = b"".join(
    b'node_filesystem_%b{device="%b",fstype="%b",mountpoint="%b"} 1\n' % (family, *mount)
    for family in (b"size_bytes", b"free_bytes", b"avail_bytes", b"readonly", b"device_error")
    for mount in (
        (b"/dev/sda2", b"ext4", b"/host"),
        (b"/dev/sdb2", b"xfs", b"/var"),
        (b"/dev/sda2", b"ext4", b"/host/data"),
        (b"overlay", b"overlay", b"/"),
        (b"rootfs", b"rootfs", b"/"),
    )
)
#: Two file systems of which the larger one is the disk.
_NO_ROOT = b"".join(
    b'node_filesystem_%b{device="%b",fstype="ext4",mountpoint="%b"} 1\n' % (family, *mount)
    for family in (b"size_bytes", b"free_bytes", b"avail_bytes", b"readonly")
    for mount in ((b"/dev/sda2", b"/a"), (b"/dev/sdb2", b"/b"))
)
_NUMBERS = st.sampled_from([b"0", b"1", b"2", b"3", b"5e+09", b"9e+09", b"-1", b"1e+30", b"125.5", b"NaN", b"4099"])


@pytest.mark.parametrize("page", [SERVER + _MOUNTS, _NO_ROOT])
@given(data=st.data())
def test_sample_is_the_same_when_only_values_change(page, data):
    exporter, other = taught(page), Exporter()
    other.read(page)
    series = [line.rpartition(b" ")[0] for line in page.splitlines() if line.startswith(b"node_")]

    for _ in range(4):
        values = data.draw(st.lists(_NUMBERS, min_size=len(series), max_size=len(series)))
        raw = b"".join(b"%b %b\n" % each for each in zip(series, values, strict=True))
        assert exporter.read(raw) == other.read(raw)
        assert exporter.has_followed


@given(st.text(), st.text())
def test_texts_of_a_node_are_the_same_when_the_series_follow_a_template(host, address):
    exporter, other = taught(SERVER), taught(SERVER)
    other.template = None
    raw = SERVER.replace(b"server-1", host.encode()).replace(b"52:54:00:aa:bb:cc", address.encode())

    assert exporter.read(raw) == other.read(raw)


def test_nodes_share_few_templates_when_they_have_the_same_parts():
    templates, exporters = Templates(), []
    for number in range(40):
        exporters.append(Exporter(templates))
        simulated = node(f"node-{number}", is_full=number % 2 == 0)
        for seconds in range(2, 12, 2):
            exporters[-1].read(simulated.exposition(STARTED + seconds))

    assert len(templates) == 2
    assert all(exporter.has_followed for exporter in exporters)
    # Only the first node of a kind needs several expositions.
    assert len({id(exporter.template.current) for exporter in exporters}) == 2


def test_template_is_freed_when_no_exporter_follows_it():
    templates = Templates()
    exporter = taught(SERVER, templates)
    assert len(templates) == 1

    del exporter
    gc.collect()

    assert len(templates) == 0


def test_exporter_gets_a_template_when_the_memory_of_another_one_is_free_again():
    templates = Templates(limit_bytes=20_000)
    first, second = taught(SERVER, templates), taught(SIMULATED, templates)

    assert (first.template.current is None, second.template.current is None) == (False, True)
    assert second.read(SIMULATED) == Exporter().read(SIMULATED)

    del first
    gc.collect()
    second.read(SIMULATED)
    second.read(SIMULATED)
    assert second.has_followed


@pytest.mark.parametrize(
    ("line", "limit"),
    [
        (b'node_network_info{address="52:54:00:aa:bb:cc",device="eth%d"} 1\n', NODE_LABELS_LIMIT),
        (b'node_load1{a="%d' + b"x" * 1000 + b'"} 1\n', TEMPLATE_BYTES // 1024),
    ],
)
def test_exporter_gets_no_template_when_its_exposition_is_too_large(line, limit):
    exporters = [taught(b"".join(line % number for number in range(count))) for count in (limit, limit + 20)]

    assert [exporter.template.current is None for exporter in exporters] == [False, True]


def test_exporter_gets_no_template_when_a_value_is_no_number():
    exporter = taught(SERVER.replace(b"boot_time_seconds 1", b"boot_time_seconds x1"))

    assert exporter.template.current is None


@pytest.mark.parametrize(
    ("learnt", "later"),
    [
        (b'device="eth0",operstate', b'device="eth9",operstate'),
        (b'nodename="server-1"', rb'nodename="a\"b"'),
        (b'nodename="server-1"', b'nodename="a",nodename="b"'),
        (b'nodename="server-1"', b'nodename="a",x="b"'),
        (b'52:54:00:aa:bb:cc"', b'52:54:00:aa:bb:cc",device="eth3"'),
    ],
)
def test_series_are_read_in_full_when_a_nodes_label_is_written_in_another_way(learnt, later):
    exporter = taught(SERVER)
    raw = SERVER.replace(learnt, later)

    assert exporter.read(raw) == Exporter().read(raw)
    assert not exporter.has_followed


def test_host_name_is_the_last_one_when_a_series_has_two():
    raw = SERVER.replace(b'nodename="server-1",', b'nodename="server-1", nodename="other",')
    exporter = taught(raw)

    assert exporter.template.current is None
    later = raw.replace(b"server-1", b"server-2")
    assert exporter.read(later) == Exporter().read(later)


def test_host_name_is_the_nodes_own_when_a_series_after_it_leaves_the_template():
    exporter = taught(SERVER)
    raw = SERVER.replace(b"server-1", b"server-2")
    cuts, raw = [len(raw)], raw + b"node_load1 1\n"

    assert exporter.read(raw, cuts) == Exporter().read(raw, cuts)


class CountingTemplates(Templates):
    """Counts the expositions that take part."""

    def __init__(self):
        super().__init__()
        self.drafts = 0

    def draft(self, **options):
        self.drafts += 1
        return super().draft(**options)


@pytest.mark.parametrize("repetitions", [1, 2, 3, 4])
def test_most_expositions_cost_as_much_as_without_templates_when_the_series_change_often(repetitions):
    templates = CountingTemplates()
    exporter = Exporter(templates)

    for number in range(400):
        exporter.read(SERVER.replace(b"veth1a2b3c4", b"veth%d" % (number // repetitions)))

    assert templates.drafts <= 40

    # When the series change no longer, the exporter gets a template.
    for _ in range(LONGEST_PAUSE + REPETITIONS + 2):
        exporter.read(SERVER)
    assert exporter.has_followed


def test_exporter_keeps_its_template_when_a_single_exposition_differs():
    exporter = taught(SERVER)
    for _ in range(WORTHWHILE):
        exporter.read(SERVER)

    exporter.read(SERVER + b"node_load1 2\n")
    exporter.read(SERVER)

    assert exporter.has_followed


def test_exposition_is_refused_when_it_goes_on_after_the_series_of_a_template():
    exporter = taught(SERVER)
    raw = SERVER + b"node_load1 1\n" * SERIES_LIMIT

    assert exporter.read(raw, [len(SERVER)]) == Exporter().read(raw, [len(SERVER)])


def test_scrapes_of_an_exporter_read_only_values_when_the_series_stay_the_same(scrape_with, monkeypatch):
    class CountedShape(ExpositionShape):
        count = 0

        def __init__(self):
            CountedShape.count += 1
            super().__init__()

    monkeypatch.setattr(node_exporter, "ExpositionShape", CountedShape)

    async def scrape(scraper, _):
        for _ in range(10):
            await scraper.scrape()
        CountedShape.count = 0
        return [await scraper.scrape() for _ in range(3)]

    samples = scrape_with(lambda _: answer(SERVER), scrape)

    assert [sample.host_name for sample in samples] == ["server-1"] * 3
    assert CountedShape.count == 0
