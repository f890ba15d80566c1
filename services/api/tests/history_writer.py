"""Writes history like a collector."""

from redis import Redis

from contract.history import MEASURES, HistoryEntry, Resolution, Summary, encode_entry
from contract.names import EPOCH_KEY
from contract.scripts import RECORD_HISTORY, HistoryRecord, record_history_call
from runtime.clock import unix_seconds
from runtime.functions import call

EPOCH = 1_795_426_867
#: Time of the golden snapshot, rounded down to a second.
NOW = int(unix_seconds("2026-11-23T09:41:07Z"))


class HistoryWriter:
    """Writes history like a collector."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def entry(
        self,
        step: Resolution,
        start: int,
        cpu: Summary,
        *,
        node: str = "a",
        samples: int = 5,
        epoch: int = EPOCH,
        **known: Summary,
    ) -> None:
        known["cpu_usage"] = cpu
        raw = encode_entry(HistoryEntry(samples, tuple(map(known.get, MEASURES))))
        self._redis.hset(EPOCH_KEY, "epoch", str(epoch))
        record = HistoryRecord(step, node, start, raw)
        answer = call(self._redis, RECORD_HISTORY, record_history_call(epoch, [record]))
        assert answer == [b"recorded", 1, 0]

    def range(self, step: Resolution, start: int, end: int, cpu: float, node: str = "a") -> None:
        for moment in range(start, end, step.seconds):
            self.entry(step, moment, cpu, node=node)


def floor(moment: int, step: int) -> int:
    return moment // step * step
