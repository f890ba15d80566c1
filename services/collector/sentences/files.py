"""Errors of files that people edit: the file itself, its YAML, and the alert rules.

``rule`` and ``field`` are names; ``value`` is an excerpt of the file. Errors of targets are in ``targets``.
"""

from typing import Final

from collector.sentences.sentence import number, plural, sentence, size, with_detail


@sentence
def file_missing() -> str:
    return "there is no such file"


@sentence
def file_is_no_file() -> str:
    return "it is not a file"


@sentence
def file_unreadable(error: str | None) -> str:
    return with_detail("it cannot be read", error)


@sentence
def file_too_long(limit_bytes: int) -> str:
    return f"it is longer than {size(limit_bytes)}"


@sentence
def file_not_utf8() -> str:
    return "it is not UTF-8 text"


# ``error`` is the message of the YAML library, in English.


@sentence
def yaml_invalid(error: str) -> str:
    return f"not YAML: {error}"


@sentence
def yaml_invalid_or_ipv6(error: str) -> str:
    return f'not YAML: {error} (an IPv6 address or a range needs quotes, as in "[fd00::6]:9100")'


@sentence
def yaml_directive() -> str:
    return "YAML directives (%NAME) are not supported"


@sentence
def yaml_alias() -> str:
    return "YAML aliases (*name) are not supported"


@sentence
def yaml_anchor() -> str:
    return "YAML anchors (&name) are not supported"


@sentence
def yaml_tag() -> str:
    return "YAML tags (!name) are not supported"


@sentence
def yaml_too_deep(limit: int) -> str:
    return f"lists and mappings are nested more than {plural(limit, 'level')} deep"


@sentence
def yaml_text_too_long(limit: int) -> str:
    return f"a text of more than {plural(limit, 'character')} needs quotes"


@sentence
def yaml_too_many_values(limit: int) -> str:
    return f"the file has more than {plural(limit, 'value')}"


#: The details that each rule can ignore, and an example.
DETAILS: Final[dict[str, tuple[str, str]]] = {
    "filesystem_full": ("mount points", "/media/*"),
    "filesystem_readonly": ("mount points", "/media/*"),
    "under_voltage": ("sensors", "nct6798/*"),
    "hardware_alarm": ("sensors", "nct6798/*"),
    "pressure": ("resources", "io"),
}


@sentence
def rules_not_a_mapping() -> str:
    return "it must have the form rule: {field: value}, for instance: memory: {threshold: 95}"


@sentence
def rule_no_such(name: str, known: str) -> str:
    return f"{name} is not a rule; the rules are {known}"


@sentence
def rule_misspelt(name: str, meant: str) -> str:
    return f"{name} is not a rule (did you mean {meant}?); a rule of your own needs metric"


@sentence
def rule_not_a_mapping(rule: str, value: str) -> str:
    return f"{rule}: {value} must be a mapping of fields, for instance: {{enabled: false}}"


@sentence
def rule_field_no_such(rule: str, field: str, known: str) -> str:
    return f"{rule}: {field} is not a field of this rule; its fields are {known}"


@sentence
def rule_field_misspelt(rule: str, field: str, meant: str) -> str:
    return f"{rule}: {field} is not a field of this rule (did you mean {meant}?)"


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
