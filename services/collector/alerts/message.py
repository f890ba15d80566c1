"""The alerts message: what is active and the log since the message before; and going on from the last one."""

import logging
from collections import Counter
from collections.abc import Iterable
from typing import Final, TypeVar

import msgspec

from collector.alerts.evaluate import ActiveAlert, AlertKey, CurrentTime
from collector.alerts.flapping import FlapDamping
from collector.alerts.log import AlertLog
from collector.sentences.sentence import Restored
from contract.codec import Message, UndecodableMessage, decode, encode
from contract.messages import Alert, Alerts, Coded, Epoch, RecentFirings, RecentPendings, Seq, Timestamp
from contract.raw_json import with_fields

_log = logging.getLogger(__name__)
M = TypeVar("M", bound=Message)
#: Bytes that active alerts may take. Redis ends the connection at one message of 4 MiB, and with it the whole round.
ACTIVE_BYTES: Final = 2 * 1024 * 1024


def build_alerts(
    alerts: Iterable[ActiveAlert],
    log: AlertLog,
    *,
    cluster: str,
    epoch: Epoch,
    seq: Seq,
    timestamp: Timestamp,
    recent_firings: Iterable[RecentFirings] = (),
    recent_pendings: Iterable[RecentPendings] = (),
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
        recent_firings=tuple(recent_firings),
        recent_pendings=tuple(recent_pendings),
    )


def encode_alerts(message: Alerts, alerts: Iterable[ActiveAlert]) -> bytes:
    """Return the message as it is published.

    An alert that a collector of another release published, and that this one has not judged yet, stays as it was: it
    may have fields of a later release.
    """
    published = {alert.id: alert.published for alert in alerts if alert.published is not None}
    if not published:
        return encode(message)
    return with_fields(
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


def restore_alerts(raw: bytes | None, now: CurrentTime) -> dict[AlertKey, ActiveAlert]:
    """Return the alerts that ``raw``, an alerts message, says are active."""
    message = decode_previous(raw, Alerts)
    if message is None:
        return {}
    published = msgspec.json.decode(raw or b"", type=_Published).active_alerts
    restored = [
        _restored(alert, as_published.copy(), now)
        for alert, as_published in zip(message.active_alerts, published, strict=True)
    ]
    return {alert.key: alert for alert in restored}


def restore_flap_damping(raw: bytes | None, alerts: dict[AlertKey, ActiveAlert], now: CurrentTime) -> FlapDamping:
    """Return how ``alerts``, those of ``restore_alerts``, flap; see ``FlapDamping.restored``."""
    return FlapDamping.restored(alerts, decode_previous(raw, Alerts), now)


class _Published(msgspec.Struct):
    active_alerts: list[msgspec.Raw]


def _restored(alert: Alert, published: msgspec.Raw, now: CurrentTime) -> ActiveAlert:
    return ActiveAlert(
        rule=alert.rule,
        node=alert.node,
        detail=alert.id.removeprefix(f"{alert.rule}/{alert.node}").removeprefix("/"),
        severity=alert.severity,
        state=alert.state,
        value=alert.value,
        text=Restored(alert.message, None if alert.code is None else Coded(alert.code, alert.args)),
        # A collector of an older release does not tell the worst value.
        peak=alert.value if alert.peak is None else alert.peak,
        since=alert.since,
        since_monotonic_seconds=now.monotonic_of(alert.since),
        told_monotonic_seconds=now.monotonic_seconds,
        published=published,
        flapping=alert.flapping,
        logged=alert.logged,
    )


def decode_previous(raw: bytes | None, expected: type[M]) -> M | None:
    """Return what the collector before left, ``None`` where that is nothing or cannot be read."""
    if raw is None:
        return None
    try:
        return decode(raw, expected)
    except UndecodableMessage as error:
        _log.warning("what the collector before left is not readable: %s", error)
        return None
