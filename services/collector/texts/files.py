"""Why a file that people edit cannot be followed: the file itself, its YAML, and its rules.

``rule`` and ``field`` are names; ``value`` is one as the file writes it. Texts about targets are in ``targets``.
"""

from typing import Final

from collector.sentences.sentence import aside, number, plural, sentence, size


@sentence
def file_missing() -> str:
    return "there is no such file"


@sentence
def file_is_no_file() -> str:
    return "it is not a file"


@sentence
def file_unreadable(error: str | None) -> str:
    return aside("it cannot be read", error)


@sentence
def file_too_long(limit_bytes: int) -> str:
    return f"it is longer than {size(limit_bytes)}"


@sentence
def file_not_utf8() -> str:
    return "it is not UTF-8 text"


# ``error`` is what the library for YAML says, in English.


@sentence
def yaml_invalid(error: str) -> str:
    return f"not YAML: {error}"


@sentence
def yaml_invalid_or_ipv6(error: str) -> str:
    return f'not YAML: {error} (an IPv6 address needs quotes, as in "[fd00::6]:9100")'


@sentence
def yaml_directive() -> str:
    return "a directive (%NAME) is not read here"


@sentence
def yaml_alias() -> str:
    return "an alias (*name) is not read here"


@sentence
def yaml_anchor() -> str:
    return "an anchor (&name) is not read here"


@sentence
def yaml_tag() -> str:
    return "a tag (!name) is not read here"


@sentence
def yaml_too_deep(limit: int) -> str:
    return f"more than {plural(limit, 'list or mapping', 'lists and mappings')} inside each other are not read"


@sentence
def yaml_text_too_long(limit: int) -> str:
    return f"a text of more than {plural(limit, 'character')} needs quotes"


@sentence
def yaml_too_many_values(limit: int) -> str:
    return f"more than {plural(limit, 'value')} are not read"


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
