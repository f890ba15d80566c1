"""The rules file: which rules and fields it may have, and what is wrong in an invalid file."""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from difflib import get_close_matches
from typing import Any, Final, get_args

from collector.alerts.match_syntax import Invalid, read_matcher
from collector.alerts.node_metrics import BOUNDS, OFFLINE_SHARE
from collector.alerts.rule import Override, Rule, Rules, SensorPattern
from collector.sensors import NAME_LIMIT
from collector.sentences import files as sentences
from collector.sentences import rules as own_sentences
from collector.sentences.sentence import literal
from collector.yaml_file import FileError, YamlError, key_lines, read_yaml
from contract.matchers import LABEL_NAME, NODE_KEYS, label_key
from contract.messages import Coded, Severity
from runtime.quoting import quoted

#: Maximum number of patterns of a rule, and maximum length of a pattern in characters: each round compares all file
#: systems with all patterns.
PATTERNS_LIMIT: Final = 100
PATTERN_LENGTH: Final = 256
#: Maximum number of sensors in ``ignore_sensors``: each round compares the sensors of each node with all of them.
SENSORS_LIMIT: Final = 100
#: Maximum number of the operator's own rules, which each round evaluates, and of the overrides of a rule.
OWN_RULES_LIMIT: Final = 100
OVERRIDES_LIMIT: Final = 50
#: Maximum number of patterns of all matchers that are neither exact nor a prefix. After a change of the rules, each
#: node is compared with all of them, which takes a microsecond each.
SLOW_GLOBS_LIMIT: Final = 500
#: Time for which the condition of an own rule must hold, unless the file sets another time.
OWN_FOR_SECONDS: Final = 60.0
#: Maximum number of errors that ``read_rules`` returns: finding the line of each one takes long in a long file.
ERRORS_LIMIT: Final = 20
_DAY_SECONDS: Final = 86_400.0
#: Lowest and highest threshold of each built-in rule with a threshold, in the unit of the rule.
_THRESHOLDS: Final[dict[str, tuple[float, float]]] = {
    "memory": (0, 100),
    "filesystem_full": (0, 100),
    "temperature": (-40, 150),
    "clock_offset": (0.1, _DAY_SECONDS),
    "cpu": (0, 100),
    "swap": (0, 100),
    "pressure": (0, 100),
}
BUILT_IN_NAMES: Final = (
    *("node_down", "memory", "filesystem_full", "filesystem_readonly", "temperature", "clock_offset", "cpu"),
    *("under_voltage", "hardware_alarm", "swap", "pressure"),
)
_OWN_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
#: Similarity, from 0 to 1, from which on a word counts as a misspelling, and the characters that are compared.
_SIMILARITY: Final = 0.7
_WORD_LENGTH: Final = 64
_OVERRIDABLE: Final = ("threshold", "clear", "severity")


class RulesError(FileError):
    """A rules file with an error; the text names the rule, the field and the cause."""


def read_rules(text: str, rules: Rules) -> tuple[dict[str, Rule], list[RulesError]]:
    """Return ``rules`` with the changes of ``text``, and the first ``ERRORS_LIMIT`` errors in the order of the file."""
    found: list[Invalid] = []
    try:
        document = read_yaml(text)
    except YamlError as error:
        return dict(rules), [RulesError(error.why, error.line)]
    if document is None:
        return dict(rules), []
    if not isinstance(document, dict):
        return dict(rules), [RulesError(sentences.rules_not_a_mapping())]
    changed = dict(rules)
    for name, fields in document.items():
        if len(found) >= ERRORS_LIMIT:
            break
        with _collecting(found):
            _add(changed, name, fields, found)
    if not found and _slow_globs(changed.values()) > SLOW_GLOBS_LIMIT:
        found.append(Invalid(own_sentences.rules_too_many_globs(SLOW_GLOBS_LIMIT)))
    first = found[:ERRORS_LIMIT]
    lines = key_lines(text, [error.position for error in first])
    return changed, [RulesError(error.why, line) for error, line in zip(first, lines, strict=True)]


@contextmanager
def _collecting(found: list[Invalid]) -> Iterator[None]:
    """Add the first error of the block to ``found``."""
    try:
        yield
    except Invalid as error:
        found.append(error)


def _add(rules: dict[str, Rule], name: str, fields: object, found: list[Invalid]) -> None:
    rule = rules.get(name)
    if rule is None and not (isinstance(fields, dict) and "metric" in fields):
        meant = _closest(name, BUILT_IN_NAMES)
        if meant is not None:
            raise Invalid(sentences.rule_misspelt(quoted(name), meant), name)
        raise Invalid(sentences.rule_no_such(quoted(name), ", ".join(BUILT_IN_NAMES)), name)
    if not isinstance(fields, dict):
        raise Invalid(sentences.rule_not_a_mapping(name, literal(fields)), name)
    if rule is None:
        rule = _own_rule(name, fields)
        if sum(each.metric is not None for each in rules.values()) >= OWN_RULES_LIMIT:
            raise Invalid(own_sentences.rules_too_many(OWN_RULES_LIMIT), name)
    rules[name] = _with_fields(rule, fields, found)


def _slow_globs(rules: Iterable[Rule]) -> int:
    return sum(
        matcher.slow_globs for rule in rules for matcher in (rule.match, *(each.match for each in rule.overrides))
    )


def _own_rule(name: str, fields: dict[str, Any]) -> Rule:
    """Return the rule with the defaults of all fields but ``metric``."""
    if not _OWN_NAME.fullmatch(name):
        raise Invalid(own_sentences.rule_name_not_valid(quoted(name)), name)
    metric = fields["metric"]
    if not isinstance(metric, str) or metric not in BOUNDS:
        raise Invalid(sentences.rule_not_one_of(name, "metric", literal(metric), ", ".join(BOUNDS)), name, "metric")
    known = _fields_of(Rule(name, enabled=True, severity="warning", for_seconds=0.0, metric=metric, by=None))
    known += ["by"] if metric == OFFLINE_SHARE and "by" not in known else []
    for field in fields:
        # First: a misspelt field is also missing.
        if field not in known:
            raise Invalid(_no_such_field(name, field, known), name, field)
    for field in ("threshold", *(["by"] if metric == OFFLINE_SHARE else [])):
        if field not in fields:
            raise Invalid(own_sentences.rule_lacks_field(name, field), name)
    by = fields["by"] if metric == OFFLINE_SHARE else None
    if by is not None and not (isinstance(by, str) and LABEL_NAME.fullmatch(by)):
        raise Invalid(own_sentences.rule_not_a_label(name, "by", literal(by)), name, "by")
    return Rule(name, enabled=True, severity="warning", for_seconds=OWN_FOR_SECONDS, metric=metric, by=by)


def _no_such_field(rule: str, field: str, known: Sequence[str]) -> Coded:
    meant = _closest(field, known)
    if meant is not None:
        return sentences.rule_field_misspelt(rule, quoted(field), meant)
    return sentences.rule_field_no_such(rule, quoted(field), ", ".join(known))


def _closest(word: str, known: Iterable[str]) -> str | None:
    return next(iter(get_close_matches(word[:_WORD_LENGTH], known, 1, _SIMILARITY)), None)


def _fields_of(rule: Rule) -> list[str]:
    fields = ["enabled", "severity", "for_seconds", "keep_seconds", "match", "overrides"]
    fields += ["metric"] if rule.metric is not None else []
    fields += ["by"] if rule.is_of_groups else []
    fields += ["threshold", "clear"] if _has_threshold(rule) else []
    fields += ["ignore"] if rule.name in sentences.DETAILS else []
    fields += ["ignore_sensors"] if rule.name == "temperature" else []
    fields += ["master_severity"] if rule.name == "node_down" else []
    return fields


def _has_threshold(rule: Rule) -> bool:
    return rule.metric is not None or rule.name in _THRESHOLDS


def _with_fields(rule: Rule, fields: dict[str, Any], found: list[Invalid]) -> Rule:
    known, count = _fields_of(rule), len(found)
    values: dict[str, Any] = {}
    for field, value in fields.items():
        if field not in known:
            found.append(Invalid(_no_such_field(rule.name, field, known), rule.name, field))
        elif field not in ("metric", "by", "overrides"):
            with _collecting(found):
                values[field] = _value(rule, field, value)
    if len(found) > count:
        return rule
    if "threshold" in values and "clear" not in values:
        # A file that sets only the threshold keeps the distance of clear to the threshold.
        distance = 0.0 if rule.threshold is None or rule.clear is None else rule.threshold - rule.clear
        values["clear"] = values["threshold"] - distance
    if "severity" in values:
        # One severity applies to all nodes, unless the same text sets another severity for the master.
        values.setdefault("master_severity", None)
    changed = replace(rule, **values)
    with _collecting(found):
        _check_clear(changed, rule.name, "clear" if "clear" in fields else "threshold")
    with _collecting(found):
        if "overrides" in fields:
            changed = replace(changed, overrides=_overrides(changed, fields["overrides"], found))
    return changed


def _check_clear(rule: Rule, *position: str | int) -> None:
    if rule.threshold is not None and rule.clear is not None and rule.clear > rule.threshold:
        why = sentences.rule_clear_above_threshold(rule.name, rule.clear, rule.threshold)
        raise Invalid(why, *position)


def _overrides(rule: Rule, value: object, found: list[Invalid]) -> tuple[Override, ...]:
    position = rule.name, "overrides"
    if not isinstance(value, list):
        raise Invalid(own_sentences.rule_not_overrides(rule.name, "overrides", literal(value)), *position)
    if len(value) > OVERRIDES_LIMIT:
        raise Invalid(own_sentences.rule_too_many_overrides(rule.name, "overrides", OVERRIDES_LIMIT), *position)
    read: list[Override] = []
    for number, entry in enumerate(value):
        with _collecting(found):
            read.append(_override(rule, number, entry))
    return tuple(read)


def _override(rule: Rule, number: int, entry: object) -> Override:
    name, field, position = rule.name, f"overrides/{number + 1}", (rule.name, "overrides", number)
    if not isinstance(entry, dict):
        raise Invalid(own_sentences.rule_not_overrides(name, field, literal(entry)), *position)
    settable = _OVERRIDABLE if _has_threshold(rule) else ("severity",)
    for key in entry:
        if key not in ("match", *settable):
            known = ", ".join(("match", *settable))
            no_such = sentences.rule_field_no_such(name, quoted(f"{field}/{key}"), known)
            raise Invalid(no_such, *position, key)
    if "match" not in entry:
        raise Invalid(own_sentences.rule_lacks_field(name, f"{field}/match"), *position)
    keys, labels = ((), [label_key(rule.by)]) if rule.by is not None else (NODE_KEYS, None)
    match = read_matcher(
        name, f"{field}/match", entry["match"], (*position, "match"), built_in_keys=keys, labels=labels
    )
    if not match.to_patterns():
        raise Invalid(own_sentences.match_empty(name, f"{field}/match"), *position, "match")
    values = {key: _value(rule, key, entry[key], number) for key in settable if key in entry}
    if not values:
        raise Invalid(own_sentences.override_sets_nothing(name, field, ", ".join(settable)), *position)
    override = Override(match, **values)
    _check_clear(rule.with_override(override), *position, "clear" if "clear" in values else "threshold")
    return override


def _value(rule: Rule, field: str, value: object, override: int | None = None) -> Any:
    """Return the checked value of a field of the rule, or of its override with this number from 0."""
    name, shown = rule.name, field if override is None else f"overrides/{override + 1}/{field}"
    position = (name, field) if override is None else (name, "overrides", override, field)
    match field:
        case "enabled":
            if not isinstance(value, bool):
                raise Invalid(sentences.rule_not_a_flag(name, shown, literal(value)), *position)
            return value
        case "severity" | "master_severity":
            if value not in get_args(Severity):
                known = ", ".join(get_args(Severity))
                raise Invalid(sentences.rule_not_one_of(name, shown, literal(value), known), *position)
            return value
        case "match":
            return read_matcher(name, shown, value, position, built_in_keys=NODE_KEYS)
        case "ignore":
            if not isinstance(value, list) or not all(isinstance(pattern, str) for pattern in value):
                raise Invalid(sentences.rule_not_patterns(name, shown, literal(value)), *position)
            if len(value) > PATTERNS_LIMIT or any(len(pattern) > PATTERN_LENGTH for pattern in value):
                too_many = sentences.rule_too_many_patterns(name, shown, PATTERNS_LIMIT, PATTERN_LENGTH)
                raise Invalid(too_many, *position)
            return tuple(value)
        case "ignore_sensors":
            return _sensor_patterns(name, field, value)
    lowest, highest = _bounds(rule, field)
    if isinstance(value, bool) or not isinstance(value, int | float) or not lowest <= value <= highest:
        bound = None if lowest == -math.inf else lowest
        raise Invalid(sentences.rule_not_a_number(name, shown, literal(value), bound, highest), *position)
    return float(value)


def _bounds(rule: Rule, field: str) -> tuple[float, float]:
    if field.endswith("_seconds"):
        return 0.0, _DAY_SECONDS
    if rule.metric is not None:
        return BOUNDS[rule.metric]
    lowest, highest = _THRESHOLDS[rule.name]
    return -math.inf if field == "clear" else lowest, highest


def _sensor_patterns(rule: str, field: str, value: object) -> tuple[SensorPattern, ...]:
    if not isinstance(value, list):
        raise Invalid(sentences.rule_not_sensors(rule, field, literal(value)), rule, field)
    if len(value) > SENSORS_LIMIT:
        raise Invalid(sentences.rule_too_many_sensors(rule, field, SENSORS_LIMIT), rule, field)
    return tuple(_sensor_pattern(rule, field, entry, (rule, field, number)) for number, entry in enumerate(value))


def _sensor_pattern(rule: str, field: str, entry: object, position: Sequence[str | int]) -> SensorPattern:
    if isinstance(entry, str) and "/" in entry:
        chip, _, label = entry.partition("/")
        entry = {"chip": chip, "label": label}
    if not isinstance(entry, dict) or not entry or not entry.keys() <= {"chip", "label"}:
        raise Invalid(sentences.rule_not_a_sensor(rule, field, literal(entry)), *position)
    for pattern in entry.values():
        if not isinstance(pattern, str) or len(pattern) > NAME_LIMIT:
            why = sentences.rule_sensor_not_a_text(rule, field, literal(pattern), NAME_LIMIT)
            raise Invalid(why, *position)
    return SensorPattern(**entry)
