"""The product reports its problems, and no false ones."""

import signal
import tempfile
import time
from pathlib import Path

from contract.names import REPLICAS_KEY, VANISHED_KEY, overdue_seconds
from tests.drivers.rest import Rest
from tests.drivers.stack import INTERVAL_SECONDS, Stack, own_stack
from tests.drivers.waiting import eventually

#: Seconds for which Redis is away after each kill.
AWAY_SECONDS = (0.0, 0.3, 1.5, 0.0, 0.8, 2.0, 0.0, 0.5, 1.0, 0.0)


def codes(api: Rest) -> list[str]:
    return [reason["code"] for reason in api.json("/api/health")["reasons"]]


def test_killed_replica_is_reported_and_a_stopped_one_is_not(stack: Stack) -> None:
    # Given three replicas
    stack.start_simulator(2)
    collector = stack.start_collector()
    for _ in range(3):
        stack.start_replica()
    api = stack.start_api()
    redis = stack.redis()
    eventually(lambda: redis.zcard(REPLICAS_KEY) == 3, within_seconds=30, what="all are counted")
    eventually(lambda: codes(api) == [], within_seconds=30, what="a healthy status")
    # When one is stopped and one is killed
    assert stack.replicas[0].stop(signal.SIGTERM) == 0
    stack.replicas[1].kill()
    # Then the killed one is reported: in the api, on the page, and to Prometheus
    eventually(lambda: codes(api) == ["replica_vanished"], within_seconds=90, what="the api reports the killed one")
    assert redis.zcard(VANISHED_KEY) == redis.zcard(REPLICAS_KEY) == 1
    assert api.json("/api/health")["reasons"][0]["args"] == {"count": 1}
    assert api.json("/api/cluster/health")["issues"][0].startswith("1 push replica disappeared without shutting down")
    assert 'dispycluster_degraded{code="replica_vanished"} 1.0' in collector.get("/metrics").text


def test_collector_is_not_reported_down_while_rounds_come_however_often_redis_restarts() -> None:
    with own_stack() as stack:
        data = Path(tempfile.mkdtemp(prefix="valkey-data-"))
        stack.valkey.stop()
        stack.valkey.start(data, "--appendonly", "yes")
        stack.start_simulator(2)
        stack.start_collector()
        replica, api = stack.start_replica(), stack.start_api()
        client = stack.client(replica, "/", "/health")
        client.wait_for("redis_cluster_metrics", 2)
        eventually(lambda: codes(api) == [], within_seconds=30, what="a healthy status")
        called_down: list[float] = []
        answered: list[int] = []
        quiet_until = time.monotonic()

        def ask() -> bool:
            """Record the age of the last round while the collector is reported down; return whether rounds come."""
            nonlocal quiet_until
            quiet = time.monotonic() - quiet_until
            by_ws = [answer["data"] for answer in client.all("health_response")]
            answered.append(len(by_ws))
            for report in (api.json("/api/health"), *by_ws):
                if report["collector"]["status"] == "down":
                    called_down.append(quiet)
            rounds = len(client.all("redis_cluster_metrics"))
            client.clear()
            if rounds:
                quiet_until = time.monotonic()
            client.emit("request_health", namespace="/health")
            return bool(rounds)

        # When Redis is killed again and again
        for away in AWAY_SECONDS:
            stack.valkey.stop()
            until = time.monotonic() + away
            while time.monotonic() < until:
                ask()
                time.sleep(0.05)
            stack.valkey.start(data, "--appendonly", "yes")
            for _ in range(3):
                eventually(ask, within_seconds=60, what="rounds come again")
        # Then the collector was reported down only while rounds were missing
        limit = overdue_seconds(INTERVAL_SECONDS)
        assert [quiet for quiet in called_down if quiet < limit - 1] == []
        assert sum(answered) > len(AWAY_SECONDS)
        assert codes(api) in ([], ["rounds_missed"])
