"""Matchers in the rules file: their errors as sentences with a position in the file."""

from collections.abc import Collection

from collector.sentences import files as file_sentences
from collector.sentences import rules as sentences
from collector.sentences.sentence import literal
from contract.matchers import (
    KEYS_LIMIT,
    PATTERN_LENGTH,
    PATTERNS_LIMIT,
    Matcher,
    MatcherError,
    Position,
    known_values,
    parse_matcher,
)
from contract.messages import Coded
from runtime.quoting import quoted


class Invalid(Exception):
    """A value of the rules file is not valid. ``position``: keys, and numbers of list items from 0."""

    def __init__(self, why: Coded, *position: str | int) -> None:
        super().__init__(why.code)
        self.why = why
        self.position = position


def read_matcher(
    rule: str,
    field: str,
    value: object,
    position: Position,
    *,
    built_in_keys: Collection[str],
    labels: Collection[str] | None = None,
) -> Matcher:
    """Return the matcher of ``field``, which is at ``position``.

    ``built_in_keys`` and ``labels`` are the keys that make sense here; ``None``: all labels.

    Raises:
        Invalid: the value is no matcher.
    """
    try:
        matcher = parse_matcher(value, built_in_keys)
    except MatcherError as error:
        raise Invalid(_sentence(error, rule, field, built_in_keys), *position, *error.position) from None
    for key in matcher.to_patterns():
        if labels is not None and key not in labels and key not in built_in_keys:
            known = ", ".join((*built_in_keys, *labels))
            raise Invalid(sentences.match_key_not_here(rule, field, quoted(key), known), *position, key)
    return matcher


def _sentence(error: MatcherError, rule: str, field: str, built_in_keys: Collection[str]) -> Coded:
    value = literal(error.value)
    of_key = f"{field}/{error.position[0]}" if error.position else field
    match error.problem:
        case "not_a_mapping":
            return sentences.match_not_a_mapping(rule, field, value)
        case "too_many_keys":
            return sentences.match_too_many_keys(rule, field, KEYS_LIMIT)
        case "no_such_key":
            return sentences.match_no_such_key(rule, field, quoted(error.value), ", ".join(built_in_keys))
        case "key_not_here":
            return sentences.match_key_not_here(rule, field, quoted(error.value), ", ".join(built_in_keys))
        case "not_a_text":
            return sentences.match_not_a_text(rule, of_key, value)
        case "no_patterns" | "empty":
            return sentences.match_empty(rule, of_key)
        case "too_many_patterns" | "too_long":
            return file_sentences.rule_too_many_patterns(rule, of_key, PATTERNS_LIMIT, PATTERN_LENGTH)
        case "no_such_value":
            return file_sentences.rule_not_one_of(rule, of_key, value, ", ".join(known_values(str(error.position[0]))))
