"""The alert log as a reader sees it who stands at one of its entries: what lies between, what goes on, what is gone.

Messages are changed as JSON, so that fields of a newer collector are passed on.
"""

from typing import NamedTuple

from contract import codec
from contract.messages import Alerts, LogId
from contract.passed_on import with_members
from ws.alert_log import Page

#: Entries that a reader has missed; ``None`` where nobody can say which they are.
Missed = Page | None


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
        return without_entries(raw, alerts)
    return with_entries(raw, missed, position, alerts.last_alert_id)


def with_entries(raw: bytes, entries: Page, after: LogId | None, until: LogId | None) -> bytes:
    """The alerts ``raw`` with these entries of the log, which lie after ``after`` and up to ``until``."""
    written = [entry.raw for entry in entries]
    return with_members(raw, {"entries": written, "previous_alert_id": after, "last_alert_id": until})


def without_entries(raw: bytes, alerts: Alerts) -> bytes:
    """``alerts``, published as ``raw``, with none: what is active, and the position from which the log goes on."""
    return with_entries(raw, (), alerts.last_alert_id, alerts.last_alert_id)
