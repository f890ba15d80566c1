import json

import pytest

from collector.targets.entry import TargetsError
from collector.targets.parse import parse_entries
from collector.targets.target import discovered_targets

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
