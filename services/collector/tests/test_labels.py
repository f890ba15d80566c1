"""Labels of entries and groups in nodes.yaml, and their sizes."""

import json

import pytest

from collector.rounds import encode_snapshot
from collector.sentences.sentence import english
from collector.sentences.targets import VALUE_KINDS
from collector.targets.entry import TargetsError
from collector.targets.parse import is_explicitly_empty, parse_entries
from collector.targets.target import NODE_BYTES, labels_bytes, name_targets
from contract.messages import LABELS_BYTES, ClusterStats, Node, Snapshot
from contract.names import MESSAGE_LIMIT_BYTES

GROUPS = """
workers: [lone]
groups:
  - labels: {zone: north, rack: "07"}
    workers:
      - a
      - {host: b, name: bench, labels: {rack: "08", owner: physics}}
      - {host: c, labels: {rack: ""}}
    master: head
  - workers: [d]
  - labels: {rack: "09"}
    master: {host: e, name: second}
master: {host: top, labels: {role: login}}
"""


def parse(*texts):
    return name_targets(map(parse_entries, texts), "laptop")


def labels(*texts):
    return {target.node: target.labels for target in parse(*texts)}


def error_of(*texts):
    with pytest.raises(TargetsError) as caught:
        parse(*texts)
    return str(caught.value)


def test_nodes_have_the_labels_of_their_entries_and_groups():
    targets = parse(GROUPS)

    assert {target.node: (target.role, target.labels) for target in targets} == {
        "lone": ("worker", {}),
        "a": ("worker", {"rack": "07", "zone": "north"}),
        "bench": ("worker", {"owner": "physics", "rack": "08", "zone": "north"}),
        # An empty value removes the label of the group.
        "c": ("worker", {"zone": "north"}),
        "head": ("master", {"rack": "07", "zone": "north"}),
        "d": ("worker", {}),
        "second": ("master", {"rack": "09"}),
        "top": ("master", {"role": "login"}),
    }
    assert all(list(target.labels) == sorted(target.labels) for target in targets)


def test_labels_are_read_when_the_file_is_json():
    document = {"groups": [{"labels": {"rack": "07"}, "workers": [{"host": "a", "labels": {"on": "é \"'"}}]}]}

    assert labels(json.dumps(document)) == {"a": {"on": "é \"'", "rack": "07"}}


@pytest.mark.parametrize("text", ["groups:", "groups: []", "workers:\ngroups: ~", "groups: [{workers: }]"])
def test_file_without_nodes_has_no_targets_when_it_has_groups(text):
    assert parse(text) == ()


@pytest.mark.parametrize(
    ("text", "is_empty"),
    [
        ("groups: [{workers: []}]", True),
        ("workers: []\ngroups: [{labels: {a: b}, workers: []}, {workers: []}]", True),
        ("workers: []\ngroups: []", True),
        # The end of the file may be missing.
        ("workers: []\ngroups:", False),
        ("groups: []", False),
        ("workers: []\ngroups:\n  - labels: {a: b}\n    workers:", False),
        ("groups: [{workers: []}, {master: ~}]", False),
    ],
)
def test_file_with_groups_is_empty_on_purpose_only_when_each_list_of_workers_is_empty(text, is_empty):
    assert parse(text) == ()
    assert is_explicitly_empty(text) == is_empty


@pytest.mark.parametrize(
    ("texts", "merged"),
    [
        (["workers: [{host: a, labels: {x: '1'}}, {host: 'A:9100', labels: {y: '2'}}]"], {"x": "1", "y": "2"}),
        (["workers: [a]\ngroups: [{labels: {x: '1'}, workers: [a]}]"], {"x": "1"}),
        (
            ["workers: [{host: a, labels: {x: '1'}}]", "master: {host: a, labels: {x: '1', w: '0'}}"],
            {"w": "0", "x": "1"},
        ),
        # The master has no port, and the worker of a group has one.
        (["master: a\ngroups: [{labels: {x: '1'}, workers: ['a:9200']}]"], {"x": "1"}),
        (["workers: [{host: a, labels: {x: ''}}, {host: a, labels: {x: '1'}}]"], {"x": "1"}),
        (["simulated: true\ngroups: [{labels: {x: '1'}, workers: [a]}]"], {"x": "1"}),
    ],
)  # fmt: skip
def test_labels_are_merged_when_an_address_is_listed_twice(texts, merged):
    [target] = parse(*texts)

    assert target.labels == merged
    assert list(target.labels) == sorted(merged)


def test_targets_error_names_both_values_when_an_address_has_two_values_of_a_label():
    groups = "groups: [{labels: {rack: '07'}, workers: [a, b]}, {labels: {rack: '08'}, workers: [b]}]"

    assert error_of(groups) == "b:9100 has two values of the label rack: '07' and '08'"
    assert error_of("workers: [{host: a, labels: {x: '1'}}]", "workers: [{host: a, labels: {x: '2'}}]") == (
        "a:9100 has two values of the label x: '1' and '2'"
    )


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("07", "number"),
        ("7.5", "number"),
        ("0x1f", "number"),
        ("1_000", "number"),
        ("12:30", "number"),
        (".inf", "number"),
        ("on", "flag"),
        ("NO", "flag"),
        ("true", "flag"),
        ("2026-12-01", "date"),
        ("2026-12-01 10:00:00", "date"),
        ("~", "empty"),
        ("", "empty"),
        ("[a]", "list"),
        ("{a: b}", "mapping"),
    ],
)
@pytest.mark.parametrize("name", ["rack", "on", "yes", "y"])
def test_targets_error_names_the_line_and_says_to_quote_when_a_value_is_not_a_text(name, value, kind):
    text = f"workers:\n  - a\n  - host: b\n    labels:\n      zone: north\n      {name}: {value}\n"

    assert error_of(text) == (
        f"workers, entry 2: the value of the label {name} is {VALUE_KINDS[kind]} and must be a text: "
        f'quote it, as in {name}: "07", in line 6'
    )


@pytest.mark.parametrize("value", ["07", "on", "2026-12-01", "north", " x ", "a: b", "é"])
@pytest.mark.parametrize("name", ["rack", "on", "yes", "null", "_x", "node", "A1"])
def test_label_is_accepted_when_its_value_is_a_text(name, value):
    assert labels(f"workers: [{{host: a, labels: {{{name}: {json.dumps(value)}}}}}]") == {"a": {name: value}}


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("- {host: a, labels: [rack]}", "entry 1: labels must be names with values, .*, in line 2$"),
        ("- {host: a, labels: rack}", "entry 1: labels must be names with values"),
        ("- {host: a, labels: {a-b: x}}", "entry 1: 'a-b' is not the name of a label.*, in line 2$"),
        ("- {host: a, labels: {1a: x}}", "'1a' is not the name of a label"),
        ("- {host: a, labels: {'': x}}", "'' is not the name of a label"),
        ("- {host: a, labels: {é: x}}", "'é' is not the name of a label"),
        ('- {host: a, labels: {"a\\n": x}}', "is not the name of a label"),
        ("- {host: a, labels: {? [x] : y}}", "not YAML"),
        ("- {host: a, labels: {<<: x}}", "'<<' is not the name of a label"),
        ("- {host: a, labels: {__scheme__: https}}", "the label __scheme__ begins with __.*, in line 2$"),
        ('- {host: a, labels: {x: "a\\nb"}}', "the value of the label x has characters that are not printable"),
        ("- {host: a, labels: {x: " + "é" * 100 + "}}", "take 201 bytes, and a node has room for 200, in line 2$"),
        ("- {host: a, label: {x: y}}", "'label' is not a field of an entry \\(did you mean labels\\?\\)"),
    ],
)
def test_targets_error_names_the_cause_when_labels_are_not_valid(text, error):
    with pytest.raises(TargetsError, match=error):
        parse(f"workers:\n{text}")


def test_targets_error_does_not_contain_the_value_of_a_label():
    for value in ("[hunter2]", "{hunter2: 1}", '"hunter2\\n"', "hunter2" * 30):
        assert "hunter2" not in error_of(f"workers: [{{host: a, labels: {{x: {value}}}}}]")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("groups: a", "groups must be a list"),
        ("groups: {workers: [a]}", "groups must be a list"),
        ("groups:\n- workers: [a]\n- b", "group 2: 'b' must have workers or master, and may have labels, in line 3$"),
        ("groups: [~]", "group 1: null must have workers"),
        ("groups: [{}]", "group 1: it has no keys; it must have workers or master"),
        ("groups: [{labels: {x: y}}]", "group 1: it has 'labels'; it must have workers or master"),
        ("groups: [{worker: [a]}]", "group 1: it has 'worker'; it must have workers"),
        ("groups: [{workers: [a], scheme: https}]", "group 1: it has 'workers', 'scheme'; it must have"),
        ("groups: [{workers: a}]", "workers must be a list"),
        ("groups:\n- workers:\n  - a\n  - 127.1\n", "group 1, entry 2: 127.1 is not a host.*, in line 4$"),
        ("groups:\n- workers: [a]\n  master: 127.1\n", "group 1, master: 127.1 is not a host.*, in line 3$"),
        ("groups:\n- labels: {rack: 07}\n  workers: [a]\n", "group 1: the value of the label rack .*, in line 2$"),
        ("group: [{workers: [a]}]", "'group' is not a key of this file \\(did you mean groups\\?\\)"),
        ("workers: [a]\ngroup: [{workers: [b]}]", "did you mean groups"),
        ("groups: [{workers: [{host: a, name: x}]}, {workers: [{host: b, name: x}]}]", "'x' is given to 2 nodes"),
        ("groups: [{groups: [{workers: [a]}]}]", "group 1: it has 'groups'"),
    ],
)
def test_targets_error_names_the_group_and_the_cause_when_a_group_is_not_valid(text, error):
    with pytest.raises(TargetsError, match=error):
        parse(text)


@pytest.mark.parametrize("text", ["workers: [a]\ngroup: lab", "workers: [a]\nlabels: {x: y}", "master: a\nmygroup: 1"])
def test_unknown_key_is_ignored_as_before(text):
    assert [target.node for target in parse(text)] == ["a"]


def test_labels_of_a_node_take_the_limit_of_bytes_together():
    def of(size):
        group, own = {"g": "x" * 99}, {"o": "x" * (size - 101)}
        return json.dumps({"groups": [{"labels": group, "workers": [{"host": "a", "labels": own}]}]})

    assert len(parse(of(LABELS_BYTES))) == 1
    assert "group 1, entry 1: names and values of the labels take 201 bytes" in error_of(of(LABELS_BYTES + 1))
    # Labels of two files count together.
    texts = [f"workers: [{{host: a, labels: {{{name}: {'x' * 150}}}}}]" for name in "ab"]
    assert error_of(*texts) == "a:9100: names and values of the labels take 302 bytes, and a node has room for 200"


def test_labels_of_a_group_are_checked_once_when_many_nodes_share_them():
    huge = json.dumps({f"l{number}": "x" for number in range(40_000)})
    text = f'{{"groups": [{{"labels": {huge}, "workers": {json.dumps([f"n{n}" for n in range(4000)])}}}]}}'

    assert "group 1: names and values of the labels take" in error_of(text)


def snapshot(targets):
    """Return the snapshot with the longest usual values."""
    rate = 123_456_789
    nodes = [
        Node(
            node=target.node, address=target.address, role=target.role, status="online", is_healthy=True,
            status_since="2026-12-01T10:00:00Z", error=None, boot_time="2026-12-01T10:00:00Z", cpu_usage=12.5,
            cpu_count=16, load1=12.25, memory_usage=12.5, memory_total_bytes=rate * 100, disk_usage=12.5,
            disk_total_bytes=rate * 1000, temperature=52.5, network_receive_bytes_per_second=rate,
            network_transmit_bytes_per_second=rate, disk_read_bytes_per_second=rate // 1000,
            disk_written_bytes_per_second=rate // 1000, iowait=1.5, swap_usage=1.5, pressure_io=1, pressure_memory=1,
            labels=target.labels,
        )
        for target in targets
    ]  # fmt: skip
    stats = ClusterStats(
        total_nodes=4000, online_nodes=4000, avg_cpu=1.0, avg_memory=1.0, avg_disk=1.0, avg_temperature=1.0
    )
    return Snapshot(
        cluster="lab", epoch=1, seq=1, timestamp="2026-12-01T10:00:00Z", interval_seconds=2.0, cluster_stats=stats,
        nodes=tuple(nodes),
    )  # fmt: skip


def test_4000_nodes_with_four_short_labels_fit_one_message():
    groups = [
        {
            "labels": {"rack": f"{rack:02}", "zone": "north", "owner": "physics", "queue": "long"},
            "workers": [f"rack{rack:02}-node[001-100].lan"],
        }
        for rack in range(1, 41)
    ]

    targets = parse(json.dumps({"groups": groups}))

    raw = encode_snapshot(snapshot(targets))
    assert (len(targets), len(targets[0].labels)) == (4000, 4)
    assert len(raw) <= MESSAGE_LIMIT_BYTES
    # The labels of the snapshot take what the sum says.
    assert len(raw) - len(encode_snapshot(snapshot(parse(json.dumps({"groups": [
        {**group, "labels": {}} for group in groups]}))))) == labels_bytes(targets)  # fmt: skip


def test_size_of_a_node_is_that_of_a_snapshot():
    [target] = parse("workers: [a]")

    alone = len(encode_snapshot(snapshot([target] * 1001))) - len(encode_snapshot(snapshot([target] * 1)))

    assert alone / 1000 - len("a") - len("a:9100") == pytest.approx(NODE_BYTES, abs=6)


def test_targets_are_rejected_with_the_sum_when_their_labels_are_too_long_for_a_message():
    def group(first, last):
        return {"labels": {"x": '"' * 100}, "workers": [f"node[{first}-{last}].lan"]}

    assert len(parse(json.dumps({"groups": [group(1000, 3999)]}))) == 3000
    # In JSON, a quotation mark takes two bytes.
    assert error_of(json.dumps({"groups": [group(1000, 4999)]})) == (
        "names and addresses take 116,000 bytes and labels 824,000 bytes, and a message has room for 777,728"
    )


def test_label_that_needs_escapes_counts_as_in_the_message():
    [target] = parse(json.dumps({"workers": [{"host": "a", "labels": {"x": '"\\'}}]}))

    assert labels_bytes([target]) == len(r'"x":"\"\\"')


def test_error_of_the_sum_has_its_text_when_no_label_exists():
    # The text of releases without labels.
    names = [{"host": f"n{number}", "name": f"{number}" + "x" * 240} for number in range(4000)]
    with pytest.raises(TargetsError) as caught:
        name_targets([parse_entries(json.dumps({"workers": names}))], "laptop")

    assert caught.value.why.code == "names_too_long"
    assert "labels" not in english(caught.value.why)
