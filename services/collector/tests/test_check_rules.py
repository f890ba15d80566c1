"""The command that checks the rules file and prints what its rules would do."""

from pathlib import Path

import msgspec
import pytest

import contract
from collector.check_rules import main
from contract.codec import decode, encode
from contract.messages import Snapshot
from contract.names import METRICS_CHANNEL, latest_key

METRICS = (Path(contract.__file__).parent / "golden" / "messages" / "metrics.json").read_bytes()
RULES = """
memory: {threshold: 30, clear: 20, overrides: [{match: {rack: b}, severity: info}, {match: {rack: a*}, threshold: 99}]}
disk_filling: {metric: disk_usage, threshold: 1, match: {role: worker}}
rack_down: {metric: offline_share, by: rack, threshold: 20}
cpu: {enabled: false}
"""


@pytest.fixture
def check(tmp_path, capsys):
    """Check the rules of a text; return exit code, lines of standard output, and standard error."""

    def run(text, redis_url="redis://127.0.0.1:1", *arguments):
        path = tmp_path / "alerts.yaml"
        path.write_text(text)
        (tmp_path / "nodes.yaml").write_text(
            "workers: [{host: a.lan, labels: {rack: a}}, {host: b.lan, labels: {rack: b}}, c.lan]"
        )
        variables = {"REDIS_URL": redis_url, "COLLECTOR_TARGETS": str(tmp_path / "nodes.yaml")}
        code = main(["check", *(arguments or [str(path)])], variables=variables)
        out, err = capsys.readouterr()
        return code, out.splitlines(), err.replace(str(path), "alerts.yaml")

    return run


def test_check_prints_every_error_with_its_line(check):
    code, out, err = check("memory:\n  threshold: 101\nhot: {metric: gpu}\ncpu:\n  match:\n    rack: 7\n")

    assert (code, out) == (1, [])
    assert [line.partition(": ")[2].rpartition(", ")[2] for line in err.splitlines()] == [
        "in line 2",
        "in line 3",
        "in line 6",
    ]


def test_check_applies_the_rules_to_the_listed_nodes_when_there_is_no_live_data(check):
    code, out, _ = check(RULES)

    assert code == 0
    assert out[0].endswith("valid, 2 rules of your own")
    assert out[1].startswith("No live data (Redis: ")
    assert out[1].endswith("The nodes are those of the targets files: 3 nodes")
    assert "memory: applies to 3 of 3 nodes (override 1: 1 node, override 2: 1 node)" in out
    assert "cpu: switched off" in out
    assert "rack_down: applies to 2 groups with 2 nodes" in out
    assert not any("would" in line for line in out)


@pytest.mark.parametrize(
    ("rule", "hint"),
    [
        ("memory: {match: {rak: a}}", "memory: matches no node: no node has the label rak"),
        ("memory: {match: {rack: zz}}", "memory: matches no node: no node has rack: zz"),
        ("memory: {match: {rack: a, node: b*}}", "memory: matches no node: no node has all of these values"),
        (
            "memory: {overrides: [{match: {rack: zz}, severity: info}]}",
            "memory: override 1: matches no node: no node has rack: zz",
        ),
        ("down: {metric: offline_share, by: rak, threshold: 20}", "down: by: no node of the rule has the label rak"),
        ("memory: {enabled: false, match: {rak: a}}", None),
        ("memory: {match: {rack: a}}", None),
    ],
)
def test_check_names_what_matches_no_node(check, rule, hint):
    code, out, _ = check(rule)

    assert code == 0
    assert [line for line in out if " no node " in line] == ([] if hint is None else [hint])


def test_check_prints_which_alerts_would_fire_on_the_live_snapshot(check, valkey):
    nodes = decode(METRICS, Snapshot).nodes
    racks = {"node6.lan": "a", "pi-é.lan:9200": "c"}
    nodes = tuple(
        msgspec.structs.replace(node, labels={"rack": racks[node.node]} if node.node in racks else {}) for node in nodes
    )
    with valkey.client() as redis:
        redis.set(latest_key(METRICS_CHANNEL), encode(msgspec.structs.replace(decode(METRICS, Snapshot), nodes=nodes)))

    code, out, err = check(RULES, valkey.url)

    assert (code, err) == (0, "")
    assert out[1] == "Live data of 2026-11-23T09:41:07.120Z: 3 nodes"
    lines = {line.partition(": ")[0]: line.partition(": ")[2] for line in reversed(out[2:])}
    assert lines["node_down"] == "applies to 3 of 3 nodes; would fire now: pi-é.lan:9200"
    assert lines["disk_filling"] == "applies to 2 of 3 nodes; would fire now: node6.lan"
    assert lines["rack_down"] == "applies to 2 groups with 2 nodes; would fire now: rack=c"
    assert lines["filesystem_full"] == "applies to 3 of 3 nodes; the snapshot does not have its values"
    assert lines["memory"].startswith("applies to 3 of 3 nodes (override 1: 0 nodes, override 2: 1 node); would")


def test_check_fails_when_the_file_is_missing(check, tmp_path):
    code, out, err = check("", "redis://127.0.0.1:1", str(tmp_path / "none.yaml"))

    assert (code, out) == (2, [])
    assert err == f"{tmp_path / 'none.yaml'}: there is no such file\n"
