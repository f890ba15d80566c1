import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.codec import UndecodableMessage
from contract.distribution import (
    DISTRIBUTED,
    Distribution,
    DistributionBuilder,
    Quantiles,
    decode_distribution,
    encode_distribution,
    merge_distributions,
)
from contract.history import MEASURES, HistoryEntry, Summary

TENTHS = st.integers(-500, 1500).map(lambda tenths: tenths / 10)


def entry(**known: Summary) -> HistoryEntry:
    return HistoryEntry(5, tuple(map(known.get, MEASURES)))


def spread_of(*entries: HistoryEntry, measure: str = "cpu_usage") -> Quantiles | None:
    spreading = DistributionBuilder()
    for number, each in enumerate(entries):
        spreading.add(f"n{number}", each)
    return list(spreading.quantiles())[DISTRIBUTED.index(measure)]


def test_percentiles_are_over_the_nodes_averages_and_the_maximum_is_of_all_samples() -> None:
    # Ten nodes on average at 0 to 90 %, of which the third was at 99 % for a moment
    nodes = [entry(cpu_usage=(0.0, 10.0 * number, 95.0) if number else 0.0) for number in range(10)]
    nodes[2] = entry(cpu_usage=(0.0, 20.0, 99.0))
    assert spread_of(*nodes) == Quantiles(9.0, 45.0, 81.0, 99.0, "n2")


def test_percentile_lies_between_the_two_nearest_nodes_when_there_are_few() -> None:
    assert spread_of(entry(cpu_usage=7.0)) == Quantiles(7.0, 7.0, 7.0, 7.0, "n0")
    assert spread_of(entry(cpu_usage=10.0), entry(cpu_usage=20.0)) == Quantiles(11.0, 15.0, 19.0, 20.0, "n1")


def test_first_of_equal_nodes_has_the_maximum() -> None:
    assert spread_of(entry(cpu_usage=5.0), entry(cpu_usage=5.0)) == Quantiles(5.0, 5.0, 5.0, 5.0, "n0")


def test_nodes_that_do_not_know_a_measure_count_for_nothing_in_it() -> None:
    nodes = [entry(temperature=50.0), entry(cpu_usage=1.0), entry(temperature=60.0, load1=3.0)]
    assert spread_of(*nodes, measure="temperature") == Quantiles(51.0, 55.0, 59.0, 60.0, "n2")
    assert spread_of(*nodes, measure="disk_usage") is None


@given(st.lists(TENTHS, min_size=1, max_size=50))
def test_spread_is_in_order_and_within_the_values(values: list[float]) -> None:
    spread = spread_of(*(entry(temperature=value) for value in values), measure="temperature")
    assert spread is not None
    assert min(values) <= spread.p10 <= spread.median <= spread.p90 <= spread.max == max(values)
    assert values[int(spread.max_node[1:])] == spread.max
    # At most a tenth lies below the one and above the other.
    assert sum(value < spread.p10 for value in values) <= 0.1 * len(values) + 1
    assert sum(value > spread.p90 for value in values) <= 0.1 * len(values) + 1


def test_merged_percentiles_are_averages_by_rounds_and_the_maximum_is_the_highest() -> None:
    first = Distribution(30, (Quantiles(1.0, 10.0, 20.0, 30.0, "a"), None, Quantiles(1.0, 1.0, 1.0, 1.0, "a"), None))
    second = Distribution(10, (Quantiles(5.0, 20.0, 60.0, 99.0, "b"), None, None, Quantiles(-2.0, 0.0, 2.0, 3.0, "b")))
    assert merge_distributions([first, second]) == Distribution(
        40, (Quantiles(2.0, 12.5, 30.0, 99.0, "b"), None, first.quantiles[2], second.quantiles[3])
    )
    assert merge_distributions([first]) == first


def test_distribution_survives_encoding_and_decoding() -> None:
    written = encode_distribution(Distribution(5, (Quantiles(1.0, 2.5, 3.0, 99.9, 'pi-é "1"'), None, None, None)))
    assert written == '[5,[1.0,2.5,3.0,99.9,"pi-é \\"1\\""],null,null,null]'.encode()
    assert encode_distribution(decode_distribution(written)) == written


def test_distribution_is_read_when_its_writer_knew_fewer_or_more_measures() -> None:
    one = [1.0, 2, 3, 4.0, "a"]
    assert decode_distribution(b"[2]") == Distribution(2, (None,) * 4)
    assert decode_distribution(json.dumps([2, one, None, None, None, one]).encode()) == Distribution(
        2, (Quantiles(1.0, 2, 3, 4.0, "a"), None, None, None)
    )


@pytest.mark.parametrize(
    "raw",
    [b"", b"{}", b"[]", b"[0]", b"[true]", b"[1.0]", b"[null]", b"[1,2]", b'[1,"x"]', b"[1,[1,2,3]]",
     b'[1,[1,2,3,4,5]]', b'[1,[1,2,3,null,"a"]]', b'[[1,2,3,4,"a"]]', b"\xff", b"[" * 100_000],
)  # fmt: skip
def test_bytes_are_refused_when_they_are_no_distribution(raw: bytes) -> None:
    with pytest.raises(UndecodableMessage):
        decode_distribution(raw)
