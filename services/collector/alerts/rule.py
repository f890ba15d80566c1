"""One alert rule, and its overrides for some nodes or groups."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase, translate
from functools import lru_cache

from collector.alerts.node_metrics import OFFLINE_SHARE
from collector.sensors import Sensor
from contract.matchers import EVERYTHING, Identity, Matcher
from contract.messages import NodeRole, RuleInForce, RuleOverride, Severity


@dataclass(frozen=True)
class SensorPattern:
    """A pattern of temperature sensors. Chip and label are globs of the whole name; case is ignored."""

    chip: str = "*"
    label: str = "*"

    def matches(self, sensor: Sensor) -> bool:
        """Whether the pattern matches the sensor. The chip may have the exporter's name or the driver's name."""
        chips = (sensor.chip, sensor.chip_name)
        return _matches(sensor.label, self.label) and any(_matches(chip, self.chip) for chip in chips)


@dataclass(frozen=True)
class Override:
    """Values of a rule for the nodes or groups that ``match``; ``None``: as in the rule."""

    match: Matcher
    threshold: float | None = None
    clear: float | None = None
    severity: Severity | None = None


@dataclass(frozen=True)
class Rule:
    """One alert rule. ``threshold`` and ``clear`` are ``None`` for a condition without a measure."""

    name: str
    enabled: bool
    severity: Severity
    for_seconds: float
    threshold: float | None = None
    clear: float | None = None
    #: How long the alert stays after the condition last held; for a condition that comes and goes.
    keep_seconds: float = 0.0
    #: Patterns of details (a mount point, a sensor) that the rule leaves out.
    ignore: tuple[str, ...] = ()
    #: Sensors that the rule leaves out.
    ignore_sensors: tuple[SensorPattern, ...] = ()
    #: Severity of an alert of the master; ``None``: the same as for every node.
    master_severity: Severity | None = None
    #: The field of a node, or ``OFFLINE_SHARE``, that one of the operator's own rules reads; ``None``: a built-in rule.
    metric: str | None = None
    #: The label whose values are the groups of a rule on ``OFFLINE_SHARE``.
    by: str | None = None
    #: The nodes to which the rule applies, or the nodes that count in a group.
    match: Matcher = EVERYTHING
    #: The first one that matches counts.
    overrides: tuple[Override, ...] = ()

    @property
    def is_of_groups(self) -> bool:
        """Whether the alerts of the rule are about groups, not about nodes."""
        return self.metric == OFFLINE_SHARE

    def severity_of(self, role: NodeRole) -> Severity:
        """Return the severity of an alert of a node with this role."""
        return self.severity if role != "master" or self.master_severity is None else self.master_severity

    def is_met(self, measure: float, *, is_active: bool) -> bool:
        """Whether the condition holds: from ``threshold`` on, and with an active alert down to ``clear``.

        A condition without a measure begins at 1 and ends at 0.
        """
        if self.threshold is None or self.clear is None:
            return measure > 0 if is_active else measure >= 1
        return measure >= (self.clear if is_active else self.threshold)

    def ignores(self, detail: str) -> bool:
        """Whether the rule leaves out this detail."""
        return any(fnmatchcase(detail, pattern) for pattern in self.ignore)

    def override_of(self, identity: Identity) -> int | None:
        """Return the number of the first override that matches, from 0."""
        for number, override in enumerate(self.overrides):
            if override.match.matches(identity):
                return number
        return None

    def with_override(self, override: Override) -> "Rule":
        """Return the rule for the nodes of ``override``. An override of the threshold keeps the distance of clear."""
        threshold, clear = self.threshold, self.clear
        if override.threshold is not None and threshold is not None and clear is not None:
            threshold, clear = override.threshold, override.threshold - (threshold - clear)
        if override.clear is not None:
            clear = override.clear
        severity, master_severity = self.severity, self.master_severity
        if override.severity is not None:
            severity, master_severity = override.severity, None
        return replace(
            self, threshold=threshold, clear=clear, severity=severity, master_severity=master_severity, overrides=()
        )

    def to_contract(self) -> RuleInForce:
        """Return the rule in the form of the contract."""
        return RuleInForce(
            name=self.name,
            enabled=self.enabled,
            severity=self.severity,
            master_severity=self.severity_of("master"),
            for_seconds=self.for_seconds,
            keep_seconds=self.keep_seconds,
            threshold=self.threshold,
            clear=self.clear,
            metric=self.metric,
            by=self.by,
            match=self.match.to_patterns(),
            overrides=tuple(
                RuleOverride(
                    match=override.match.to_patterns(),
                    threshold=override.threshold,
                    clear=override.clear,
                    severity=override.severity,
                )
                for override in self.overrides
            ),
        )


#: Rules by name.
Rules = Mapping[str, Rule]


def _matches(name: str, pattern: str) -> bool:
    return _compiled(pattern).match(_normalized(name)) is not None


@lru_cache(1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(_normalized(pattern)))


def _normalized(name: str) -> str:
    # Old exporters write labels in lower case and without spaces.
    return name.casefold().replace(" ", "_")
