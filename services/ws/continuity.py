"""The alert log as a reader sees it who stands at one of its entries: what lies between, what goes on, what is gone."""

from typing import NamedTuple

from msgspec.structs import replace

from contract import codec
from contract.messages import Alerts, LogEntry, LogId

#: Entries that a reader has missed; ``None`` where nobody can say which they are.
Missed = tuple[LogEntry, ...] | None


class Gap(NamedTuple):
    """A stretch of the alert log: the entries after ``after`` up to ``until``."""

    after: LogId
    until: LogId


def gap(position: LogId | None, message: codec.Message) -> Gap | None:
    """What is missing between a reader's position and the entries of ``message``; ``None`` where nothing is."""
    if not isinstance(message, Alerts) or position is None or message.last_alert_id is None:
        return None
    if position in (message.previous_alert_id, message.last_alert_id):
        return None
    return Gap(position, message.last_alert_id)


def continued(position: LogId | None, raw: bytes, alerts: Alerts, missed: Missed) -> bytes:
    """``alerts``, published as ``raw``, as a reader at ``position`` is to see them; ``missed`` fills the gap."""
    if position is not None and position == alerts.previous_alert_id:
        return raw
    if position in (None, alerts.last_alert_id) or missed is None:
        # Known already; or nobody can say what lies between, which shows in the position before.
        return codec.encode(without_entries(alerts))
    return codec.encode(replace(alerts, entries=missed, previous_alert_id=position))


def with_entries(alerts: Alerts, entries: tuple[LogEntry, ...], after: LogId, until: LogId) -> Alerts:
    """``alerts`` with these entries of the log, which lie after ``after`` and up to ``until``."""
    return replace(alerts, entries=entries, previous_alert_id=after, last_alert_id=until)


def without_entries(alerts: Alerts) -> Alerts:
    """``alerts`` with none: what is active, and the position from which the log goes on."""
    return replace(alerts, entries=(), previous_alert_id=alerts.last_alert_id)
