"""Ranges in the hosts of nodes.yaml."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.targets.entry import TargetsError
from collector.targets.parse import parse_entries
from collector.targets.ranges import Ranges, has_range
from collector.targets.target import TARGETS_LIMIT, name_targets
from collector.yaml_file import PLAIN_LIMIT

#: Far more than the slowest of these files takes.
#: CPU time of this process.
DEADLINE_SECONDS = 5.0


def nodes(text):
    return [target.node for target in name_targets([parse_entries(text)], "laptop")]


def hosts(text):
    return [entry.address.removesuffix(":9100") for entry in parse_entries(json.dumps({"workers": [text]}))]


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("node[1-3]", ["node1", "node2", "node3"]),
        ("node[01-03,20].lan", ["node01.lan", "node02.lan", "node03.lan", "node20.lan"]),
        ("node[08-11]", ["node08", "node09", "node10", "node11"]),
        ("node[8-11]", ["node8", "node9", "node10", "node11"]),
        ("node[1,007]", ["node1", "node007"]),
        ("node[3,1-2]", ["node3", "node1", "node2"]),
        ("node[ 1 , 3-4 ]", ["node1", "node3", "node4"]),
        ("n[5]", ["n5"]),
        ("n[0-1]", ["n0", "n1"]),
        ("n[00]", ["n00"]),
        ("n[1-2,2-3]", ["n1", "n2", "n3"]),
        ("r[1-2]n[1-2]", ["r1n1", "r1n2", "r2n1", "r2n2"]),
        ("[1-2].rack.lan", ["1.rack.lan", "2.rack.lan"]),
        ("10.0.0.[7-8]", ["10.0.0.7", "10.0.0.8"]),
        ("10.0.[0-1].[1-2]", ["10.0.0.1", "10.0.0.2", "10.0.1.1", "10.0.1.2"]),
        ("fd00::[1-2]", ["[fd00::1]", "[fd00::2]"]),
        ("node[1-2]:9200", ["node1:9200", "node2:9200"]),
        ("node1:920[0-1]", ["node1:9200", "node1:9201"]),
        # Addresses in brackets
        ("[::1]:9100", ["[::1]"]),
        ("[fd00::6]:9200", ["[fd00::6]:9200"]),
        ("[fd00::6]", ["[fd00::6]"]),
        ("[fe80::1%eth0]:9100", ["[fe80::1%eth0]"]),
    ],
)
def test_range_lists_its_hosts_in_order(text, expanded):
    assert hosts(text) == expanded


def test_ranges_are_expanded_in_every_place_of_a_file():
    text = """
    workers:
      - node[1-2].lan
      - {host: "tls[1-2]", scheme: https, labels: {rack: "07"}}
    groups:
      - labels: {zone: north}
        workers: ["g[1-2]"]
        master: head[1-2].lan
    """

    targets = name_targets([parse_entries(text)], "laptop")

    assert [(target.node, target.role, target.http.scheme, target.labels) for target in targets] == [
        ("g1", "worker", "http", {"zone": "north"}),
        ("g2", "worker", "http", {"zone": "north"}),
        ("head1.lan", "master", "http", {"zone": "north"}),
        ("head2.lan", "master", "http", {"zone": "north"}),
        ("node1.lan", "worker", "http", {}),
        ("node2.lan", "worker", "http", {}),
        ("tls1", "worker", "https", {"rack": "07"}),
        ("tls2", "worker", "https", {"rack": "07"}),
    ]


def test_master_is_one_of_the_workers_when_a_range_lists_it():
    targets = name_targets([parse_entries("workers: ['node[1-3]']\nmaster: node2")], "laptop")

    assert [(target.node, target.role) for target in targets] == [
        ("node1", "worker"),
        ("node2", "master"),
        ("node3", "worker"),
    ]


@pytest.mark.parametrize(
    ("entry", "error"),
    [
        ("node[]", "'node\\[\\]' has no valid range; a range is written as in node\\[01-16,20\\].lan"),
        ("node[,]", "has no valid range"),
        ("node[1,]", "has no valid range"),
        ("node[-]", "has no valid range"),
        ("node[1-]", "has no valid range"),
        ("node[-5]", "has no valid range"),
        ("node[1--5]", "has no valid range"),
        ("node[1-2-3]", "has no valid range"),
        ("node[a-b]", "has no valid range"),
        ("node[0-10/2]", "has no valid range"),
        ("node[1 2]", "has no valid range"),
        ("node[1", "is not closed; write a \\]"),
        ("node[1-2", "is not closed"),
        ("node[[1-2]]", "has no valid range"),
        ("node[1-[2-3]]", "has no valid range"),
        ("node]1[", "has no valid range"),
        ("node[٣-٤]", "has no valid range"),
        ("node[²]", "has no valid range"),
        ("node[1-99999999999999999999]", "has no valid range"),
        ("node[16-01]", "the range 16-01 ends before its beginning"),
        ("node[1-3,5-4]", "the range 5-4 ends before its beginning"),
        ("node[01-100]", "both numbers of the range 01-100 must have the same number of digits, as in 001-100"),
        ("node[1-010]", "both numbers of the range 1-010 must have"),
        ("node[00-5]", "both numbers of the range 00-5 must have"),
        ("node[1-99999][1-99999]", "the ranges of this file list more than 4,000 hosts"),
        ("node[1-999999999999999999]", "list more than 4,000 hosts"),
        ("node[1-100][1-100]", "list more than 4,000 hosts"),
        ("node[0-4000]", "list more than 4,000 hosts"),
        ("n[1][1][1][1][1][1][1][1][1]", "a host has more than 8 ranges"),
        ("node[1-2]/metrics", "is not a host or host:port"),
        ("node[1-2] x", "is not a host or host:port"),
        ("10.0.0.[254-256]", "'10.0.0.256' is not an IPv4 address"),
        ("[10-11]", "'10' is not an IPv4 address"),
        ("node1:[0-1]", "no valid port"),
        ("node1]", "is not a host or host:port"),
        ("[a]:9100", "brackets"),
        ("[::1]:91[00-01]", "no valid port"),
        ("http://node[1-2]", "is a URL"),
        ("user@node[1-2]", "'…@node\\[1-2\\]' is not a host"),
    ],
)
def test_targets_error_names_the_line_and_the_cause_when_a_range_is_not_valid(entry, error):
    for text in (f"- {json.dumps(entry)}", f"- {{host: {json.dumps(entry)}}}"):
        with pytest.raises(TargetsError, match=f"workers, entry 2: .*{error}.*, in line 3$"):
            nodes(f"workers:\n- a\n{text}")


def test_targets_error_is_raised_when_a_name_is_given_to_a_range():
    with pytest.raises(TargetsError, match=r"a name is the name of one node, and its host has a range, in line 1$"):
        nodes('workers: [{host: "node[1-2]", name: x}]')


def test_targets_error_says_to_quote_when_yaml_reads_the_brackets():
    for text in ("workers: [node[1-2].lan]", "workers: [{host: node[1-2].lan}]", "workers:\n- [1-2].lan"):
        with pytest.raises(TargetsError, match="a range needs quotes"):
            nodes(text)


def test_ranges_of_a_file_list_as_many_hosts_as_a_collector_accepts():
    assert len(nodes(f"workers: ['a[1-{TARGETS_LIMIT - 1}]', 'b[1]']")) == TARGETS_LIMIT
    with pytest.raises(TargetsError, match="workers, entry 2: the ranges of this file list more than 4,000 hosts"):
        nodes(f"workers: ['a[1-{TARGETS_LIMIT}]', 'a[1]']")


@pytest.mark.parametrize(
    "workers",
    [
        ["n[1-4000]"] * 50_000,
        ["n[1]"] * 100_000,
        ["n[1-999999999999999999]" * 1000],
        ["n" + "[1]" * 300_000],
        ["n" + "[" * 900_000],
        ["n[" + "," * 900_000 + "]"],
        ["n[" + "1," * 400_000 + "1]"],
        ["n[" + "1" * 900_000 + "]"],
        ["n[1-" + "9" * 900_000 + "]"],
        ["n" * 900_000 + "[1-4000]"],
        ["x" * 250 + "[1-4000]"],
        ["[" + " " * 900_000],
        ["n[1-" + "[1-" * 200_000],
    ],
)
def test_time_of_parsing_is_bounded_when_ranges_are_hostile(workers):
    started = time.process_time()

    with pytest.raises(TargetsError):
        parse_entries(json.dumps({"workers": workers}))

    assert time.process_time() - started < DEADLINE_SECONDS


def test_long_list_of_numbers_is_accepted_when_quotes_are_around_it():
    numbers = ",".join(str(number) for number in range(1000, 5000))
    assert len(numbers) > PLAIN_LIMIT

    assert len(nodes(f"workers: ['node[{numbers}]']")) == 4000


@given(st.text(st.sampled_from("[]0123456789,-n:. "), max_size=30))
def test_ranges_have_as_many_hosts_as_their_numbers_multiply_to_for_any_text(text):
    if not has_range(text):
        return
    try:
        expanded = Ranges().expand(text, "workers/1")
    except TargetsError:
        return
    assert 1 <= len(expanded) <= TARGETS_LIMIT
    assert all("[" not in host and "]" not in host for host in expanded)


@given(st.integers(0, 10_000), st.integers(0, 300), st.integers(1, 6))
def test_numbers_keep_their_width_for_any_padded_range(first, count, digits):
    last = first + count
    texts = [f"{number:0{digits}}" for number in range(first, last + 1)]
    if len(texts[0]) != len(texts[-1]) and (texts[0].startswith("0") and len(texts[0]) > 1):
        return
    assert Ranges().expand(f"n[{texts[0]}-{texts[-1]}].lan", "") == [f"n{text}.lan" for text in texts]
