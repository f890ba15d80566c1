"""A sample is the same with and without a template."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.exposition_template import REPETITIONS
from collector.node_exporter import SERIES_LIMIT
from tests.drivers.exposition_reading import SERVER, SIMULATED, Exporter, taught

PAGES = (SERVER, SIMULATED)


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


def test_exposition_is_refused_when_it_goes_on_after_the_series_of_a_template():
    exporter = taught(SERVER)
    raw = SERVER + b"node_load1 1\n" * SERIES_LIMIT

    assert exporter.read(raw, [len(SERVER)]) == Exporter().read(raw, [len(SERVER)])
