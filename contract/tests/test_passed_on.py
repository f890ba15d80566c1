import json
from pathlib import Path

import pytest

from contract.raw_json import has_unknown_fields, raw_nodes, with_fields

SNAPSHOT = (Path(__file__).parents[1] / "golden" / "messages" / "metrics.json").read_bytes()


def test_other_members_stay_as_they_were_written_when_some_are_replaced() -> None:
    raw = b'{"b": 1.50, "a":[1e3 ,{"new":"\\u00e9"}],"c":null}'

    assert with_fields(raw, {"b": None, "c": ("x",)}) == b'{"b":null,"a":[1e3 ,{"new":"\\u00e9"}],"c":["x"]}'


def test_nodes_are_as_they_were_written_when_a_snapshot_is_taken_apart() -> None:
    raw = b'{"v":1,"nodes":[{"node":"a","new": 1.0},{"node":"b"}]}'

    assert [bytes(node) for node in raw_nodes(raw)] == [b'{"node":"a","new": 1.0}', b'{"node":"b"}']


def test_snapshot_of_this_release_has_no_unknown_field() -> None:
    assert not has_unknown_fields(SNAPSHOT)
    assert not has_unknown_fields(json.dumps(json.loads(SNAPSHOT) | {"nodes": []}).encode())


@pytest.mark.parametrize("where", ["snapshot", "figures", "node"])
def test_snapshot_of_a_newer_release_has_unknown_fields_wherever_they_stand(where: str) -> None:
    content = json.loads(SNAPSHOT)
    part = {"snapshot": content, "figures": content["cluster_stats"], "node": content["nodes"][0]}[where]
    part["new"] = 1

    assert has_unknown_fields(json.dumps(content).encode())


def test_code_of_a_later_release_is_no_unknown_field() -> None:
    content = json.loads(SNAPSHOT)
    content["nodes"][0]["error_coded"] = {"code": "later", "args": {"cause": {"code": "unheard_of", "args": {}}}}

    assert not has_unknown_fields(json.dumps(content).encode())
