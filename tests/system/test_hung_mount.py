"""A node whose mount hangs: all but its disk is known, and its alerts stay."""

from collections.abc import Callable

import requests

from tests.drivers.stack import Stack
from tests.drivers.waiting import eventually


def test_node_is_online_without_its_disk_when_a_mount_hangs(stack: Stack) -> None:
    control = stack.start_simulator(2)
    stack.start_collector()
    api = stack.start_api()

    def disk(is_known: bool) -> Callable[[], bool]:
        def look() -> bool:
            node = api.json("/api/cluster/nodes")[0]
            assert (node["node"], node["status"], node["disk_usage"] is not None) == ("node01", "online", is_known)
            return True

        return look

    eventually(disk(is_known=True), within_seconds=30)
    # When its filesystem collector hangs
    requests.put(f"{control.origin}/nodes/node01/fault", data="hung", timeout=10).raise_for_status()
    # Then the node is online without it, and health says why
    eventually(disk(is_known=False), within_seconds=30)
    told = "node01 tells nothing of its filesystem: that collector of its exporter hangs"
    eventually(lambda: any(issue.startswith(told) for issue in api.json("/api/cluster/health")["issues"]))
    # And once it answers, all is as before
    requests.put(f"{control.origin}/nodes/node01/fault", data="none", timeout=10).raise_for_status()
    eventually(disk(is_known=True), within_seconds=30)
    eventually(lambda: api.json("/api/cluster/health")["issues"] == [])
