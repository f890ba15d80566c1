import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.codec import UndecodableMessage
from contract.history import MEASURES, RESOLUTIONS, HistoryEntry, Rollup, Summary, decode_entry, encode_entry, merge
from contract.messages import ClusterStats, Node

TENTHS = st.integers(-500, 1500).map(lambda tenths: tenths / 10)
WHOLE = st.integers(0, 10**12)
#: One sample that knows every measure.
SAMPLES = st.tuples(*(WHOLE if digits is None else TENTHS for digits in MEASURES.values())).map(
    lambda values: HistoryEntry(1, values)
)


def entry(samples: int, **known: Summary) -> HistoryEntry:
    return HistoryEntry(samples, tuple(map(known.get, MEASURES)))


def test_measures_are_fields_of_a_node_and_the_cluster_averages_four_of_them() -> None:
    assert MEASURES.keys() <= set(Node.__struct_fields__)
    assert sum(name.startswith("avg_") for name in ClusterStats.__struct_fields__) == 4


def test_steps_are_made_of_whole_finer_ones_that_are_kept_long_enough() -> None:
    assert [(step.seconds, step.range_seconds) for step in RESOLUTIONS] == [
        (10, 3600), (60, 21600), (240, 86400), (1800, 604800),
    ]  # fmt: skip
    for step in RESOLUTIONS[1:]:
        assert step.source is not None
        assert step.seconds % step.source.seconds == 0
        # A reader takes what the coarser step does not have yet from the finer one.
        assert step.source.retention_seconds >= 2 * step.seconds


@given(st.lists(SAMPLES, min_size=1, max_size=40))
def test_rollup_has_minimum_average_and_maximum_of_its_samples(samples: list[HistoryEntry]) -> None:
    summed = merge(samples)
    assert summed.samples == len(samples)
    for position, digits in enumerate(MEASURES.values()):
        values = [sample.summaries[position] for sample in samples]
        summary = summed.summaries[position]
        if min(values) == max(values):  # type: ignore[type-var]
            assert summary == values[0]
            continue
        low, average, high = summary  # type: ignore[misc]
        assert (low, high) == (min(values), max(values))  # type: ignore[type-var]
        assert low <= average <= high
        assert average == pytest.approx(sum(values) / len(values), abs=0.51 * 10 ** -(digits or 0))  # type: ignore[arg-type]


@given(st.lists(st.lists(SAMPLES, min_size=1, max_size=8), min_size=1, max_size=8))
def test_merged_entries_equal_the_entry_of_all_their_samples(parts: list[list[HistoryEntry]]) -> None:
    merged = merge(decode_entry(encode_entry(merge(part))) for part in parts)
    direct = merge(sample for part in parts for sample in part)
    assert merged.samples == direct.samples
    for ours, theirs, digits in zip(merged.summaries, direct.summaries, MEASURES.values(), strict=True):
        # An average is of rounded ones: at most half a digit off, and rounded itself.
        assert ours == pytest.approx(theirs, abs=1.01 * 10 ** -(digits or 0))
        if isinstance(theirs, tuple):
            assert isinstance(ours, tuple)
            assert (ours[0], ours[2]) == (theirs[0], theirs[2])


def test_entry_is_weighted_by_its_number_of_samples() -> None:
    merged = merge([entry(3, cpu_usage=(0.0, 10.0, 20.0)), entry(1, cpu_usage=50.0)])
    assert merged == entry(4, cpu_usage=(0.0, 20.0, 50.0))


def test_unknown_values_are_ignored() -> None:
    merged = merge([entry(1, cpu_usage=40.0), entry(1, load1=0.5), entry(1, cpu_usage=20.0)])
    assert merged == entry(3, cpu_usage=(20.0, 30.0, 40.0), load1=0.5)


def test_averages_are_rounded_as_the_snapshot_rounds() -> None:
    rollup = Rollup()
    for value in (1, 1, 2):
        rollup.add(entry(1, cpu_usage=float(value), load1=float(value), disk_read_bytes_per_second=value))
    assert rollup.entry() == entry(
        3, cpu_usage=(1.0, 1.3, 2.0), load1=(1.0, 1.33, 2.0), disk_read_bytes_per_second=(1, 1, 2)
    )


def test_entry_is_short_and_whole_numbers_stay_whole_in_a_stream() -> None:
    written = encode_entry(entry(5, cpu_usage=(12.3, 14.5, 20.0), memory_usage=48.0, disk_written_bytes_per_second=0))
    assert written == b"[5,[12.3,14.5,20.0],48.0,null,null,null,null,null,null,0]"
    assert encode_entry(decode_entry(written)) == written


def test_entry_ends_with_the_last_measure_that_is_known() -> None:
    assert encode_entry(entry(2, cpu_usage=1.5)) == b"[2,1.5]"
    assert encode_entry(entry(2)) == b"[2]"
    assert encode_entry(entry(2, pressure_memory=(0, 1, 4))) == b"[2" + 12 * b",null" + b",[0,1,4]]"
    assert decode_entry(b"[2]") == entry(2)


def test_entry_is_read_when_its_writer_knew_fewer_or_more_measures() -> None:
    assert decode_entry(b"[2,1.5]") == entry(2, cpu_usage=1.5)
    known = [None] * len(MEASURES)
    assert decode_entry(json.dumps([2, *known, 7.0, [1, 2, 3]]).encode()) == entry(2)


@pytest.mark.parametrize(
    "raw",
    [b"", b"{}", b"[]", b"[0]", b"[-1]", b"[true]", b"[1.0]", b"[null]", b"[[1,2,3]]", b'[1,"x"]', b"[1,[1,2]]",
     b"[1,[1,2,null]]", b"[1,NaN]", b"\xff", b"[" * 100_000],
)  # fmt: skip
def test_bytes_are_refused_when_they_are_no_entry(raw: bytes) -> None:
    with pytest.raises(UndecodableMessage):
        decode_entry(raw)
