import math
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.exposition import Families, numbers, parse_labels, split_series

FAMILIES = Families(("node_load1", "node_cpu_seconds_total", "node_time_seconds"))


def parse(exposition):
    """Return labels and values by family."""
    families = {}
    for series, number in FAMILIES.series(b"\n" + exposition):
        name, raw_labels = split_series(series)
        labels = parse_labels(raw_labels)
        with suppress(ValueError):
            value = float(number)
            if labels is not None:
                families.setdefault(f"node_{name.decode()}", []).append((labels, value))
    return families


@given(st.sets(st.text("abc_", min_size=1, max_size=5), min_size=1))
def test_each_family_and_no_other_is_found_when_names_begin_alike(names):
    families = Families(f"node_{name}" for name in names)
    others = {f"{name}{end}" for name in names for end in ("", "a", "x", "_")} | {"", "ab"}

    found = families.series("".join(f"\nnode_{name} 1" for name in sorted(others | names)).encode())

    assert sorted(name.decode() for name, _ in found) == sorted(names)


@pytest.mark.parametrize(
    ("line", "labels", "value"),
    [
        (b"node_load1 0.5", {}, 0.5),
        (b"node_load1{} 1", {}, 1),
        (b"node_load1\t 1e+02\r", {}, 100),
        (b"node_load1 1.5E-3 1795470325000", {}, 0.0015),
        (b"node_load1 +Inf", {}, math.inf),
        (b'node_cpu_seconds_total{cpu="0",mode="idle"} 12', {"cpu": "0", "mode": "idle"}, 12),
        (b'node_cpu_seconds_total{ cpu = "0" , mode = "idle" , } 12', {"cpu": "0", "mode": "idle"}, 12),
        (rb'node_load1{a="\\ \" \n \x"} 1', {"a": '\\ " \n \\x'}, 1),
        (b'node_load1{a="}",b="{ 7"} 1', {"a": "}", "b": "{ 7"}, 1),
        ('node_load1{a="é\U0001f525"} 1'.encode(), {"a": "é🔥"}, 1),
        (b'node_load1{a="\xff"} 1', {"a": "�"}, 1),
    ],
)
def test_parse_gives_labels_and_value_when_a_line_is_well_formed(line, labels, value):
    assert parse(line) == {line.split(b"{")[0].split()[0].decode(): [(labels, value)]}


def test_parse_gives_nan_when_the_value_is_nan():
    ((_, value),) = parse(b"node_load1 NaN")["node_load1"]

    assert math.isnan(value)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"# node_load1 1",
        b"#node_load1 1",
        b"node_load1",
        b"node_load1 ",
        b"node_load1 one",
        b"node_load15 1",
        b"my_node_load1 1",
        b"node_load1{a=b} 1",
        b'node_load1{a="b} 1',
        b'node_load1{a="b"',
        b'node_load1{"a"} 1',
        b"node_load1{" + b"x" * 5000 + b"} 1",
        b"node_load1 " + b"1" * 5000,
    ],
)
def test_parse_skips_a_line_when_it_is_not_needed_or_malformed(line):
    exposition = b"node_time_seconds 1\n" + line + b"\nnode_time_seconds 2\n"

    assert parse(exposition) == {"node_time_seconds": [({}, 1), ({}, 2)]}


@given(st.lists(st.sampled_from([b"node_load1", b"\n", b"{", b"}", b'"', b"\\", b"=", b"a", b" ", b"1", b"\xff"])))
def test_parse_returns_text_and_numbers_when_the_exposition_is_garbage(parts):
    for series in parse(b"".join(parts)).values():
        for labels, value in series:
            assert all(isinstance(text, str) for pair in labels.items() for text in pair)
            assert isinstance(value, float)


@pytest.mark.parametrize(
    "part", [b"\n", b"\nnode_", b"\nnode_load1{", b"}", b'a="\\"', b'a="b",', b" ", b"\nnode_load1 " + b" " * 3000]
)
def test_parse_takes_linear_time_when_an_exposition_is_hostile(part):
    exposition = b"node_load1{" + part * (4 * 2**20 // len(part))

    begun = time.process_time()
    parse(exposition)

    # About 0.02 s; backtracking over the exposition would take minutes.
    assert time.process_time() - begun < 5


_NUMBERS = st.one_of(
    st.floats(allow_nan=False).map(lambda value: repr(value)),
    st.decimals(allow_nan=False, allow_infinity=False).map(lambda value: str(value)),
    st.integers().map(str),
    st.from_regex(r"[-+]?[0-9_.]{1,20}([eE][-+]?[0-9]{1,3})?", fullmatch=True),
    st.sampled_from(["1,2", "[1", "1]", '"1"', "null", "true", "1e400", "-1e400", "1" * 64, "0." + "0" * 50 + "1"]),
)


@given(st.lists(_NUMBERS.map(str.encode), min_size=1, max_size=5))
def test_numbers_are_those_of_float_when_texts_have_any_form(texts):
    try:
        expected = [float(text) for text in texts]
    except ValueError:
        with pytest.raises(ValueError, match="could not convert"):
            numbers(texts)
    else:
        assert numbers(texts) == expected
