"""Build the alerts message: what is active, and the log since the message before."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from collector.alerts.evaluate import ActiveAlert
from collector.alerts.log import AlertLog
from contract.codec import encode
from contract.messages import Alert, Alerts, Epoch, Seq, Timestamp
from contract.passed_on import with_members

#: Bytes that active alerts may take. Redis ends the connection at one message of 4 MiB, and with it the whole round.
ACTIVE_BYTES: Final = 2 * 1024 * 1024


def build_alerts(
    alerts: Iterable[ActiveAlert], log: AlertLog, *, cluster: str, epoch: Epoch, seq: Seq, timestamp: Timestamp
) -> Alerts:
    """Return the message; where alerts are too long together, it lacks some, and ``alert_count`` counts them still."""
    previous, entries = log.for_message()
    written = [alert.as_message() for alert in sorted(alerts, key=lambda alert: alert.id)]
    return Alerts(
        cluster=cluster,
        epoch=epoch,
        seq=seq,
        timestamp=timestamp,
        active_alerts=tuple(_that_fit(written)),
        alert_count=sum(1 for alert in written if alert.state == "firing"),
        entries=entries,
        previous_alert_id=previous,
        last_alert_id=log.last_id,
    )


def encoded(message: Alerts, alerts: Iterable[ActiveAlert]) -> bytes:
    """Return the message as it is published.

    An alert that a collector of another release published, and that this one has not judged yet, stays as it was: it
    may have fields of a later release.
    """
    published = {alert.id: alert.published for alert in alerts if alert.published is not None}
    if not published:
        return encode(message)
    return with_members(
        encode(message), {"active_alerts": [published.get(alert.id, alert) for alert in message.active_alerts]}
    )


def _that_fit(alerts: list[Alert]) -> list[Alert]:
    """As many of ``alerts`` as fit, in their order: of each node its first one, then its second, and so on.

    So a node that makes many loses its own. A node's firing alerts come before its pending ones.
    """
    if len(encode(alerts)) <= ACTIVE_BYTES:
        return alerts
    counts: Counter[str] = Counter()
    ranked = []
    for alert in sorted(alerts, key=lambda alert: alert.state != "firing"):
        counts[alert.node] += 1
        ranked.append((counts[alert.node], alert))
    left_bytes = ACTIVE_BYTES
    fitting: list[Alert] = []
    for _, alert in sorted(ranked, key=lambda each: each[0]):
        left_bytes -= len(encode(alert)) + 1
        if left_bytes < 0:
            break
        fitting.append(alert)
    return sorted(fitting, key=lambda alert: alert.id)
