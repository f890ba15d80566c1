"""The transitions on their way into the alert log, with the ids that they will have there."""

from collections.abc import Iterable
from typing import Any, Final

from msgspec.structs import replace

from collector.alerts.evaluate import Change
from collector.sentences.alerts import log_started
from collector.sentences.sentence import english
from contract.codec import encode
from contract.messages import Epoch, Incident, LogEntry, LogId, Timestamp
from contract.names import ALERT_LOG_LENGTH

#: Entries that a message carries at most; who misses older ones reads them from the log.
MESSAGE_ENTRIES: Final = 1000
#: Bytes that these entries take at most.
MESSAGE_BYTES: Final = 768 * 1024


class AlertLog:
    """Gives each entry its id and keeps it until Redis has it. An entry keeps its id over repeated attempts.

    With the entry that ends an alert which had fired goes the record of its incident.

    ``position`` is the id of the newest entry known to be in the log.
    """

    def __init__(self, *, epoch: Epoch, position: LogId | None, now: Timestamp) -> None:
        self.position: LogId | None = None
        self.queue: list[LogEntry] = []
        #: Records of incidents, by the id of the entry in ``queue`` that tells their end.
        self.incidents: dict[LogId, Incident] = {}
        self.renew(epoch=epoch, position=position, now=now)

    def renew(self, *, epoch: Epoch, position: LogId | None, now: Timestamp) -> None:
        """Go on in a new epoch, after the entry ``position``; in an empty log (``None``) with a first entry.

        Entries on their way come after it, with new ids.
        """
        waiting = [(entry, self.incidents.get(entry.id)) for entry in self.queue if entry.transition != "started"]
        self._epoch, self._n, self.position, self.queue, self.incidents = epoch, 0, position, [], {}
        if position is None:
            began = log_started()
            self._append(
                LogEntry(
                    id="0-0",
                    timestamp=now,
                    transition="started",
                    message=english(began),
                    code=began.code,
                    args=began.args,
                    **_NO_ALERT,
                )
            )
        for entry, incident in waiting:
            self._append(entry, incident)

    def add(self, changes: Iterable[Change], now: Timestamp) -> None:
        """Queue the entries of these transitions. Of a queue longer than the log itself, the oldest are dropped."""
        for change in changes:
            alert = change.alert.as_message()
            entry = LogEntry(
                id="0-0",
                timestamp=now,
                transition=change.transition,
                alert_id=alert.id,
                rule=alert.rule,
                node=alert.node,
                severity=alert.severity,
                value=alert.value,
                message=alert.message,
                since=alert.since,
                peak=alert.peak,
                code=alert.code,
                args=alert.args,
                flapping=alert.flapping,
                count=change.count,
            )
            self._append(entry, _incident(change, now))
        for dropped in self.queue[:-ALERT_LOG_LENGTH]:
            self.incidents.pop(dropped.id, None)
        del self.queue[:-ALERT_LOG_LENGTH]

    @property
    def last_id(self) -> LogId | None:
        """Position in the log once the queue is in it."""
        return self.queue[-1].id if self.queue else self.position

    def for_message(self) -> tuple[LogId | None, tuple[LogEntry, ...]]:
        """Return the position before the entries that a message carries, and those entries."""
        count, left_bytes = 0, MESSAGE_BYTES
        for entry in reversed(self.queue[-MESSAGE_ENTRIES:]):
            left_bytes -= len(encode(entry)) + 1
            if left_bytes < 0:
                break
            count += 1
        if count == len(self.queue):
            return self.position, tuple(self.queue)
        first = len(self.queue) - count
        return self.queue[first - 1].id, tuple(self.queue[first:])

    def confirm(self) -> None:
        """Note that Redis has the whole queue."""
        self.position = self.last_id
        self.queue, self.incidents = [], {}

    def _append(self, entry: LogEntry, incident: Incident | None = None) -> None:
        self._n += 1
        entry = replace(entry, id=f"{self._epoch}-{self._n}")
        self.queue.append(entry)
        if incident is not None:
            self.incidents[entry.id] = incident


def _incident(change: Change, now: Timestamp) -> Incident | None:
    """The record of an alert that ends now, if it had fired."""
    alert = change.lasted
    if alert is None or alert.state != "firing":
        return None
    return Incident.of(alert.as_message(), ended=now)


_NO_ALERT: Final[dict[str, Any]] = dict.fromkeys(
    ("alert_id", "rule", "node", "severity", "value", "since"),
)
