"""From a scraped node to the answer that a chart is made of."""

from typing import Any

from tests.drivers.stack import Stack
from tests.drivers.waiting import eventually


def test_history_of_a_node_is_answered_within_seconds_and_whole_after_a_clean_end(stack: Stack) -> None:
    stack.write_targets(["local"])
    stack.start_collector()
    api = stack.start_api()
    (node,) = eventually(lambda: api.json("/api/cluster/nodes"), within_seconds=30, what="a snapshot")

    def memory(query: str = "") -> list[float]:
        body: dict[str, Any] = api.json(f"/api/history?measure=memory_usage&node={node['node']}&{query}")
        values = body["series"][0]["measures"]["memory_usage"]["avg"]
        return [value for value in values if value is not None]

    eventually(memory, within_seconds=30, what="ten seconds of history")
    assert all(0 < value < 100 for value in memory())
    assert memory("range_seconds=604800") != []
    before = len(memory())

    whole = api.json("/api/history?measure=memory_usage")["distribution"]["measures"]["memory_usage"]
    known = [row for row in zip(*whole.values(), strict=True) if row[0] is not None]
    assert known
    assert all(0 < p10 == median == p90 <= high < 100 for p10, median, p90, high, _ in known)
    assert {name for *_, name in known} == {node["node"]}

    assert stack.collector.stop() == 0
    assert len(memory()) > before
