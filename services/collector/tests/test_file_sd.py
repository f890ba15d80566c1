import json

import pytest

from collector.sentences.sentence import english
from collector.targets.entry import TargetsError
from collector.targets.parse import parse_entries, parse_targets
from collector.targets.target import discovered_targets
from collector.targets.target_groups import read_target_groups
from contract.messages import LABELS_BYTES

GROUPS = [
    {"targets": ["10.0.0.7:9100", "pi.lan"], "labels": {"job": "node", "rack": "2"}},
    {"targets": ["[fd00::6]:9200", "local"]},
    {"targets": []},
]
ADDRESSES = ["10.0.0.7:9100", "pi.lan:9100", "[fd00::6]:9200", "local:9100"]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(GROUPS),
        json.dumps(GROUPS, indent="\t"),
        # JSON that not every YAML reader accepts.
        json.dumps(GROUPS).replace('"2"', r'"\ud83d\ude00"'),
        """
        - targets:
          - 10.0.0.7:9100
          - pi.lan
          labels: {job: node}
        - targets: ["[fd00::6]:9200", local]
        """,
        "[{targets: [10.0.0.7:9100, pi.lan, '[fd00::6]:9200', local]}]",
    ],
)
def test_targets_are_discovered_when_the_file_is_one_of_prometheus(text):
    targets = discovered_targets(parse_entries(text), [])

    assert [target.address for target in targets] == ADDRESSES
    assert all(target.is_discovered and target.node == target.address for target in targets)
    assert not any(target.is_local for target in targets)


def test_target_is_listed_once_when_several_groups_have_it():
    assert len(parse_entries(json.dumps([{"targets": ["pi", "PI:9100"]}, {"targets": ["pi:9100"]}]))) == 1


def test_target_is_scraped_by_https_when_its_group_has_the_label():
    groups = [{"targets": ["a"], "labels": {"__scheme__": "https"}}, {"targets": ["b"], "labels": {"rack": "2"}}]

    a, b = discovered_targets(parse_entries(json.dumps(groups)), [])

    assert (a.http.scheme, b.http.scheme) == ("https", "http")


@pytest.mark.parametrize("text", ["[]", "- targets: []"])
def test_empty_groups_have_no_targets(text):
    assert parse_entries(text) == ()


@pytest.mark.parametrize(
    ("text", "error_text"),
    [
        ("- a\n- b", "group 1: 'a' must have targets"),
        ("[{target: [a]}]", "group 1: .* must have targets"),
        ("[{targets: [a]}, {labels: {}}]", "group 2: .* must have targets"),
        ("[{targets: a}]", "group 1: .* must have targets"),
        ("[{targets: [a], lables: {}}]", "group 1: .* must have targets"),
        ("[{targets: [a, 'b c']}]", "group 1, target 2: 'b c' is not a host"),
        ("[{targets: ['http://a:9100']}]", "is a URL"),
        (
            "[{targets: [a]},\n {targets: [a, '127.1']}]",
            "group 2, target 2: '127.1' is not an IPv4 address.*, in line 2$",
        ),
        ("[{targets: [a], labels: {__scheme__: ftp}}]", "group 1, label __scheme__: scheme must be http or https"),
        ("[{targets: [[fd00::6]:9100]}]", "needs quotes|is a list"),
        ('[{"targets": ["a"]', "not YAML"),
    ],
)
def test_targets_error_names_the_group_and_the_cause_when_a_group_is_not_valid(text, error_text):
    with pytest.raises(TargetsError, match=error_text):
        parse_entries(text)


def left_out(labels):
    """Return the labels of a group, and the number and first reason of the labels that are left out."""
    found = read_target_groups([{"targets": ["a"], "labels": labels}])
    return found.entries[0].labels, found.left_out and (found.left_out.labels, english(found.left_out.why))


def test_target_has_the_labels_of_its_group_except_those_with_two_underscores():
    a, b, c, d = discovered_targets(parse_entries(json.dumps(GROUPS)), [])

    assert a.labels == b.labels == {"job": "node", "rack": "2"}
    assert c.labels == d.labels == {}
    assert left_out({"__scheme__": "https", "__meta_x": 1, "rack": "2", "empty": ""}) == ({"rack": "2"}, None)


@pytest.mark.parametrize(
    ("labels", "taken", "reason"),
    [
        ({"rack": 7, "zone": "n"}, {"zone": "n"}, (1, "the value of the label rack is a number and must be a text")),
        ({"a": True, "b": None}, {}, (2, "the value of the label a is true or false")),
        # Prometheus 3 accepts any name.
        ({"k8s.io/zone": "n", "rack": "2"}, {"rack": "2"}, (1, "'k8s.io/zone' is not the name of a label")),
        ({"x": "a\nb"}, {}, (1, "the value of the label x has characters that are not printable")),
        ({"x": "\ud800"}, {}, (1, "the value of the label x has characters that are not printable")),
        ({"a": "x" * 150, "b": "y" * 100, "c": "z"}, {"a": "x" * 150, "c": "z"}, (1, "the label b has no room")),
        ([1], {}, (1, "labels must be names with values")),
        ("text", {}, (1, "labels must be names with values")),
        (None, {}, None),
    ],
)
def test_label_is_left_out_and_the_target_stays_when_the_label_is_not_valid(labels, taken, reason):
    found, why = left_out(labels)

    assert found == taken
    assert (why is None) == (reason is None)
    if reason is not None:
        assert why[0] == reason[0]
        assert why[1].startswith(f"group 1: {reason[1]}")


def test_first_value_counts_when_several_groups_have_a_target():
    groups = [
        {"targets": ["a"], "labels": {"job": "node", "b": "1"}},
        {"targets": ["a:9100"], "labels": {"job": "other", "a": "2", "long": "x" * (LABELS_BYTES - 12)}},
    ]

    [entry] = parse_entries(json.dumps(groups))

    # The label "long" has no room beside the others.
    assert entry.labels == {"a": "2", "b": "1", "job": "node"}
    assert list(entry.labels) == ["a", "b", "job"]
    # The same in two files
    two = [entry for group in groups for entry in parse_entries(json.dumps([group]))]
    assert [target.labels for target in discovered_targets(two, [])] == [entry.labels]


def test_labels_that_are_left_out_are_counted_over_all_groups():
    text = json.dumps([{"targets": ["a"], "labels": {"a": 1}}, {"targets": ["b"], "labels": {"b": 1, "c": 1, "d": ""}}])

    found = parse_targets(text)

    assert (found.left_out.labels, found.left_out.why.args["label"]) == (3, "a")
    assert parse_targets(json.dumps(GROUPS)).left_out is None


def test_target_has_no_range():
    with pytest.raises(TargetsError, match="is not a host"):
        parse_entries('[{"targets": ["node[1-2].lan"]}]')
