"""The queue of entries for the alert log, with the ids that they get in the log."""

from collections.abc import Iterable
from typing import Any, Final

from msgspec.structs import replace

from collector.alerts.active_alert import AlertTransition
from collector.sentences.alerts import log_started
from collector.sentences.sentence import english
from contract.codec import encode
from contract.messages import Epoch, Incident, LogEntry, LogId, Timestamp
from contract.names import ALERT_LOG_LENGTH

#: Maximum number of entries in a message; a client that missed older entries reads them from the log.
MESSAGE_ENTRIES: Final = 1000
#: Maximum size of the entries in a message.
MESSAGE_BYTES: Final = 768 * 1024


class AlertLogWriter:
    """Gives each entry its id and keeps the entry until Redis has it. Repeated attempts use the same id.

    If an alert that fired ends, its last entry comes with the record of an incident.

    ``position`` is the id of the newest entry that is known to be in the log.
    """

    def __init__(self, *, epoch: Epoch, position: LogId | None, now: Timestamp) -> None:
        self.position: LogId | None = None
        self.queue: list[LogEntry] = []
        #: Records of incidents, by the id of the entry in ``queue`` that ends the incident.
        self.incidents: dict[LogId, Incident] = {}
        self.renew(epoch=epoch, position=position, now=now)

    def renew(self, *, epoch: Epoch, position: LogId | None, now: Timestamp) -> None:
        """Continue in a new epoch after the entry ``position``; an empty log (``None``) gets a ``started`` entry first.

        The queued entries follow with new ids.
        """
        waiting = [(entry, self.incidents.get(entry.id)) for entry in self.queue if entry.transition != "started"]
        self._epoch, self._last_number, self.position, self.queue, self.incidents = epoch, 0, position, [], {}
        if position is None:
            started = log_started()
            self._append(
                LogEntry(
                    id="0-0",
                    timestamp=now,
                    transition="started",
                    message=english(started),
                    code=started.code,
                    args=started.args,
                    **_NO_ALERT,
                )
            )
        for entry, incident in waiting:
            self._append(entry, incident)

    def add(self, transitions: Iterable[AlertTransition], now: Timestamp) -> None:
        """Queue the entries of these transitions. Drops the oldest entries if the queue is longer than the log."""
        for transition in transitions:
            alert = transition.alert.to_contract()
            entry = LogEntry(
                id="0-0",
                timestamp=now,
                transition=transition.kind,
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
                count=transition.count,
                labels=alert.labels,
                subject=alert.subject,
            )
            self._append(entry, _incident(transition, now))
        for dropped in self.queue[:-ALERT_LOG_LENGTH]:
            self.incidents.pop(dropped.id, None)
        del self.queue[:-ALERT_LOG_LENGTH]

    @property
    def last_id(self) -> LogId | None:
        """Position in the log after the queued entries."""
        return self.queue[-1].id if self.queue else self.position

    def for_message(self) -> tuple[LogId | None, tuple[LogEntry, ...]]:
        """Return the position before the entries of a message, and these entries."""
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
        self._last_number += 1
        entry = replace(entry, id=f"{self._epoch}-{self._last_number}")
        self.queue.append(entry)
        if incident is not None:
            self.incidents[entry.id] = incident


def _incident(transition: AlertTransition, now: Timestamp) -> Incident | None:
    """Return the incident that ends with the transition; ``None`` if the alert was not firing."""
    alert = transition.alert_before
    if alert is None or alert.state != "firing":
        return None
    return Incident.of(alert.to_contract(), ended=now)


_NO_ALERT: Final[dict[str, Any]] = dict.fromkeys(
    ("alert_id", "rule", "node", "severity", "value", "since"),
)
