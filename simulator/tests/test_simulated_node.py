import math
from random import Random

import pytest

from simulator.faults import Fault, fault_named
from simulator.node import SimulatedNode
from simulator.profile import Profile, Wave

START = 1_795_000_000.0
ROOT = '{device="/dev/mmcblk0p2",fstype="ext4",mountpoint="/"}'


def samples(exposition: bytes) -> dict[str, float]:
    lines = [line for line in exposition.decode().splitlines() if not line.startswith("#")]
    assert exposition.endswith(b"\n")
    pairs = [line.rsplit(" ", 1) for line in lines]
    assert len({name for name, _ in pairs}) == len(pairs), "a sample stands twice"
    return {name: float(value) for name, value in pairs}


def cpu_usage(before: dict[str, float], after: dict[str, float]) -> float:
    """Return the CPU usage over all CPUs in percent."""
    cpu = [name for name in after if name.startswith("node_cpu_seconds_total")]
    total = sum(after[name] - before[name] for name in cpu)
    idle = sum(after[name] - before[name] for name in cpu if 'mode="idle"' in name or 'mode="iowait"' in name)
    return 100 * (1 - idle / total)


def node(name: str = "node01", seed: int = 1) -> SimulatedNode:
    return SimulatedNode(Profile.draw(seed, name), START)


def test_wave_stays_within_its_bounds() -> None:
    # given
    wave = Wave.between(0.2, 0.6, Random(3))
    # when
    values = [wave.at(t / 3) for t in range(30_000)]
    # then
    assert min(values) >= 0.2
    assert max(values) <= 0.6
    assert max(values) - min(values) > 0.2


def test_wave_integral_is_the_area_under_it() -> None:
    # given
    wave = Wave.between(0.0, 1.0, Random(4))
    # when
    step = 0.01
    area = sum(wave.at(100 + (i + 0.5) * step) * step for i in range(5000))
    # then
    assert wave.integral(150) - wave.integral(100) == pytest.approx(area, rel=1e-4)


@pytest.mark.parametrize("fault", [Fault.NONE, Fault.BUSY, Fault.HOT])
def test_counters_never_go_back_when_scraped_at_any_rhythm(fault: Fault) -> None:
    # given
    simulated = node()
    now = START
    before = samples(simulated.exposition(now))
    simulated.set_fault(fault, now)
    random = Random(5)
    for _ in range(300):
        # when
        now += random.choice((0.0, 0.01, 1.0, 47.0))
        after = samples(simulated.exposition(now))
        # then
        backwards = [name for name in after if "_total" in name and after[name] < before[name]]
        assert backwards == []
        before = after


def test_counters_do_not_go_back_when_the_clock_goes_back() -> None:
    # given
    simulated = node()
    before = samples(simulated.exposition(START + 100))
    # when
    after = samples(simulated.exposition(START + 50))
    # then
    assert [name for name in after if "_total" in name and after[name] < before[name]] == []


def test_values_are_plausible_over_an_hour() -> None:
    for number in range(1, 30):
        # given
        simulated = node(f"node{number:02}")
        before = samples(simulated.exposition(START))
        usages = []
        for minute in range(1, 60):
            # when
            values = samples(simulated.exposition(START + 60 * minute))
            usages.append(cpu_usage(before, values))
            before = values
            # then
            assert 30 < values['node_thermal_zone_temp{type="cpu-thermal",zone="0"}'] < 75
            assert 0 < values["node_memory_MemFree_bytes"] < values["node_memory_MemAvailable_bytes"]
            assert values["node_memory_MemAvailable_bytes"] < values["node_memory_MemTotal_bytes"]
            assert 0 < values[f"node_filesystem_avail_bytes{ROOT}"] < values[f"node_filesystem_free_bytes{ROOT}"]
            assert values["node_time_seconds"] == START + 60 * minute
            assert values["node_boot_time_seconds"] < START
        assert min(usages) > 2
        assert max(usages) < 98
        assert max(usages) - min(usages) > 1, "the load does not move"


def test_each_cpu_counts_the_time_since_boot() -> None:
    # given
    values = samples(node().exposition(START))
    # when
    counted = sum(value for name, value in values.items() if name.startswith('node_cpu_seconds_total{cpu="2"'))
    # then
    assert counted == pytest.approx(START - values["node_boot_time_seconds"], abs=0.1)


def test_node_is_the_same_when_seed_and_name_are_the_same() -> None:
    assert node("node03", seed=7).exposition(START + 9) == node("node03", seed=7).exposition(START + 9)
    assert node("node03", seed=7).exposition(START) != node("node03", seed=8).exposition(START)
    assert node("node03", seed=7).exposition(START) != node("node04", seed=7).exposition(START)


def test_counters_do_not_depend_on_the_frequency_of_scrapes() -> None:
    # given
    watched, unwatched = node(), node()
    # when
    for second in range(100):
        watched.exposition(START + second)
    # then
    assert samples(watched.exposition(START + 100)) == pytest.approx(samples(unwatched.exposition(START + 100)))


def test_hot_node_has_85_degrees() -> None:
    # given
    simulated = node()
    # when
    simulated.set_fault(Fault.HOT, START)
    # then
    values = samples(simulated.exposition(START + 5))
    assert values['node_hwmon_temp_celsius{chip="thermal_thermal_zone0",sensor="temp0"}'] == pytest.approx(85, abs=1)


def test_full_node_uses_98_percent_of_its_disk() -> None:
    # given
    simulated = node()
    # when
    simulated.set_fault(Fault.FULL, START)
    # then
    values = samples(simulated.exposition(START))
    used = values[f"node_filesystem_size_bytes{ROOT}"] - values[f"node_filesystem_free_bytes{ROOT}"]
    assert used / (used + values[f"node_filesystem_avail_bytes{ROOT}"]) == pytest.approx(0.98)


def test_readonly_node_reports_only_its_root_as_readonly() -> None:
    # given
    simulated = node()
    # when
    simulated.set_fault(Fault.READONLY, START)
    # then
    values = samples(simulated.exposition(START))
    assert values[f"node_filesystem_readonly{ROOT}"] == 1
    assert sum(value for name, value in values.items() if name.startswith("node_filesystem_readonly")) == 1


def test_skewed_node_has_its_clock_a_minute_ahead() -> None:
    # given
    simulated = node()
    # when
    simulated.set_fault(Fault.SKEWED, START)
    # then
    assert samples(simulated.exposition(START))["node_time_seconds"] == pytest.approx(START + 60)


def test_busy_node_works_at_full_load_and_recovers() -> None:
    # given
    simulated = node()
    simulated.set_fault(Fault.BUSY, START)
    # when
    before, after = samples(simulated.exposition(START + 10)), samples(simulated.exposition(START + 20))
    simulated.set_fault(Fault.NONE, START + 20)
    later = samples(simulated.exposition(START + 30))
    # then
    assert cpu_usage(before, after) == pytest.approx(100, abs=0.1)
    assert after["node_load1"] == 4
    assert cpu_usage(after, later) < 98


def test_fault_named_refuses_an_unknown_name_and_lists_the_known() -> None:
    assert fault_named(" hot\n") is Fault.HOT
    with pytest.raises(ValueError, match="there is no fault 'purple'; there are none, hot"):
        fault_named("purple")


def test_nodes_differ_in_size_and_load() -> None:
    # given
    profiles = [Profile.draw(1, f"node{number:02}") for number in range(1, 51)]
    # then
    assert len({profile.memory_bytes for profile in profiles}) == 3
    assert len({math.floor(100 * profile.cpus[0].at(0)) for profile in profiles}) > 15


def test_full_exposition_adds_families_and_the_exporters_own_section() -> None:
    # given
    short, full = node(), SimulatedNode(Profile.draw(1, "node01"), START, has_full_exposition=True)
    # when
    exposition = samples(full.exposition(START + 10))
    # then
    assert exposition.items() >= samples(short.exposition(START + 10)).items()
    assert exposition["process_start_time_seconds"] == START
    assert exposition['node_scrape_collector_success{collector="pressure"}'] == 1
    # a filtered exposition includes the exporter's own section
    filtered = samples(full.exposition(START + 10, frozenset({"loadavg", "xfs"})))
    assert {name for name in filtered if name.startswith("node_")} == {
        "node_load1",
        "node_load5",
        "node_load15",
        'node_scrape_collector_duration_seconds{collector="loadavg"}',
        'node_scrape_collector_success{collector="loadavg"}',
    }
    assert "go_goroutines" in filtered
