"""A stand-in for the collector that publishes a test's messages."""

import json
from pathlib import Path
from typing import Any

import redis as redis_client

from contract.names import (
    ALERT_LOG_FIELD,
    ALERT_LOG_KEY,
    ALERTS_CHANNEL,
    HEALTH_CHANNEL,
    LATEST_TTL_SECONDS,
    METRICS_CHANNEL,
    latest_key,
)

GOLDEN = Path(__file__).parents[2] / "contract" / "golden" / "messages"
GOLDEN_OF_CHANNEL = {METRICS_CHANNEL: "metrics", HEALTH_CHANNEL: "health", ALERTS_CHANNEL: "alerts"}


def message(channel: str, **changes: Any) -> bytes:
    """Return the golden message of a channel with changed fields."""
    content = json.loads((GOLDEN / f"{GOLDEN_OF_CHANNEL[channel]}.json").read_bytes())
    return json.dumps({**content, **changes}, separators=(",", ":"), ensure_ascii=False).encode()


class Publisher:
    """Publishes as the collector does: log, ``:latest`` and the channel in one transaction."""

    def __init__(self, redis: redis_client.Redis) -> None:
        self._redis = redis

    def publish(self, channel: str, raw: bytes, *entries: dict[str, Any]) -> None:
        """Publish a message and add ``entries`` to the log."""
        pipeline = self._redis.pipeline(transaction=True)
        for entry in entries:
            pipeline.xadd(ALERT_LOG_KEY, {ALERT_LOG_FIELD: json.dumps(entry)}, id=entry["id"])
        pipeline.set(latest_key(channel), raw, px=LATEST_TTL_SECONDS * 1000)
        pipeline.publish(channel, raw)
        pipeline.execute()

    def transition(self, number: int, **changes: Any) -> None:
        """Publish the ``number``-th transition of an alert: log entry ``7-<number>`` and the message."""
        entry = {**json.loads((GOLDEN / "log_entry.json").read_bytes()), "id": f"7-{number}"}
        before = None if number == 1 else f"7-{number - 1}"
        log = {"entries": [entry], "previous_alert_id": before, "last_alert_id": entry["id"]}
        self.publish(ALERTS_CHANNEL, message(ALERTS_CHANNEL, seq=number, **log, **changes), entry)
