import gc
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

import contract
from collector.history import HistoryAggregator
from collector.rounds import build_snapshot
from contract.codec import decode
from contract.distribution import Quantiles, decode_distribution
from contract.history import CLUSTER_NODE, MEASURES, RESOLUTIONS, decode_entry, merge
from contract.messages import Node, Snapshot

GOLDEN = Path(contract.__file__).parent / "golden" / "messages" / "metrics.json"
NODE = next(node for node in decode(GOLDEN.read_bytes(), Snapshot).nodes if node.status == "online")
#: Start of a period of every resolution.
START = 1_795_426_200 // 7200 * 7200


def node(name="a", **fields) -> Node:
    return replace(NODE, node=name, **fields)


def snapshot(*nodes) -> Snapshot:
    return build_snapshot(nodes, cluster="lab", epoch=1, seq=1, timestamp="", interval_seconds=2.0)


def take(history, seconds, *nodes):
    """Add a round at some seconds after the start."""
    for _ in history.add(snapshot(*nodes), START + seconds):
        pass


def close(history):
    for _ in history.close():
        pass


def recorded(history, step_seconds, name="a"):
    """Return complete entries: start in seconds after ``START``, and entry."""
    return [
        (record.start_seconds - START, decode_entry(record.entry))
        for record in history.queue
        if (record.resolution.seconds, record.node) == (step_seconds, name)
    ]


def summary(entry, measure):
    return entry.summaries[list(MEASURES).index(measure)]


def test_entry_is_complete_with_the_first_round_of_the_next_period():
    history = HistoryAggregator()
    for seconds, cpu in ((0, 10.0), (4, 30.0), (9.9, 20.0)):
        take(history, seconds, node(cpu_usage=cpu, load1=0.5))
    assert not history.queue
    take(history, 10, node(cpu_usage=90.0))
    ((start, entry),) = recorded(history, 10)
    assert (start, entry.samples) == (0, 3)
    assert summary(entry, "cpu_usage") == (10.0, 20.0, 30.0)
    assert summary(entry, "load1") == 0.5


def test_entry_has_the_values_of_the_snapshot_in_the_order_of_the_measures():
    history = HistoryAggregator()
    take(history, 0, node())
    close(history)
    ((_, entry),) = recorded(history, 10)
    assert dict(zip(MEASURES, entry.summaries, strict=True)) == {name: getattr(NODE, name) for name in MEASURES}


def test_cluster_has_the_averages_of_the_snapshot_and_nothing_else():
    history = HistoryAggregator()
    take(history, 0, node("a", cpu_usage=10.0), node("b", cpu_usage=30.0))
    close(history)
    ((_, entry),) = recorded(history, 10, CLUSTER_NODE)
    assert dict(zip(MEASURES, entry.summaries, strict=True)) == dict.fromkeys(MEASURES) | {
        "cpu_usage": 20.0,
        "memory_usage": NODE.memory_usage,
        "disk_usage": NODE.disk_usage,
        "temperature": NODE.temperature,
    }


def distributions(history, step_seconds):
    """Return complete distributions: start in seconds after ``START``, and distribution."""
    return [
        (record.start_seconds - START, decode_distribution(record.entry))
        for record in history.distributions
        if (record.resolution.seconds, record.node) == (step_seconds, None)
    ]


def test_distribution_is_made_of_the_nodes_entries():
    history = HistoryAggregator()
    for seconds, cpus in ((0, (10.0, 20.0, 90.0)), (5, (30.0, 20.0, 94.0))):
        nodes = [node(f"n{number}", cpu_usage=cpu, temperature=None) for number, cpu in enumerate(cpus)]
        take(history, seconds, *nodes, node("off", status="offline", cpu_usage=100.0))
    assert not history.distributions
    take(history, 10, node())

    ((start, distribution),) = distributions(history, 10)
    assert (start, distribution.samples) == (0, 2)
    # The nodes' averages are 20, 20 and 92 %.
    assert distribution.quantiles[0] == Quantiles(20.0, 20.0, 77.6, 94.0, "n2")
    assert distribution.quantiles[1] == Quantiles(*[NODE.memory_usage] * 4, "n0")
    assert distribution.quantiles[3] is None


def test_distribution_of_a_coarse_resolution_is_made_of_the_nodes_entries_at_that_resolution():
    history = HistoryAggregator()
    for seconds in range(0, 60, 10):
        # Each node is at 100 % for one sixth of the minute, one node after another.
        take(history, seconds, *(node(f"n{n}", cpu_usage=100.0 if 10 * n == seconds else 4.0) for n in range(6)))
    close(history)

    assert [each.quantiles[0] for _, each in distributions(history, 10)] == [
        Quantiles(4.0, 4.0, 52.0, 100.0, f"n{n}") for n in range(6)
    ]
    assert [each.quantiles[0] for _, each in distributions(history, 60)] == [Quantiles(20.0, 20.0, 20.0, 100.0, "n0")]


def test_period_has_no_distribution_when_no_node_was_online_in_it():
    history = HistoryAggregator()
    for seconds, status in ((0, "online"), (10, "offline"), (20, "online")):
        take(history, seconds, node(status=status))
    close(history)
    assert [start for start, _ in distributions(history, 10)] == [0, 20]


@pytest.mark.parametrize("status", ["offline", "unknown"])
def test_period_has_no_entry_when_the_node_was_not_online_in_it(status):
    history = HistoryAggregator()
    take(history, 0, node(), node("b"))
    take(history, 10, node(status=status), node("b"))
    take(history, 20, node(), node("b"))
    take(history, 30)
    take(history, 40, node())
    close(history)
    assert [start for start, _ in recorded(history, 10)] == [0, 20, 40]
    assert [start for start, _ in recorded(history, 10, "b")] == [0, 10, 20]
    # Without online nodes, the cluster's history has a gap, too.
    assert [start for start, _ in recorded(history, 10, CLUSTER_NODE)] == [0, 10, 20, 40]


def test_coarser_entries_are_the_merged_finer_ones():
    history = HistoryAggregator()
    for seconds in range(0, 7200, 5):
        # With a pause over whole periods and parts of others.
        if not 1000 <= seconds < 1333:
            load = (seconds * 7919) % 400 / 100
            take(history, seconds, node(load1=load, cpu_usage=None if seconds % 3 else load))
    close(history)
    for step in RESOLUTIONS[1:]:
        assert step.source is not None
        finer = recorded(history, step.source.seconds)
        coarse = recorded(history, step.seconds)
        assert [start for start, _ in coarse] == sorted({start // step.seconds * step.seconds for start, _ in finer})
        for start, entry in coarse:
            assert entry == merge(part for at, part in finer if start <= at < start + step.seconds)
    assert len(recorded(history, 10)) == 720 - 33
    assert len(recorded(history, 1800)) == 4


def test_coarser_entry_is_complete_with_the_same_round_as_its_last_finer_one():
    history = HistoryAggregator()
    for seconds in range(0, 61, 10):
        take(history, seconds, node())
    assert [(record.resolution.seconds, record.node) for record in history.queue][-4:] == [
        (10, "a"), (10, CLUSTER_NODE), (60, "a"), (60, CLUSTER_NODE),
    ]  # fmt: skip
    ((start, entry),) = recorded(history, 60)
    assert (start, entry.samples) == (0, 6)


@given(st.lists(st.integers(-400, 400), min_size=1, max_size=60))
def test_every_round_counts_once_at_each_resolution_when_the_clock_jumps(jumps):
    history, seconds, rounds = HistoryAggregator(), 0, 0
    for jump in jumps:
        seconds += jump
        take(history, seconds, node())
        rounds += 1
    close(history)
    for step in RESOLUTIONS:
        found = recorded(history, step.seconds)
        assert sum(entry.samples for _, entry in found) == rounds
        assert all(start % step.seconds == 0 for start, _ in found)


def test_period_ends_when_the_clock_is_set_back():
    history = HistoryAggregator()
    take(history, 3600, node())
    take(history, 5, node())
    take(history, 7, node())
    take(history, 12, node())
    assert [(start, entry.samples) for start, entry in recorded(history, 10)] == [(3600, 1), (0, 2)]
    assert [(start, entry.samples) for start, entry in recorded(history, 1800)] == [(3600, 1)]


def test_close_queues_all_open_periods():
    history = HistoryAggregator()
    take(history, 5, node())
    close(history)
    assert {record.resolution for record in history.queue} == set(RESOLUTIONS)
    history.queue.clear()
    close(history)
    assert not history.queue


def test_forget_drops_open_periods_and_queued_entries():
    history = HistoryAggregator()
    take(history, 5, node())
    take(history, 15, node())
    history.forget()
    assert not history.queue
    assert not history.distributions
    close(history)
    assert not history.queue


def test_full_queue_drops_the_oldest_entries_and_counts_them():
    history = HistoryAggregator(queue_length=4)
    for seconds in range(0, 40, 10):
        take(history, seconds, node())
    assert [(record.start_seconds - START, record.node) for record in history.queue] == [
        (10, "a"), (10, CLUSTER_NODE), (20, "a"), (20, CLUSTER_NODE),
    ]  # fmt: skip
    assert history.lost == 2


def test_other_tasks_can_run_when_there_are_many_nodes():
    history = HistoryAggregator()
    nodes = [node(f"n{number}") for number in range(1000)]
    take(history, 0, *nodes)
    assert sum(1 for _ in history.add(snapshot(*nodes), START + 10)) >= 9
    assert len(history.queue) == 1001


def test_history_of_a_node_takes_3_kilobytes():
    """4000 nodes have a rollup at three resolutions and the five samples of ten seconds each."""
    history, names = HistoryAggregator(), [f"node{number}" for number in range(200)]
    gc.collect()
    tracemalloc.start()
    try:
        for second in range(0, 79, 2):
            take(
                history,
                second,
                *(node(name, load1=second / 7, network_receive_bytes_per_second=10**6 + second) for name in names),
            )
            history.queue.clear()
        gc.collect()
        used_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert used_bytes / len(names) < 3000
