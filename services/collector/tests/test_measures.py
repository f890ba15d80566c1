import math
from array import array

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from collector.cpu_seconds import MODES, CpuCounters, CpuSeconds, code_of
from collector.measures import cpu_usage_and_iowait, derive
from collector.sample import Filesystem, Sample


def sample(seconds, **fields):
    return Sample(monotonic_seconds=float(seconds), **fields)


def measured(first, second, gap=10.0):
    former = derive(first, None, None, longest_gap_seconds=gap)
    return derive(second, first, former, longest_gap_seconds=gap)


def cpus(**seconds):
    """Return seconds by mode and processor, given as ``user0=1.5``."""
    return CpuSeconds.of({(name[-1], name[:-1]): value for name, value in seconds.items()})


def test_cpu_usage_is_the_share_of_all_modes_but_idle_and_iowait_when_counters_advance():
    before = cpus(user0=10, system0=5, idle0=100, iowait0=3, steal0=1, user1=0, idle1=50)
    after = cpus(user0=10.5, system0=5.25, idle0=101, iowait0=3.15, steal0=1.1, user1=1.0, idle1=51)

    # Busy 0.5 + 0.25 + 0.1 + 1.0 of 4 s over both processors.
    assert cpu_usage_and_iowait(before, after)[0] == 46.2


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (cpus(), cpus(user0=1, idle0=1)),
        (cpus(user0=1, idle0=1), cpus()),
        (cpus(user0=1, idle0=1), cpus(user0=1, idle0=1)),
        # A reset; also a reset that the other processor's time would hide.
        (cpus(user0=100, idle0=1000), cpus(user0=1, idle0=2)),
        (cpus(user0=100, idle0=10, user1=100, idle1=10), cpus(user0=1, idle0=11, user1=300, idle1=11)),
        (cpus(user0=100, idle0=1000), cpus(user0=101, idle0=900)),
    ],
)
def test_cpu_usage_is_unknown_when_a_counter_went_back_or_no_time_passed(before, after):
    assert cpu_usage_and_iowait(before, after) == (None, None)


def test_cpu_usage_tolerates_a_small_step_back_of_iowait():
    assert cpu_usage_and_iowait(cpus(user0=1, idle0=10, iowait0=5), cpus(user0=2, idle0=11, iowait0=4.9))[0] == 50.0


_SECONDS = st.sampled_from([0.0, 0.5, 1.0, 2.0, 4.5, 100.0, math.nan])


@given(
    st.lists(
        st.tuples(st.sampled_from("0123"), st.sampled_from(MODES[:4]), _SECONDS, _SECONDS), unique_by=lambda c: c[:2]
    )
)
@example([(cpu, mode, 1.0, 1.5) for cpu in "012" for mode in MODES[:4]])
@example([(cpu, mode, 1.0, 1.5) for mode in MODES[:4] for cpu in "012"])
@example([("0", "idle", 1.0, 0.5), ("0", "user", 1.0, 2.0)])
@example([("0", "user", 1.0, 0.5), ("0", "idle", 1.0, 2.0)])
def test_time_of_each_mode_is_the_same_when_scrapes_share_their_counters(counters):
    codes = array("I", [code_of(cpu, mode) for cpu, mode, _, _ in counters])
    before, after = (array("d", [counter[n] for counter in counters]) for n in (2, 3))
    shared = CpuCounters(codes)

    spent = CpuSeconds(shared, after).since(CpuSeconds(shared, before))
    expected = CpuSeconds(CpuCounters(codes), after).since(CpuSeconds(CpuCounters(codes), before))

    assert (spent is None) == (expected is None)
    assert spent is None or spent == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("before", "after", "share"),
    [
        (
            cpus(user0=1, iowait0=1, idle0=1, iowait1=5, idle1=0),
            cpus(user0=2, iowait0=2, idle0=3, iowait1=5, idle1=4),
            12.5,
        ),
        # A small step back of Linux's counter.
        (cpus(user0=1, iowait0=3, idle0=1), cpus(user0=2, iowait0=2.9, idle0=2), 0.0),
        (cpus(user0=1, idle0=1), cpus(user0=2, idle0=2), None),
    ],
)
def test_iowait_is_the_share_of_all_processors_time_when_the_system_counts_it(before, after, share):
    assert cpu_usage_and_iowait(before, after)[1] == share


def test_swap_usage_is_the_share_in_use_and_unknown_without_swap():
    assert measured(sample(0), sample(2, swap_total_bytes=3e9, swap_free_bytes=1e9)).swap_usage == 66.7
    assert measured(sample(0), sample(2, swap_total_bytes=0.0, swap_free_bytes=0.0)).swap_usage is None
    assert measured(sample(0), sample(2, swap_total_bytes=3e9)).swap_usage is None


@pytest.mark.parametrize(
    ("before", "after", "percent"),
    [(10.0, 10.5, 25), (10.0, 10.009, 0), (10.0, 10.011, 1), (10.0, 13.0, 100), (10.0, 9.0, None), (None, 1.0, None)],
)
def test_pressure_is_the_whole_percent_of_the_time_that_a_task_waited(before, after, percent):
    both = measured(
        sample(0, io_waiting_seconds=before, memory_waiting_seconds=before),
        sample(2, io_waiting_seconds=after, memory_waiting_seconds=after),
    )

    assert (both.pressure_io, both.pressure_memory) == (percent, percent)


def test_iowait_and_pressure_are_unknown_when_it_is_the_first_round():
    first = derive(
        sample(0, cpu_seconds=cpus(user0=1, iowait0=1, idle0=1), io_waiting_seconds=1.0),
        None,
        None,
        longest_gap_seconds=10.0,
    )

    assert (first.iowait, first.pressure_io) == (None, None)


def test_cpu_usage_is_of_the_processors_in_both_samples_when_one_is_switched_on():
    assert cpu_usage_and_iowait(cpus(user0=0, idle0=0), cpus(user0=1, idle0=1, user1=900, idle1=0))[0] == 50.0


def test_rates_are_unknown_when_it_is_the_first_round():
    measures = derive(
        sample(0, cpu_seconds=cpus(user0=1, idle0=1), network_bytes={"eth0": (1, 1)}, disk_bytes={"sda": (1, 1)}),
        None,
        None,
        longest_gap_seconds=10,
    )

    assert measures.cpu_usage is None
    assert measures.cpu_count == 1
    assert measures.network_receive_bytes_per_second is None
    assert measures.network_transmit_bytes_per_second is None
    assert measures.disk_read_bytes_per_second is None
    assert measures.disk_written_bytes_per_second is None


def test_rates_are_whole_bytes_over_devices_of_both_samples_when_counters_advance():
    measures = measured(
        sample(0, network_bytes={"eth0": (1000, 0), "wlan0": (0, 50)}, disk_bytes={"sda": (0, 4096)}),
        sample(
            3, network_bytes={"eth0": (2000, 0), "wlan0": (1, 50), "usb0": (9e9, 9e9)}, disk_bytes={"sda": (0, 8192)}
        ),
    )

    assert (measures.network_receive_bytes_per_second, measures.network_transmit_bytes_per_second) == (334, 0)
    assert (measures.disk_read_bytes_per_second, measures.disk_written_bytes_per_second) == (0, 1365)


@pytest.mark.parametrize(
    ("seconds", "received", "sent"),
    [(2, 5, 20), (2, 20, 5), (0, 100, 20), (-1, 100, 20), (11, 100, 20)],
    ids=["reset", "reset of the other", "no time", "back", "long gap"],
)
def test_rates_are_unknown_when_the_samples_cannot_be_compared(seconds, received, sent):
    measures = measured(
        sample(0, network_bytes={"eth0": (10, 10)}), sample(seconds, network_bytes={"eth0": (received, sent)})
    )

    assert measures.network_receive_bytes_per_second is None
    assert measures.network_transmit_bytes_per_second is None


def test_figures_are_rounded_as_the_contract_says_when_they_are_noisy():
    root = Filesystem("/", 1000.0, 598.87, 598.87, False)
    measures = derive(
        sample(
            0,
            load1=0.4149,
            memory_total_bytes=1000.0,
            memory_available_bytes=519.99,
            root=root,
            temperature=51.249,
        ),
        None,
        None,
        longest_gap_seconds=10,
    )

    assert (measures.load1, measures.memory_usage, measures.disk_usage, measures.temperature) == (
        0.41,
        48.0,
        40.1,
        51.2,
    )
    assert (measures.memory_total_bytes, measures.disk_total_bytes) == (1000, 1000)


def test_disk_usage_is_that_of_df_when_blocks_are_reserved():
    # 60 used, 35 available to users, 5 reserved.
    assert Filesystem("/", 100.0, 40.0, 35.0, False).usage == pytest.approx(100 * 60 / 95)


@pytest.mark.parametrize("sizes", [(0.0, 0.0, 0.0), (None, 1.0, 1.0), (10.0, 20.0, 5.0)])
def test_disk_usage_is_unknown_when_sizes_make_no_sense(sizes):
    assert Filesystem("/", *sizes, False).usage is None


@pytest.mark.parametrize(("boot", "told"), [(1001.0, 1000.0), (995.0, 1000.0), (1006.0, 1006.0), (None, None)])
def test_boot_time_stays_when_a_clock_is_corrected(boot, told):
    assert measured(sample(0, boot_unix_seconds=1000.0), sample(2, boot_unix_seconds=boot)).boot_unix_seconds == told


def rate(*scrapes, bytes_per_second=1000.0):
    """Return a node's rate of received bytes; scrapes are time, uncertainty, the node's clock and received bytes."""
    made = [
        sample(
            seconds,
            uncertainty_seconds=uncertainty,
            node_unix_seconds=clock,
            network_bytes={"eth0": (bytes_per_second * moment, 0)},
        )
        for seconds, uncertainty, clock, moment in scrapes
    ]
    return measured(*made).network_receive_bytes_per_second


def test_rates_use_the_nodes_clock_when_the_exporter_sends_it():
    # Scraped every 2 s, the node answers after 0 s and after 0.8 s, and reads its counters at the end of each scrape.
    assert rate((0.0, 0.0, 1000.5, 0.0), (2.4, 0.4, 1003.3, 2.8)) == 1000
    # Without the node's clock, the middle of the scrape is the best estimate.
    assert rate((0.0, 0.0, None, 0.0), (2.4, 0.4, 1003.3, 2.8)) == 1167


@pytest.mark.parametrize(
    "clock",
    [1060.5, 1002.9, 1001.1, 940.5, 1000.5, 999.0],
    ids=["a minute ahead", "ahead", "behind", "a minute behind", "stands", "back"],
)
def test_rates_use_the_collectors_clock_when_the_nodes_clock_was_set_meanwhile(clock):
    assert rate((0.0, 0.1, 1000.5, 0.0), (2.0, 0.1, clock, 2.0)) == 1000


def test_rates_use_the_collectors_clock_when_the_nodes_clock_has_whole_seconds_only():
    assert rate((0.0, 0.6, 1000.0, 0.0), (2.0, 0.6, 1003.0, 2.0)) == 1000
