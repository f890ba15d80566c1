"""Errors of the rules file about rules of one's own, matchers and overrides. Further errors are in ``files``.

``field`` is the way to a value, as in ``overrides/2/match/rack``: the label ``rack`` in the second override.
"""

from collector.sentences.sentence import plural, sentence


@sentence
def rule_name_not_valid(name: str) -> str:
    return f"{name} cannot be a rule's name; a name has a-z, 0-9 and _ and begins with a letter"


@sentence
def rules_too_many(limit: int) -> str:
    return f"the file has more than {plural(limit, 'rule')} of your own"


@sentence
def rules_too_many_globs(limit: int) -> str:
    return f"the matchers of the file have more than {plural(limit, 'pattern')} with ? or with * before the end"


@sentence
def rule_lacks_field(rule: str, field: str) -> str:
    return f"{rule}: {field} is missing"


@sentence
def rule_not_a_label(rule: str, field: str, value: str) -> str:
    return f"{rule}: {field} {value} must be the name of a label, for instance rack"


@sentence
def rule_not_overrides(rule: str, field: str, value: str) -> str:
    return f"{rule}: {field} {value} must have the form [{{match: {{rack: a}}, threshold: 95}}]"


@sentence
def rule_too_many_overrides(rule: str, field: str, limit: int) -> str:
    return f"{rule}: {field} must have up to {plural(limit, 'override')}"


@sentence
def override_sets_nothing(rule: str, field: str, known: str) -> str:
    return f"{rule}: {field} must have at least one of {known}"


@sentence
def match_not_a_mapping(rule: str, field: str, value: str) -> str:
    return f"{rule}: {field} {value} must have the form {{rack: [a, b], role: worker}}"


@sentence
def match_too_many_keys(rule: str, field: str, limit: int) -> str:
    return f"{rule}: {field} must have up to {plural(limit, 'key')}"


@sentence
def match_key_not_here(rule: str, field: str, key: str, known: str) -> str:
    return f"{rule}: {field}: {key} cannot be used here; the keys are {known}"


@sentence
def match_no_such_key(rule: str, field: str, key: str, known: str) -> str:
    return f"{rule}: {field}: {key} is not a label; the other keys are {known}"


@sentence
def match_not_a_text(rule: str, field: str, value: str) -> str:
    return f"{rule}: {field} {value} must be a text; write numbers, dates, yes, no, true and false in quotes"


@sentence
def match_empty(rule: str, field: str) -> str:
    return f"{rule}: {field} must not be empty"
