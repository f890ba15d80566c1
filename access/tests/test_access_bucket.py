"""Token buckets give out a rate, and a burst before it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.bucket import Bucket, Buckets


def test_bucket_gives_a_burst_and_then_its_rate() -> None:
    bucket = Bucket(rate=2.0, burst=4.0, now=100.0)
    assert [bucket.take(100.0) for _ in range(4)] == [0.0] * 4
    assert bucket.take(100.0) == pytest.approx(0.5)
    assert bucket.take(100.25) == pytest.approx(0.25)
    assert bucket.take(100.5) == 0.0
    assert bucket.take(100.5) == pytest.approx(0.5)
    # It fills up to its size.
    assert [bucket.take(1000.0) for _ in range(5)] == [0.0] * 4 + [pytest.approx(0.5)]


def test_bucket_gives_all_requested_units_or_nothing() -> None:
    bucket = Bucket(rate=1.0, burst=10.0, now=0.0)
    assert bucket.take(0.0, 7.0) == 0.0
    assert bucket.take(0.0, 5.0) == pytest.approx(2.0)
    assert bucket.take(0.0, 3.0) == 0.0
    assert bucket.take(0.0, 11.0) == float("inf")


def test_bucket_gives_nothing_for_a_clock_that_goes_back() -> None:
    bucket = Bucket(rate=1.0, burst=1.0, now=10.0)
    assert bucket.take(10.0) == 0.0
    assert bucket.take(5.0) == pytest.approx(1.0)
    assert bucket.take(10.5) == pytest.approx(0.5)


@given(st.lists(st.tuples(st.floats(0, 3), st.floats(0.1, 3)), max_size=60))
def test_bucket_never_gives_more_than_burst_and_rate(steps: list[tuple[float, float]]) -> None:
    bucket, now, given = Bucket(rate=2.0, burst=5.0, now=0.0), 0.0, 0.0
    for pause, count in steps:
        now += pause
        wait = bucket.take(now, count)
        if wait == 0.0:
            given += count
        else:
            assert Bucket.take(bucket, now + wait + 1e-6, 0.0) == 0.0
            now += wait + 1e-6
            assert bucket.take(now, count) == 0.0
            given += count
        assert given <= 5.0 + 2.0 * now + 1e-3


def test_each_key_has_its_own_bucket_and_the_least_recently_used_is_dropped() -> None:
    buckets = Buckets(rate=1.0, burst=1.0, limit=3)
    assert [buckets.take(key, 0.0) for key in "abc"] == [0.0] * 3
    assert buckets.take("a", 0.0) == pytest.approx(1.0)
    assert buckets.take("d", 0.0) == 0.0  # b goes
    assert len(buckets) == 3
    assert buckets.take("a", 0.0) > 0
    assert buckets.take("b", 0.0) == 0.0
