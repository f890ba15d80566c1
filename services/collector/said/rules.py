"""Why a rules file cannot be followed. ``rule`` and ``field`` are names; ``value`` is one as the file writes it."""

from typing import Final

from collector.said.sentence import number, plural, sentence

#: What each rule with details may leave out, and an example.
DETAILS: Final[dict[str, tuple[str, str]]] = {
    "filesystem_full": ("mount points", "/media/*"),
    "filesystem_readonly": ("mount points", "/media/*"),
    "under_voltage": ("sensors", "nct6798/*"),
    "hardware_alarm": ("sensors", "nct6798/*"),
    "pressure": ("resources", "io"),
}


@sentence
def rules_not_a_mapping() -> str:
    return "it must say rule: {field: value}, for instance: memory: {threshold: 95}"


@sentence
def rule_no_such(name: str, known: str) -> str:
    return f"{name} is no rule; there are {known}"


@sentence
def rule_not_a_mapping(rule: str, value: str) -> str:
    return f"{rule}: {value} must say field: value, for instance: {{enabled: false}}"


@sentence
def rule_field_no_such(rule: str, field: str, known: str) -> str:
    return f"{rule}: {field} is none of its fields, which are {known}"


@sentence
def rule_clear_above_threshold(rule: str, clear: float, threshold: float) -> str:
    return f"{rule}: clear {number(clear)} must not be above threshold {number(threshold)}"


@sentence
def rule_not_a_flag(rule: str, field: str, value: str) -> str:
    return f"{rule}: {field} {value} must be true or false"


@sentence
def rule_not_one_of(rule: str, field: str, value: str, known: str) -> str:
    return f"{rule}: {field} {value} must be one of {known}"


@sentence
def rule_not_a_number(rule: str, field: str, value: str, lowest: float | None, highest: float) -> str:
    bounds = f"up to {number(highest)}" if lowest is None else f"from {number(lowest)} to {number(highest)}"
    return f"{rule}: {field} {value} must be a number {bounds}"


@sentence
def rule_not_patterns(rule: str, field: str, value: str) -> str:
    details, example = DETAILS[rule]
    return f"{rule}: {field} {value} must be a list of {details}, for instance [{example}]"


@sentence
def rule_too_many_patterns(rule: str, field: str, limit: int, limit_characters: int) -> str:
    return (
        f"{rule}: {field} must have up to {plural(limit, 'text')} of up to {plural(limit_characters, 'character')} each"
    )


@sentence
def rule_not_sensors(rule: str, field: str, value: str) -> str:
    return f"{rule}: {field} {value} must be a list of sensors, {_SENSORS}"


@sentence
def rule_too_many_sensors(rule: str, field: str, limit: int) -> str:
    return f"{rule}: {field} must have up to {plural(limit, 'sensor')}"


@sentence
def rule_not_a_sensor(rule: str, field: str, value: str) -> str:
    return f"{rule}: {field}: {value} must have a chip, a label or both, {_SENSORS}"


@sentence
def rule_sensor_not_a_text(rule: str, field: str, value: str, limit: int) -> str:
    return f"{rule}: {field}: {value} must be a text of up to {plural(limit, 'character')}"


_SENSORS: Final = "for instance [{chip: nct6775, label: CPUTIN}] or [nct6775/CPUTIN]"
