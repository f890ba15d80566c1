"""The alert rules: the built-in rules, the changes of the rules file, and the rules in force."""

import logging
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase, translate
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, Final, get_args

from collector.metrics import FILE_ERRORS
from collector.sensors import NAME_LIMIT, Sensor
from collector.sentences import files as sentences
from collector.sentences.files import file_missing
from collector.sentences.issues import rules_file_invalid
from collector.sentences.sentence import english, literal
from collector.yaml_file import FileContent, FileError, WatchedFile, YamlError, read_yaml
from contract.messages import Coded, NodeRole, RuleInForce, Severity
from runtime.daemon_thread import run_in_daemon_thread
from runtime.quoting import path_text, quoted

_log = logging.getLogger(__name__)

#: Maximum number of patterns of a rule, and maximum length of a pattern in characters: each round compares all file
#: systems with all patterns.
PATTERNS_LIMIT: Final = 100
PATTERN_LENGTH: Final = 256
#: Maximum number of sensors in ``ignore_sensors``: each round compares the sensors of each node with all of them.
SENSORS_LIMIT: Final = 100
_DAY_SECONDS: Final = 86_400.0
#: Lowest and highest threshold of each rule with a threshold, in the unit of the rule.
_THRESHOLDS: Final[dict[str, tuple[float, float]]] = {
    "memory": (0, 100),
    "filesystem_full": (0, 100),
    "temperature": (-40, 150),
    "clock_offset": (0.1, _DAY_SECONDS),
    "cpu": (0, 100),
    "swap": (0, 100),
    "pressure": (0, 100),
}
_NAMES: Final = (
    *("node_down", "memory", "filesystem_full", "filesystem_readonly", "temperature", "clock_offset", "cpu"),
    *("under_voltage", "hardware_alarm", "swap", "pressure"),
)


class RulesError(FileError):
    """A rules file with an error; the text names the rule, the field and the cause."""


class InvalidRulesFile(Exception):
    """The rules file has an error at the start of the collector; the text names the file and the cause."""


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


Rules = Mapping[str, Rule]


def rules_in_force(rules: Rules) -> tuple[RuleInForce, ...]:
    """Return the rules in the form of the contract."""
    return tuple(
        RuleInForce(
            name=rule.name,
            enabled=rule.enabled,
            severity=rule.severity,
            master_severity=rule.severity_of("master"),
            for_seconds=rule.for_seconds,
            keep_seconds=rule.keep_seconds,
            threshold=rule.threshold,
            clear=rule.clear,
        )
        for rule in rules.values()
    )


@cache
def built_in_rules() -> Rules:
    """Return the rules that the package contains."""
    text = (resources.files("collector.alerts") / "alerts.yaml").read_text()
    blank = {name: Rule(name, enabled=False, severity="info", for_seconds=0.0) for name in _NAMES}
    return _with_changes(blank, text)


def parse_rules(text: str) -> Rules:
    """Return the built-in rules with the changes of ``text``.

    Raises:
        RulesError: the text is not YAML, or names an unknown rule or field, or a value is not valid.
    """
    return _with_changes(built_in_rules(), text)


class RulesFile:
    """Follows the rules file, if one is set. A missing or invalid file leaves the previous rules in force."""

    def __init__(self, path: Path | None) -> None:
        """Read the file.

        Raises:
            InvalidRulesFile: the file is missing or has an error; the text names the file.
        """
        self.rules: Rules = built_in_rules()
        #: The error in the file.
        self.problem: Coded | None = None
        self._file = None if path is None else WatchedFile(path)
        if self._file is not None:
            try:
                self.rules = _parsed(self._file.read())
            except RulesError as error:
                raise InvalidRulesFile(f"the rules file {path_text(self._file.path)} is not valid: {error}") from None

    async def refresh(self) -> None:
        """Read the file again if it changed."""
        content = None if self._file is None else await self._file.changed()
        if content is None or self._file is None:
            return
        try:
            # In a thread: a file of the maximum length takes a second.
            self.rules = await run_in_daemon_thread(lambda: _parsed(content), "parse the rules")
        except RulesError as error:
            self.problem = rules_file_invalid(path_text(self._file.path), error.line, error.why)
            FILE_ERRORS.labels("rules").inc()
            _log.warning("%s", english(self.problem))
        else:
            self.problem = None
            _log.info("loaded new rules from %s", path_text(self._file.path))


def _parsed(content: FileContent) -> Rules:
    if content.error is not None:
        raise RulesError(content.error)
    if content.text is None:
        raise RulesError(file_missing())
    return parse_rules(content.text)


def _with_changes(rules: Rules, text: str) -> Rules:
    try:
        document = read_yaml(text)
    except YamlError as error:
        raise RulesError(error.why, error.line) from None
    if document is None:
        return rules
    if not isinstance(document, dict):
        raise RulesError(sentences.rules_not_a_mapping())
    changed = dict(rules)
    for name, fields in document.items():
        if name not in changed:
            raise RulesError(sentences.rule_no_such(quoted(name), ", ".join(_NAMES)))
        if not isinstance(fields, dict):
            raise RulesError(sentences.rule_not_a_mapping(name, literal(fields)))
        changed[name] = _with_fields(changed[name], fields)
    return changed


def _with_fields(rule: Rule, fields: dict[Any, Any]) -> Rule:
    fields_of_rule = ["enabled", "severity", "for_seconds", "keep_seconds"]
    fields_of_rule += ["threshold", "clear"] if rule.name in _THRESHOLDS else []
    fields_of_rule += ["ignore"] if rule.name in sentences.DETAILS else []
    fields_of_rule += ["ignore_sensors"] if rule.name == "temperature" else []
    fields_of_rule += ["master_severity"] if rule.name == "node_down" else []
    values: dict[str, Any] = {}
    for field, value in fields.items():
        if field not in fields_of_rule:
            raise RulesError(sentences.rule_field_no_such(rule.name, quoted(field), ", ".join(fields_of_rule)))
        values[field] = _value(rule.name, field, value)
    if "threshold" in values and "clear" not in values and rule.threshold is not None and rule.clear is not None:
        # A file that sets only the threshold keeps the distance of clear to the threshold.
        values["clear"] = values["threshold"] - (rule.threshold - rule.clear)
    if "severity" in values:
        # One severity applies to all nodes, unless the same text sets another severity for the master.
        values.setdefault("master_severity", None)
    changed = replace(rule, **values)
    if changed.threshold is not None and changed.clear is not None and changed.clear > changed.threshold:
        raise RulesError(sentences.rule_clear_above_threshold(rule.name, changed.clear, changed.threshold))
    return changed


def _value(rule: str, field: str, value: object) -> object:
    match field:
        case "enabled":
            if not isinstance(value, bool):
                raise RulesError(sentences.rule_not_a_flag(rule, field, literal(value)))
            return value
        case "severity" | "master_severity":
            if value not in get_args(Severity):
                raise RulesError(sentences.rule_not_one_of(rule, field, literal(value), ", ".join(get_args(Severity))))
            return value
        case "ignore":
            if not isinstance(value, list) or not all(isinstance(pattern, str) for pattern in value):
                raise RulesError(sentences.rule_not_patterns(rule, field, literal(value)))
            if len(value) > PATTERNS_LIMIT or any(len(pattern) > PATTERN_LENGTH for pattern in value):
                raise RulesError(sentences.rule_too_many_patterns(rule, field, PATTERNS_LIMIT, PATTERN_LENGTH))
            return tuple(value)
        case "ignore_sensors":
            return _sensor_patterns(rule, field, value)
    lowest, highest = (0.0, _DAY_SECONDS) if field.endswith("_seconds") else _THRESHOLDS[rule]
    if field == "clear":
        lowest = -math.inf
    if isinstance(value, bool) or not isinstance(value, int | float) or not lowest <= value <= highest:
        bound = None if lowest == -math.inf else lowest
        raise RulesError(sentences.rule_not_a_number(rule, field, literal(value), bound, highest))
    return float(value)


def _sensor_patterns(rule: str, field: str, value: object) -> tuple[SensorPattern, ...]:
    if not isinstance(value, list):
        raise RulesError(sentences.rule_not_sensors(rule, field, literal(value)))
    if len(value) > SENSORS_LIMIT:
        raise RulesError(sentences.rule_too_many_sensors(rule, field, SENSORS_LIMIT))
    return tuple(_sensor_pattern(rule, field, entry) for entry in value)


def _sensor_pattern(rule: str, field: str, entry: object) -> SensorPattern:
    if isinstance(entry, str) and "/" in entry:
        chip, _, label = entry.partition("/")
        entry = {"chip": chip, "label": label}
    if not isinstance(entry, dict) or not entry or not entry.keys() <= {"chip", "label"}:
        raise RulesError(sentences.rule_not_a_sensor(rule, field, literal(entry)))
    for pattern in entry.values():
        if not isinstance(pattern, str) or len(pattern) > NAME_LIMIT:
            raise RulesError(sentences.rule_sensor_not_a_text(rule, field, literal(pattern), NAME_LIMIT))
    return SensorPattern(**entry)


def _matches(name: str, pattern: str) -> bool:
    return _compiled(pattern).match(_normalized(name)) is not None


@lru_cache(1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(_normalized(pattern)))


def _normalized(name: str) -> str:
    # Old exporters write labels in lower case and without spaces.
    return name.casefold().replace(" ", "_")
