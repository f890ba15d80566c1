"""Build the alerts message, and restore the alerts of the previous collector from such a message."""

import logging
from collections import Counter
from collections.abc import Iterable
from typing import Final, TypeVar

import msgspec

from collector.alerts.active_alert import ActiveAlert, AlertKey, CurrentTime
from collector.alerts.flapping import FlapDamping
from collector.alerts.log import AlertLogWriter
from collector.sentences.sentence import RestoredText
from contract.codec import Message, UndecodableMessage, decode, encode
from contract.messages import Alert, Alerts, Coded, Epoch, RecentFirings, RecentPendings, Seq, Timestamp
from contract.raw_json import with_fields

_log = logging.getLogger(__name__)
M = TypeVar("M", bound=Message)
#: Maximum size of the active alerts. A message of 4 MiB makes Redis close the connection, and the whole round fails.
ACTIVE_BYTES: Final = 2 * 1024 * 1024


def build_alerts(
    alerts: Iterable[ActiveAlert],
    log: AlertLogWriter,
    *,
    cluster: str,
    epoch: Epoch,
    seq: Seq,
    timestamp: Timestamp,
    recent_firings: Iterable[RecentFirings] = (),
    recent_pendings: Iterable[RecentPendings] = (),
) -> Alerts:
    """Return the message. Alerts that do not fit are left out; ``alert_count`` counts all firing alerts."""
    previous_id, entries = log.for_message()
    contract_alerts = [alert.to_contract() for alert in sorted(alerts, key=lambda alert: alert.id)]
    return Alerts(
        cluster=cluster,
        epoch=epoch,
        seq=seq,
        timestamp=timestamp,
        active_alerts=tuple(_alerts_within_limit(contract_alerts)),
        alert_count=sum(1 for alert in contract_alerts if alert.state == "firing"),
        entries=entries,
        previous_alert_id=previous_id,
        last_alert_id=log.last_id,
        recent_firings=tuple(recent_firings),
        recent_pendings=tuple(recent_pendings),
    )


def encode_alerts(message: Alerts, alerts: Iterable[ActiveAlert]) -> bytes:
    """Return the message in the published form.

    An alert that another collector published and that this collector has not evaluated yet stays byte for byte: it may
    have fields of a later release.
    """
    published = {alert.id: alert.published for alert in alerts if alert.published is not None}
    if not published:
        return encode(message)
    return with_fields(
        encode(message), {"active_alerts": [published.get(alert.id, alert) for alert in message.active_alerts]}
    )


def _alerts_within_limit(alerts: list[Alert]) -> list[Alert]:
    """Return as many of ``alerts`` as fit: first one alert of each node, then a second one of each node, and so on.

    A node with very many alerts therefore loses only its own. A node's firing alerts come before its pending alerts. A
    group counts as a node.
    """
    if len(encode(alerts)) <= ACTIVE_BYTES:
        return alerts
    counts: Counter[tuple[str, str]] = Counter()
    ranked = []
    for alert in sorted(alerts, key=lambda alert: alert.state != "firing"):
        place = alert.node, "" if alert.subject is None else alert.subject.name
        counts[place] += 1
        ranked.append((counts[place], alert))
    left_bytes = ACTIVE_BYTES
    fitting: list[Alert] = []
    for _, alert in sorted(ranked, key=lambda each: each[0]):
        left_bytes -= len(encode(alert)) + 1
        if left_bytes < 0:
            break
        fitting.append(alert)
    return sorted(fitting, key=lambda alert: alert.id)


def restore_alerts(raw: bytes | None, now: CurrentTime) -> dict[AlertKey, ActiveAlert]:
    """Return the active alerts of ``raw``, an alerts message."""
    message = decode_previous(raw, Alerts)
    if message is None:
        return {}
    published = msgspec.json.decode(raw or b"", type=_RawAlerts).active_alerts
    restored = [
        _restored_alert(alert, raw_alert.copy(), now)
        for alert, raw_alert in zip(message.active_alerts, published, strict=True)
    ]
    return {alert.key: alert for alert in restored}


def restore_flap_damping(raw: bytes | None, alerts: dict[AlertKey, ActiveAlert], now: CurrentTime) -> FlapDamping:
    """Return the flapping state of ``alerts``, the result of ``restore_alerts``; see ``FlapDamping.restored``."""
    return FlapDamping.restored(alerts, decode_previous(raw, Alerts), now)


class _RawAlerts(msgspec.Struct):
    active_alerts: list[msgspec.Raw]


class _WrittenLabels(msgspec.Struct):
    labels: object = msgspec.UNSET


def _lacks_labels(raw: msgspec.Raw) -> bool:
    return msgspec.json.decode(raw, type=_WrittenLabels).labels is msgspec.UNSET


def _restored_alert(alert: Alert, published: msgspec.Raw, now: CurrentTime) -> ActiveAlert:
    return ActiveAlert(
        rule=alert.rule,
        node=alert.node,
        detail=alert.id.removeprefix(f"{alert.rule}/{alert.node}").removeprefix("/"),
        severity=alert.severity,
        state=alert.state,
        value=alert.value,
        text=RestoredText(alert.message, None if alert.code is None else Coded(alert.code, alert.args)),
        # A collector of an older release does not publish the peak.
        peak=alert.value if alert.peak is None else alert.peak,
        since=alert.since,
        since_monotonic_seconds=now.to_monotonic(alert.since),
        confirmed_monotonic_seconds=now.monotonic_seconds,
        published=published,
        flapping=alert.flapping,
        logged=alert.logged,
        labels=alert.labels,
        lacks_labels=_lacks_labels(published),
        subject=alert.subject,
    )


def decode_previous(raw: bytes | None, expected: type[M]) -> M | None:
    """Return the message of the previous collector; ``None`` if there is no message or it cannot be decoded."""
    if raw is None:
        return None
    try:
        return decode(raw, expected)
    except UndecodableMessage as error:
        _log.warning("the message of the previous collector cannot be decoded: %s", error)
        return None
