"""Active alerts and their transitions, and the time by which they are measured."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, Self

import msgspec

from collector.sentences.sentence import AlertText, code_and_arguments, english
from contract.messages import Alert, AlertState, Coded, Severity, Subject, Timestamp
from runtime.clock import timestamp, unix_seconds

#: Rule, node and detail. For an alert without a node: rule, empty text, and the subject's name.
AlertKey = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class CurrentTime:
    """The current time, by the monotonic clock for durations and by the wall clock for timestamps."""

    monotonic_seconds: float
    unix_seconds: float

    def to_monotonic(self, written: Timestamp) -> float:
        """Return the monotonic time of a timestamp that another collector wrote, at the latest the current time.

        The upper bound keeps the result out of the future if the wall clock was set back. An invalid timestamp gives
        the current time.
        """
        try:
            ago = max(0.0, self.unix_seconds - unix_seconds(written))
        except ValueError:
            ago = 0.0
        return self.monotonic_seconds - ago

    def to_timestamp(self, monotonic_seconds: float) -> Timestamp:
        """Return the timestamp of a monotonic time."""
        return timestamp(self.unix_seconds - self.monotonic_seconds + monotonic_seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveAlert:
    """An alert that is pending or firing."""

    rule: str
    node: str
    #: For instance a mount point or a sensor; empty for a condition of the whole node. The name of ``subject``.
    detail: str
    severity: Severity
    state: AlertState
    value: float | None
    text: AlertText
    #: The highest value since the condition began.
    peak: float | None
    #: When the condition began.
    since: Timestamp
    since_monotonic_seconds: float
    #: When the condition last held, or when this collector restored the alert.
    confirmed_monotonic_seconds: float
    #: The alert as the previous collector published it, until this collector evaluates its rule: the alert may have
    #: fields of a later release.
    published: msgspec.Raw | None = None
    #: As in ``Alert``.
    flapping: int = 0
    logged: bool = True
    #: Labels of the node when the alert began.
    labels: Mapping[str, str] = field(default_factory=dict)
    #: Whether a collector before 0.8 published the alert: this collector adds the labels at the next reading.
    lacks_labels: bool = False
    #: What the alert is about if it has no node.
    subject: Subject | None = None

    @property
    def key(self) -> AlertKey:
        """Rule, node and detail."""
        return self.rule, self.node, self.detail

    @property
    def about(self) -> str:
        """The name of the node, or of the subject."""
        return self.node or self.detail

    @property
    def id(self) -> str:
        """``rule/node``, ``rule/node/detail`` or ``rule//subject``."""
        return f"{self.rule}/{self.node}/{self.detail}" if self.detail else f"{self.rule}/{self.node}"

    @property
    def message(self) -> str:
        """The sentence of the alert in English."""
        return english(self.text)

    def to_contract(self) -> Alert:
        """Return the alert in the form of the contract."""
        text = code_and_arguments(self.text)
        return Alert(
            id=self.id,
            rule=self.rule,
            node=self.node,
            severity=self.severity,
            type=self.severity,
            state=self.state,
            value=self.value,
            message=self.message,
            since=self.since,
            peak=self.peak,
            code=None if text is None else text.code,
            args={} if text is None else text.args,
            flapping=self.flapping,
            logged=self.logged,
            labels=dict(self.labels),
            subject=self.subject,
        )


@dataclass(frozen=True, slots=True)
class AlertTransition:
    """A change of an alert's state; ``alert`` is the alert after the change, with its new value and sentence."""

    kind: Literal["pending", "firing", "changed", "resolved", "pended"]
    alert: ActiveAlert
    #: For a resolved alert: the alert with its previous sentence.
    alert_before: ActiveAlert | None = None
    #: As in ``LogEntry``.
    count: int = 1

    @classmethod
    def end(cls, alert: ActiveAlert, why: Coded) -> Self:
        """Return the transition that resolves ``alert``."""
        return cls("resolved", replace(alert, text=why), alert_before=alert)


Alerts = Mapping[AlertKey, ActiveAlert]
